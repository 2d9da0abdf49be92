"""Plans sets that name their images: asks for these by id, and walks through no region."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kingbird import exception
from kingbird.states import Reason
from kingbird.sync import image as fields
from kingbird.sync.image import Image
from kingbird.sync.item import Item
from kingbird.sync.listing.lookup import ImagesById, RegionResults
from kingbird.sync.outcome import Outcome, region_failure
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.decide import TargetState, decide
from kingbird.sync.plan.identity import Reference
from kingbird.sync.plan.targets import IdsByTarget, TargetLookup, ids_of_copies, merge_results
from kingbird.sync.request import Requester, SyncSet, choose_source


@dataclass(frozen=True)
class _RequestedImage:
    """An image of a set, with its source once that is known.

    :ivar named_by: an image of the set that refers to it, with its region.
    :ivar found: the source regions' answers.
    """

    resource: str
    sync_set: SyncSet
    named_by: tuple[str, Image] | None = None
    source: tuple[str, Image] | None = None
    problem: Outcome | None = None
    found: RegionResults = field(default_factory=dict)
    #: What speaks against this set where several may have meant the image.
    doubt: tuple[bool, ...] = ()

    @property
    def came_along(self) -> bool:
        """Whether only another image names it; a retry names what came along before."""
        named = self.resource in self.sync_set.resources and self.sync_set.force_mode is None
        return self.named_by is not None and not named

    def reference(self, named_by: tuple[str, Image], caller: Requester) -> Reference | Outcome:
        """Return it as another image names it, or why that is not known.

        :param named_by: the other image, with the region that it is copied from.
        """
        region, image = named_by
        answer = self.found[region]
        if isinstance(answer, exception.KingbirdError):
            return region_failure(answer)
        origin = answer.get(self.resource)
        return Reference(self.resource, region, origin, image.get("owner"), caller.project_id)


class _Decided:
    """The items of a plan, for the images that refer to others."""

    def __init__(self, wanted: Sequence[_RequestedImage], caller: Requester) -> None:
        self._wanted = {(image.resource, image.sync_set): image for image in wanted}
        self._caller = caller
        self._items: dict[tuple[str, str], tuple[_RequestedImage, Item]] = {}

    def __contains__(self, pair: tuple[str, str]) -> bool:
        return pair in self._items

    def note(self, image: _RequestedImage, item: Item) -> None:
        """Keep the item of an image."""
        self._items[item.resource, item.target_region] = image, item

    def references(self, image: _RequestedImage, situation: TargetState) -> dict[str, Item]:
        """Return the items of the images that an image refers to, by property."""
        if image.source is None:
            return {}
        found = {}
        for name, other in fields.references(image.source[1]).items():
            item = self._reference(image, image.source, other, situation)
            if item is not None:
                found[name] = item
        return found

    def _reference(
        self, image: _RequestedImage, source: tuple[str, Image], other: str, situation: TargetState
    ) -> Item | None:
        target = situation.region
        reference = self._wanted[other, image.sync_set].reference(source, self._caller)
        if isinstance(reference, Outcome):
            return Item(other, source[0], target).with_outcome(reference)
        of, item = self._items.get((other, target), (None, None))
        origin = of.source[1] if of and of.source else None
        return reference.settle(item, origin, target, situation.images)


class ByIdPlanner:
    """Plans a job's sets that name images."""

    def __init__(self, cloud: PlanContext) -> None:
        self._cloud = cloud
        self._copies = TargetLookup(cloud)

    def plan(self, sets: Sequence[SyncSet]) -> Iterator[tuple[SyncSet, Item]]:
        """Yield the items, each with its set; those that others refer to come before them.

        Makes list calls only.
        """
        if not sets:
            return
        named = _named(sets)
        wanted, answers = self._find_sources(sets, ids_of_copies(named))
        situations = self._target_states(wanted, named, answers)
        decided = _Decided(wanted, self._cloud.caller)
        for image, rank in _by_rank(wanted):
            for target in image.sync_set.targets:
                if (image.resource, target) in decided:
                    continue
                item = self._item(image, target, situations[target], decided, rank)
                decided.note(image, item)
                yield image.sync_set, item

    # Sources.

    def _find_sources(
        self, sets: Sequence[SyncSet], in_targets: Mapping[str, set[str]]
    ) -> tuple[list[_RequestedImage], RegionResults]:
        """Find each image's source; an AMI takes its kernel and ramdisk along.

        :param in_targets: ids to ask target regions for at the same time.
        :returns: also what the target regions answered.
        """
        wanted: dict[tuple[str, SyncSet], _RequestedImage] = {}
        todo = {(name, one): _RequestedImage(name, one) for one in sets for name in one.resources}
        answers = self._cloud.find(_union(_ids_in_sources(todo.values()), in_targets))
        copies = {region: answers[region] for region in in_targets}
        while todo:
            found = [self._with_source(image, answers) for image in todo.values()]
            wanted.update(zip(todo, found, strict=True))
            todo = {}
            for image in found:
                for other in fields.references(image.source[1]).values() if image.source else ():
                    key = (other, image.sync_set)
                    if key not in wanted:
                        todo[key] = _RequestedImage(*key, image.source)
                    elif other != image.resource:
                        wanted[key] = dataclasses.replace(wanted[key], named_by=image.source)
            answers = self._cloud.find(_ids_in_sources(todo.values()))
        return list(wanted.values()), copies

    def _with_source(
        self, image: _RequestedImage, answers: Mapping[str, ImagesById | exception.KingbirdError]
    ) -> _RequestedImage:
        found = {region: answers[region] for region in image.sync_set.sources}
        image = dataclasses.replace(image, found=found)
        copies = {}
        problem: exception.KingbirdError | None = None
        for region, answer in found.items():
            if isinstance(answer, exception.KingbirdError):
                problem = answer
            elif image.resource in answer:
                copies[region] = answer[image.resource]
        if image.named_by:
            reference = image.reference(image.named_by, self._cloud.caller)
            if isinstance(reference, Outcome):
                return dataclasses.replace(image, problem=reference)
            copies = {name: copy for name, copy in copies.items() if reference.means(copy)}
        meant = self._meant(image.sync_set, copies)
        source = choose_source(meant or copies, image.sync_set.preferred, self._cloud.caller)
        doubt: tuple[bool, ...] = ()
        if image.sync_set.selects:
            # Where none means it any more, rather one that writes nothing.
            real = not (meant or image.sync_set.dry_run)
            doubt = (not meant, real, not source, not problem)
        if source:
            return dataclasses.replace(image, source=source, doubt=doubt)
        outcome = region_failure(problem) if problem else Outcome(Reason.SOURCE_GONE)
        return dataclasses.replace(image, problem=outcome, doubt=doubt)

    def _meant(self, sync_set: SyncSet, copies: Mapping[str, Image]) -> Mapping[str, Image]:
        """Return the copies for whose sake a set means an image, where its filters say so."""
        if not sync_set.selects:
            return copies
        means = sync_set.selection(self._cloud.caller).matcher()
        return {region: copy for region, copy in copies.items() if means(copy)}

    # Targets.

    def _target_states(
        self, wanted: Sequence[_RequestedImage], asked: IdsByTarget, answers: RegionResults
    ) -> dict[str, TargetState]:
        """Say what there is in each target region.

        :param asked: the images that the regions were asked for already.
        :param answers: what they answered; it is added to.
        """
        sources = {image.resource: image.source[1] for image in wanted if image.source}
        resources: dict[str, set[str]] = {}
        for image in wanted:
            if image.source is None and image.named_by:
                # It may be in the target all the same.
                gone = {"id": image.resource, "owner": image.named_by[1].get("owner")}
                sources.setdefault(image.resource, gone)
            for target in image.sync_set.targets:
                ids = resources.setdefault(target, set())
                if image.source is None and not image.named_by:
                    continue
                if image.source is None or image.source[0] != target:
                    ids.add(image.resource)
        rest = {target: ids - asked.get(target, set()) for target, ids in resources.items()}
        merge_results(answers, self._copies.find_copies(rest))
        burnt = self._copies.find_further_forced(resources, sources, answers)
        return {
            target: self._situation(target, ids, answers.get(target, {}), burnt[target])
            for target, ids in resources.items()
        }

    def _situation(
        self,
        target: str,
        ids: set[str],
        answer: ImagesById | exception.KingbirdError,
        burnt: Mapping[str, str],
    ) -> TargetState:
        if isinstance(answer, exception.KingbirdError):
            return TargetState(target, error=region_failure(answer))
        return TargetState(target, answer, {**self._cloud.tombstones(target, ids), **burnt})

    # Items.

    def _item(
        self,
        image: _RequestedImage,
        target: str,
        situation: TargetState,
        decided: _Decided,
        rank: int,
    ) -> Item:
        if image.source is None:
            region = image.named_by[0] if image.named_by else image.sync_set.sources[0]
            item = Item(image.resource, region, target)
            item = item.with_outcome(image.problem or Outcome(Reason.SOURCE_GONE))
        else:
            item = decide(
                image.source[1],
                image.source[0],
                situation,
                self._cloud.caller,
                self._cloud.rules,
                image.sync_set.options,
                references=decided.references(image, situation),
            )
        if image.named_by and image.came_along:
            reference = image.reference(image.named_by, self._cloud.caller)
            if isinstance(reference, Reference):
                item = reference.came_along(item, situation.images)
        return dataclasses.replace(item, rank=rank)


