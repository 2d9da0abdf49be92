"""Chooses the region whose namespace the others follow.  Pure: no I/O, no state."""

from collections.abc import Mapping, Sequence

from kingbird.sync.metadefs.namespace import OWNER, Namespace


def choose(copies: Mapping[str, Namespace], preferred: Sequence[str]) -> str | None:
    """Return the source region of a namespace, or ``None`` if no region has it.

    The owner of the oldest copy is whose name it is.  Among that owner's copies the order of the
    request decides, then the age, then the name of the region.

    :param copies: the namespace of each source region that has it.
    :param preferred: the regions that the request names, in its order.
    """
    if not copies:
        return None

    def age(region: str) -> tuple[str, str]:
        return str(copies[region].get("created_at") or ""), region

    owner = copies[min(copies, key=age)].get(OWNER)
    rank = {region: place for place, region in enumerate(preferred)}
    return min(
        (region for region in copies if copies[region].get(OWNER) == owner),
        key=lambda region: (rank.get(region, len(rank)), *age(region)),
    )
