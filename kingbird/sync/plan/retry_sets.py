"""The sets of a run that tries again what failed: the same options, but only what is left."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kingbird.states import ALL
from kingbird.sync.request import SyncSet


@dataclass(frozen=True)
class Again:
    """What is tried again of a job.

    :ivar sets: first those that name images, then those with ``*``.
    :ivar regions: the regions whose item was ``*``.  It stands for all that they had to do
        with the job, as targets and as sources, for every set.
    :ivar targets: the targets that are compared for their sake, and counted anew.
    """

    sets: list[SyncSet]
    regions: frozenset[str]
    targets: frozenset[str]


def plan_again(sets: Sequence[SyncSet], pairs: Iterable[tuple[str, str]]) -> Again:
    """Say what is to be planned to try again some items of a job.

    :param sets: the sets of the job's request.
    :param pairs: image and target region of each item; ``*`` for all images of a region.
    """
    regions: set[str] = set()
    ids: dict[tuple[tuple[int, ...], str], list[str]] = {}
    for resource, target in pairs:
        if resource == ALL:
            regions.add(target)
        else:
            ids.setdefault((_sets_of(sets, resource, target), target), []).append(resource)
    named = [
        _naming(sets[index], resources, target)
        for (indexes, target), resources in ids.items()
        for index in indexes
    ]
    targets = frozenset().union(*(_touched(each, regions) for each in sets if each.is_wildcard))
    # A set that none of the regions has to do with comes before others in the same targets.
    whole = [_narrowed(each, targets) for each in sets if each.is_wildcard]
    return Again([*named, *(each for each in whole if each.targets)], frozenset(regions), targets)


def _touched(whole: SyncSet, regions: set[str]) -> frozenset[str]:
    """Return the targets of a set that may miss something for the sake of some regions."""
    if regions.isdisjoint(whole.sources):
        return frozenset(regions.intersection(whole.targets))
    return frozenset(whole.targets)


def _narrowed(whole: SyncSet, targets: frozenset[str]) -> SyncSet:
    # All sources stay: which copy is the source depends on all of them.
    return dataclasses.replace(
        whole, targets=tuple(target for target in whole.targets if target in targets)
    )


def _naming(one: SyncSet, resources: Sequence[str], target: str) -> SyncSet:
    return dataclasses.replace(
        one,
        resources=tuple(resources),
        targets=(target,),
        force_mode=one.options.force,
        selects=one.is_wildcard,
    )


def _sets_of(sets: Sequence[SyncSet], resource: str, target: str) -> tuple[int, ...]:
    """Return which sets an item may have come from.

    Who names an image comes before who means all.  Which of several of these it was can be told
    only when the image is looked at.
    """
    indexes = [i for i, each in enumerate(sets) if target in each.targets]
    for index in indexes:
        if resource in sets[index].resources:
            return (index,)
    # A kernel that came along with an AMI is named by no set.
    return tuple(i for i in indexes if sets[i].is_wildcard) or tuple(indexes[:1]) or (0,)
