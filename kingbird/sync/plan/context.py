"""The regions, rights and lookups that the planners of a job share."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from kingbird.clients.glance import ImageClient
from kingbird.hidden_orphan import HiddenOrphan
from kingbird.sync.image import Rules
from kingbird.sync.item import Item
from kingbird.sync.listing import lookup
from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.listing.lookup import RegionResults
from kingbird.sync.request import Requester

#: Returns those of some ids that have a tombstone in a region, with the reasons.
TombstoneLookup = Callable[[str, Collection[str]], Mapping[str, str]]
#: Returns the ids after one, up to another, of images that are known not to be in order; of every
#: project's, or of the caller's.
StatedLookup = Callable[[str, str, bool], Collection[str]]
#: Returns the items that a job has in a region for some images, by image.
PlannedLookup = Callable[[str, Collection[str]], Mapping[str, Item]]
#: Returns those of some ids that Kingbird has hidden in a region as orphans.
HiddenLookup = Callable[[str, Collection[str]], Mapping[str, HiddenOrphan]]


@dataclass(frozen=True)
class PlanContext:
    """The cloud as one job sees it.

    :ivar regions: the images of each region, as the job's user sees them.
    :ivar tombstones: returns ids that are known to be unusable.
    :ivar planned: returns items that have been planned and stored.
    :ivar calls: the calls to the regions.
    :ivar stated: returns images that have a state.
    :ivar hidden: returns the orphans that were hidden.
    :ivar orphan_grace: seconds for which an orphan has to be hidden before it is deleted.
    :ivar at_once: ask for visible and hidden images at the same time, as somebody waits for few.
    """

    regions: Mapping[str, ImageClient]
    caller: Requester
    rules: Rules
    tombstones: TombstoneLookup
    planned: PlannedLookup
    calls: RegionCalls
    orphan_grace: float
    stated: StatedLookup = lambda first, last, all_projects: ()
    hidden: HiddenLookup = lambda region, ids: {}
    at_once: bool = False

    def find(self, ids: Mapping[str, Iterable[str]]) -> RegionResults:
        """Find images by their ids, in several regions at the same time.

        :param ids: by region.
        :returns: by region its images, or its error.
        """
        return lookup.lookup_regions(ids, self.regions, self.calls, at_once=self.at_once)
