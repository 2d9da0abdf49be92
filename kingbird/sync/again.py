"""The sets of a run that tries again what failed: the same options, but only what is left."""

import dataclasses
from collections.abc import Iterable, Sequence

from kingbird.sync.item import ALL
from kingbird.sync.sets import SyncSet


def sets_for(sets: Sequence[SyncSet], pairs: Iterable[tuple[str, str]]) -> list[SyncSet]:
    """Return sets that mean just some items of a job.

    :param sets: the sets of the job's request.
    :param pairs: image and target region of each item; ``*`` for all images of a region.
    """
    named: dict[tuple[int, str], list[str]] = {}
    again: list[SyncSet] = []
    for resource, target in pairs:
        index = _set_of(sets, resource, target)
        if resource != ALL:
            named.setdefault((index, target), []).append(resource)
            continue
        whole = sets[index]
        if target in whole.targets:
            again.append(dataclasses.replace(whole, targets=(target,)))
        else:
            again.append(dataclasses.replace(whole, sources=(target,)))
    for (index, target), ids in named.items():
        one = sets[index]
        again.append(
            dataclasses.replace(
                one, resources=tuple(ids), targets=(target,), force_mode=one.wish.force
            )
        )
    return again


def _set_of(sets: Sequence[SyncSet], resource: str, target: str) -> int:
    """Return which set an item came from: who names an image comes before who means all."""
    indexes = range(len(sets))
    naming = (i for i in indexes if resource in sets[i].resources and target in sets[i].targets)
    whole = (i for i in indexes if sets[i].is_whole and target in sets[i].targets)
    sourced = (i for i in indexes if sets[i].is_whole and target in sets[i].sources)
    # A kernel that came along with an AMI is named by no set.
    any_for = (i for i in indexes if target in sets[i].targets)
    for candidates in (naming, whole, sourced, any_for):
        index = next(candidates, None)
        if index is not None:
            return index
    return 0
