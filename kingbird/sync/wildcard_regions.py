"""Replace ``*`` among the regions of a set with the regions of a catalog."""

from collections.abc import Mapping, Sequence
from typing import Any

from kingbird.states import ALL


def names_all_regions(sync_set: Mapping[str, Any]) -> bool:
    """Return whether ``*`` is among a set's regions."""
    return ALL in sync_set["sources"] or ALL in sync_set["targets"]


def has_no_target(sources: Sequence[str], targets: Sequence[str]) -> bool:
    """Return whether a set has no region to sync to, or one that is its own only source."""
    return not targets or (len(sources) == 1 and sources[0] in targets)


def resolve_regions(
    sync_set: Mapping[str, Any], known: Sequence[str]
) -> tuple[list[str], list[str]]:
    """Return the sources and the targets of a set by their names.

    With one source, ``*`` among the targets stands for all other regions.

    :param sync_set: ``sources``, ``preferred`` and ``targets``.
    :param known: the regions of the catalog, in the order that they are to have.
    """
    sources, targets = list(sync_set["sources"]), list(sync_set["targets"])
    if ALL in targets:
        only = sources[0] if len(sources) == 1 else None
        targets = [region for region in known if region != only]
    if ALL in sources:
        sources = list(dict.fromkeys([*sync_set["preferred"], *known]))
    return sources, targets
