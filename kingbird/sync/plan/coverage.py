"""Tells which images a walk has compared, so that states of images in order can be deleted."""

from collections.abc import Collection, Iterable, Sequence

from kingbird import exception
from kingbird.stretch import Stretch
from kingbird.sync.finding import END, FindingLog, finding_of
from kingbird.sync.item import Item
from kingbird.sync.listing.merge import MergedPage
from kingbird.sync.listing.regions import RegionListings
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.request import WildcardScope

#: The most images that a walk asks for by their ids, to learn which are gone.
ASKED = 500


class WalkCoverage:
    """The ids that a walk has passed.

    :param findings: takes the stretches of ids.
    :param is_partial: whether the walk compares some images only, so that it covers nothing.
    """

    def __init__(
        self,
        context: PlanContext,
        scopes: Sequence[WildcardScope],
        findings: FindingLog,
        *,
        is_partial: bool,
    ) -> None:
        self._context = context
        self._scopes = scopes
        self._findings = findings
        self._is_partial = is_partial
        self._first = ""
        self._looked_to = ""
        #: Ids and targets.
        self._undecided: set[tuple[str, str]] = set()
        self._may_ask = ASKED
        #: Ids with a state that scopes with filters have compared, by the number of the scope.
        self._compared: dict[int, list[str]] = {
            number: [] for number, one in enumerate(scopes) if one.sync_set.filters
        }

    def look(self, page: MergedPage, listings: RegionListings) -> None:
        """Note what the scopes with filters select of the images of a page that have a state."""
        self._look(page.ids[-1], page, listings)

    def leave_out(self, image_id: str, target: str) -> None:
        """Note an image about which the walk decides later in a target."""
        self._undecided.add((image_id.lower(), target))

    def is_due(self, waiting: int, enough: int) -> bool:
        """Return whether enough images wait to be stored.

        :param waiting: the number of items that wait.
        """
        return max(waiting, len(self._undecided), self._findings.waiting) >= enough

    def advance(self, image_id: str, listings: RegionListings, held: Iterable[Item] = ()) -> None:
        """Cover the images before an id.

        :param held: items of these images, and of earlier ones, that are stored later.
        """
        found = (finding_of(item) for item in held)
        awaited = frozenset((one.image_id, one.region, one.owner or "") for one in found if one)
        self._cover(image_id, listings, awaited)

    def finish(self, listings: RegionListings) -> None:
        """Cover the images after the last one, too."""
        self._look(END, None, listings)
        self._cover(END, listings)

    def _look(self, last: str, page: MergedPage | None, listings: RegionListings) -> None:
        # A region that lags covers nothing, and would hold up the others if it were asked by ids.
        if self._is_partial or listings.lagging:
            return
        for number in self._compared:
            scope = self._scopes[number]
            stated = self._context.stated(self._looked_to, last, self._all_projects(scope))
            self._compared[number] += self._selected(scope, stated, page, listings)
        self._looked_to = last

    def _selected(
        self,
        scope: WildcardScope,
        ids: Iterable[str],
        page: MergedPage | None,
        listings: RegionListings,
    ) -> list[str]:
        """Return the ids of images that a scope selects, or that none of its regions has."""
        selected, unseen = [], []
        for image_id in ids:
            copies = {
                region: images[image_id]
                for region, images in (page.images.items() if page else ())
                if image_id in images
            }
            if not any(region in copies for region in scope.sources):
                # Copies that outlive their image are orphans, whether they are selected or not.
                if not any(region in copies for region in scope.targets):
                    unseen.append(image_id)
            elif scope.choose_source(copies) or scope.contested(copies):
                selected.append(image_id)
        if listings.narrowed.isdisjoint(scope.sources):
            return selected + unseen
        if not listings.problems.keys().isdisjoint(scope.sources):
            return selected
        return selected + self._gone(scope, unseen)

    def _gone(self, scope: WildcardScope, ids: Sequence[str]) -> list[str]:
        """Return those of some images that the sources of a scope do not have.

        The lists of the sources do not tell: an image that is not in them may not be selected.
        What nobody asks for keeps its state.
        """
        asked = ids[: self._may_ask]
        self._may_ask -= len(asked)
        answers = self._context.find(dict.fromkeys(scope.sources, asked)) if asked else {}
        there: set[str] = set()
        for answer in answers.values():
            if isinstance(answer, exception.KingbirdError):
                return []
            there.update(image_id.lower() for image_id in answer)
        return [image_id for image_id in asked if image_id.lower() not in there]

    def _cover(
        self,
        end: str,
        listings: RegionListings,
        awaited: Collection[tuple[str, str, str]] = (),
    ) -> None:
        """Cover the images from the last end to this one."""
        # Another part of the plan compares all images again if a region lags.
        if not (self._is_partial or listings.lagging):
            unknown = listings.unknown_regions(end)
            for number, scope in enumerate(self._scopes):
                compared = self._compared.get(number)
                ids = None if compared is None else frozenset(one for one in compared if one < end)
                self._findings.cover(
                    Stretch(
                        self._first,
                        end,
                        [name for name in scope.sources if name not in unknown],
                        [name for name in scope.targets if name not in unknown],
                        self._all_projects(scope),
                        ids,
                        frozenset(self._undecided),
                        awaited,
                    )
                )
        for number, compared in self._compared.items():
            self._compared[number] = [one for one in compared if one >= end]
        self._first = end
        self._undecided = {one for one in self._undecided if one[0] >= end}

    def _all_projects(self, scope: WildcardScope) -> bool:
        return scope.sync_set.all_projects and self._context.caller.is_admin