def _ids_in_sources(todo: Iterable[_RequestedImage]) -> dict[str, set[str]]:
    ids: dict[str, set[str]] = {}
    for image in todo:
        for region in image.sync_set.sources:
            ids.setdefault(region, set()).add(image.resource)
    return ids


def _union(some: Mapping[str, set[str]], others: Mapping[str, set[str]]) -> dict[str, set[str]]:
    return {key: some.get(key, set()) | others.get(key, set()) for key in {**some, **others}}


def _named(sets: Sequence[SyncSet]) -> dict[str, set[str]]:
    """Return the images that a request names, by target region.

    Where a target is among the sources, it depends on the chosen source what to ask it for.
    """
    named: dict[str, set[str]] = {}
    for one in sets:
        for target in one.targets:
            if target not in one.sources:
                named.setdefault(target, set()).update(one.resources)
    return named


def _by_rank(wanted: Sequence[_RequestedImage]) -> list[tuple[_RequestedImage, int]]:
    """Order images so that each comes after those that it refers to.

    Of several sets that may have meant an image the most likely comes first.
    References that go in a circle are no dependency.
    """
    sources = {image.resource: image.source[1] for image in wanted if image.source}
    ranks: dict[str, int] = {}

    def rank(resource: str, above: frozenset[str]) -> int:
        if resource not in ranks:
            others = [
                rank(other, above | {resource})
                for other in fields.references(sources.get(resource, {})).values()
                if other not in above and other != resource
            ]
            ranks[resource] = 1 + max(others) if others else 0
        return ranks[resource]

    ranked = [(image, rank(image.resource, frozenset())) for image in wanted]
    return sorted(ranked, key=lambda pair: (pair[1], pair[0].doubt))
