"""Tell which images have to have their data before others: a kernel before its machine."""

from collections.abc import Mapping, Sequence

from kingbird.db import api as db
from kingbird.states import ItemState
from kingbird.sync.imports import Progress


def parts_of_all(
    claim: db.Claim, ones: Sequence[tuple[db.Item, Progress]]
) -> Mapping[str, db.Item]:
    """Return the items of the images that some images refer to, by image."""
    ids = {part for _, one in ones for part in one.spec.references.values()}
    if not ids:
        return {}
    found = db.items.planned(claim.job, claim.region_task.region, ids)
    return {other.resource: other for other in found}


def parts_of(one: Progress, parts: Mapping[str, db.Item]) -> dict[str, db.Item]:
    """Return the items of the images that one refers to, by property."""
    references = one.spec.references.items()
    return {name: parts[part] for name, part in references if part in parts}


def is_coming(item: db.Item, other: db.Item) -> bool:
    """Return whether an item has to wait for another one, which it refers to.

    Only those of a lower rank are waited for, so that none wait for each other.
    """
    return other.rank < item.rank and other.status == ItemState.IN_PROGRESS
