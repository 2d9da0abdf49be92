"""The order of a region's updates, in which no name is missing meanwhile.  Pure: no I/O, no state.

Where an image takes the place of another one, its record comes first.  Then images appear under
the name, and only then the other one is hidden.
"""

import dataclasses

from kingbird.sync.item import DELETE, UPDATE, Item

#: Ranks beyond those of images that refer to others.
APPEARS, HIDES, GOES = 1000, 2000, 3000


def in_order(item: Item) -> Item:
    """Rank an item after those that have to be written before it.

    A quarantine is nothing that another image waits for, and goes with the creates.
    """
    if item.action not in (UPDATE, DELETE) or item.work is None:
        return item
    if item.work.orphan and not item.work.changes:
        # After all other writes of the region, so that each of their errors stops it.
        rank = item.rank + (GOES if item.action == DELETE else HIDES)
        return dataclasses.replace(item, rank=rank)
    changes = {one["path"]: one.get("value") for one in item.work.changes}
    shift = 0
    if changes.get("/os_hidden"):
        shift = HIDES
    elif "/os_hidden" in changes or "/name" in changes:
        shift = APPEARS
    return dataclasses.replace(item, rank=item.rank + shift)
