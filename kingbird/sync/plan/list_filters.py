"""Tells what the lists of regions may leave out for some wildcard sets.  Pure: no I/O.

Images of other projects may be many and large.  A set that selects the images of one project does
not need them, but where such an image has the id of a selected one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kingbird.sync.request import WildcardScope
from kingbird.text import CONTROL

#: Parameters of a query.
Filters = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class ListFilters:
    """The parameters of the lists of regions.

    :ivar by_region: parameters of the lists; a region without any is listed completely.
    :ivar narrowed: regions whose lists leave out images that are not selected.
    :ivar owners: the project whose images alone are listed, by region.
    """

    by_region: Mapping[str, Filters]
    narrowed: frozenset[str]
    owners: Mapping[str, str]


def filters_of(scopes: Sequence[WildcardScope]) -> ListFilters:
    """Return the filters for the regions of some sets."""
    by_region: dict[str, Filters] = {}
    narrowed: set[str] = set()
    owners: dict[str, str] = {}
    for region in dict.fromkeys(name for one in scopes for name in (*one.sources, *one.targets)):
        using = [one for one in scopes if region in one.sources or region in one.targets]
        owner = _only_owner(region, using)
        if owner is not None:
            owners[region] = owner
            by_region[region] = [("owner", owner)]
        selections = {one.selection for one in using}
        if len(selections) == 1 and not any(_needs_unselected(region, one) for one in using):
            narrowed.add(region)
            by_region[region] = selections.pop().query()
    return ListFilters(by_region, frozenset(narrowed), owners)


def _needs_unselected(region: str, scope: WildcardScope) -> bool:
    """Return whether a set has to know more of a region than the images that it selects."""
    return region in scope.targets or scope.depends_on_all_owners or scope.sync_set.acts_on_orphans


def _only_owner(region: str, scopes: Sequence[WildcardScope]) -> str | None:
    """Return the project whose images are all that some sets need of a region."""
    # Images of all owners tell whether the home of an orphan can be believed.
    if any(one.sync_set.acts_on_orphans and region in one.sources for one in scopes):
        return None
    owners = {one.selection.owner for one in scopes}
    owner = owners.pop() if len(owners) == 1 else None
    # Glance takes the text before a colon for an operator.
    return None if owner is None or ":" in owner or CONTROL.search(owner) else owner
