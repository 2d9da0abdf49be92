"""The sets of a retry: those of the request, limited to the items that are retried."""

import dataclasses
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from kingbird.states import ALL
from kingbird.sync.request import SyncSet


@dataclass(frozen=True)
class RetrySets:
    """The part of a job that is retried.

    :ivar sets: first sets of images by id, then wildcard sets.
    :ivar regions: the regions with an item for all images.  It stands for every image that the
        region had to do with, as a target or as a source, in every set.
    :ivar targets: the targets that are compared completely, and counted anew.
    """

    sets: list[SyncSet]
    regions: frozenset[str]
    targets: frozenset[str]


def sets_to_retry(sets: Sequence[SyncSet], pairs: Iterable[tuple[str, str]]) -> RetrySets:
    """Return the sets that plan some items of a job anew.

    :param sets: the sets of the job's request.
    :param pairs: image and target region of each item; the image is ``*`` for all of a region.
    """
    regions: set[str] = set()
    index = _Index(sets)
    ids: dict[tuple[tuple[int, ...], str], list[str]] = {}
    for resource, target in pairs:
        if resource == ALL:
            regions.add(target)
        else:
            ids.setdefault((index.sets_of(resource, target), target), []).append(resource)
    by_id = [
        sets[index].limited_to(
            resources, (target,), optional=not all(sets[one].is_wildcard for one in indexes)
        )
        for (indexes, target), resources in ids.items()
        for index in indexes
    ]
    targets = frozenset().union(*(_affected(one, regions) for one in sets if one.is_wildcard))
    # A set without any of the regions still comes before later sets with the same targets.
    wildcard = [_limited(one, targets) for one in sets if one.is_wildcard]
    return RetrySets(
        [*by_id, *(one for one in wildcard if one.targets)], frozenset(regions), targets
    )


def compared(
    sets: Iterable[SyncSet], regions: Iterable[str], away: Collection[str]
) -> frozenset[str]:
    """Return those of some regions that have been compared for all that they have to do with.

    :param sets: the sets of the job's request.
    :param regions: the regions with an item for all images.
    :param away: the regions that are left to a later part of the plan.
    """
    found = set(regions).difference(away)
    for one in sets:
        if one.is_wildcard and not found.isdisjoint(one.regions):
            if not set(one.sources).isdisjoint(away):
                found.difference_update(one.regions)
            elif not set(one.targets).isdisjoint(away):
                found.difference_update(one.sources)
    return frozenset(found)


def _affected(wildcard: SyncSet, regions: set[str]) -> frozenset[str]:
    """Return the targets of a set in which images may be missing because of some regions."""
    if regions.isdisjoint(wildcard.sources):
        return frozenset(regions.intersection(wildcard.targets))
    return frozenset(wildcard.targets)


def _limited(wildcard: SyncSet, targets: frozenset[str]) -> SyncSet:
    # All sources stay, as the choice of an image's source depends on all of them.
    return dataclasses.replace(
        wildcard, targets=tuple(target for target in wildcard.targets if target in targets)
    )


class _Index:
    """Finds the sets of an item without a look at all images that they name."""

    def __init__(self, sets: Sequence[SyncSet]) -> None:
        self._targets = [frozenset(one.targets) for one in sets]
        self._wildcard = [number for number, one in enumerate(sets) if one.is_wildcard]
        self._naming: dict[str, list[int]] = {}
        #: The first set with a target.
        self._first: dict[str, int] = {}
        for number, one in enumerate(sets):
            for target in one.targets:
                self._first.setdefault(target, number)
            for name in () if one.is_wildcard else dict.fromkeys(one.resources):
                self._naming.setdefault(name, []).append(number)

    def sets_of(self, resource: str, target: str) -> tuple[int, ...]:
        """Return the indexes of the sets that an item may belong to.

        The planner chooses, which sees the image.
        """
        numbers = sorted([*self._wildcard, *self._naming.get(resource, ())])
        found = tuple(number for number in numbers if target in self._targets[number])
        # No set has the id of a kernel that came along with an AMI.
        return found or (self._first.get(target, 0),)
