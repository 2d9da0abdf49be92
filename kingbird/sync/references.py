"""Images that other images refer to: an AMI's kernel and ramdisk (design, section 7).

In a walk through whole regions an AMI may come before its kernel.  So it is decided about when
the walk is over: most of what AMIs refer to was planned by then, or is where it belongs.
"""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from kingbird import exception
from kingbird.sync import image as fields
from kingbird.sync.cloud import Answers, Cloud
from kingbird.sync.image import Image
from kingbird.sync.item import CREATE, UPDATE, Item
from kingbird.sync.later import Pending
from kingbird.sync.outcome import Outcome, region_problem


def are_needed(source: Image, item: Item) -> bool:
    """Whether it matters for an item what became of the images that its image refers to."""
    if not fields.references(source):
        return False
    drifted = item.outcome is not None and item.outcome.reason == "drift"
    return item.action in (CREATE, UPDATE) or drifted


def ranked(item: Item, source: Image) -> Item:
    """Have an item wait for those of the images that its image refers to."""
    return dataclasses.replace(item, rank=1) if fields.references(source) else item


class Finder:
    """Finds out what became of the images that others refer to."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def find(self, batch: Sequence[Pending], moved: Mapping[tuple[str, str], Item]) -> "Named":
        """Look for what some images refer to: in the plan, in the targets, in the sources.

        Regions are asked only for what has no item.

        :param moved: what is in order under another id, by target and image.
        """
        wanted: dict[tuple[str, str], Pending] = {}
        for one in batch:
            for other in fields.references(one.source).values():
                wanted.setdefault((one.target, other), one)
        items: dict[tuple[str, str], Item] = {}
        for target in {target for target, _ in wanted}:
            ids = {other for region, other in wanted if region == target}
            found = self._cloud.planned(target, ids)
            items.update(((target, other), item) for other, item in found.items())
        items.update((key, moved[key]) for key in wanted if key in moved)
        left = {key: one for key, one in wanted.items() if key not in items}
        there = self._ask((target, other) for target, other in left)
        for target, other in list(left):
            answer = there[target]
            item = Item(other, left[target, other].source_region, target)
            if isinstance(answer, exception.KingbirdError):
                items[target, other] = item.ended(region_problem(answer))
            elif other in answer:
                items[target, other] = item.ended(Outcome("in_sync", target_resource=other))
            else:
                continue
            del left[target, other]
        sources = self._ask((one.source_region, other) for (_, other), one in left.items())
        return Named(items, left, sources)

    def _ask(self, pairs: Iterator[tuple[str, str]]) -> Answers:
        ids: dict[str, set[str]] = {}
        for region, image_id in pairs:
            ids.setdefault(region, set()).add(image_id)
        return self._cloud.find(ids)


class Named:
    """What became of the images that some others refer to.

    :param items: by target and image.
    :param left: those that are neither planned nor there, with who refers to them.
    :param sources: what the source regions answered about these.
    """

    def __init__(
        self,
        items: dict[tuple[str, str], Item],
        left: Mapping[tuple[str, str], Pending],
        sources: Answers,
    ) -> None:
        self._items = items
        self._left = left
        self._sources = sources

    def to_bring(self) -> Iterator[Pending]:
        """Yield those that have to be brought along, as nothing selected them."""
        for (target, other), one in self._left.items():
            answer = self._sources[one.source_region]
            if not isinstance(answer, exception.KingbirdError) and other in answer:
                source = answer[other]
                yield dataclasses.replace(one, source=source, target=target, copy=None)

    def gone(self) -> Iterator[tuple[int, Item]]:
        """Yield failed items for those that can't be found, with the index of the set."""
        for (target, other), one in self._left.items():
            if (target, other) in self._items:
                continue
            answer = self._sources[one.source_region]
            problem = (
                region_problem(answer)
                if isinstance(answer, exception.KingbirdError)
                else Outcome("source_gone")
            )
            item = Item(other, one.source_region, target).ended(problem)
            self.settle(item)
            yield one.index, item

    def settle(self, item: Item) -> None:
        """Note what was decided about one of them."""
        self._items[item.target_region, item.resource] = item

    def of(self, one: Pending) -> dict[str, Item]:
        """Return the items that an image depends on, by property."""
        return {
            name: self._items[one.target, other]
            for name, other in fields.references(one.source).items()
            if (one.target, other) in self._items
        }
