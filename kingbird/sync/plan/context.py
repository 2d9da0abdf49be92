"""What planning a job works with: its regions, its caller's rights, and what is known already."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from kingbird.clients.glance import ImageClient
from kingbird.sync.image import Rules
from kingbird.sync.item import Item
from kingbird.sync.listing import lookup
from kingbird.sync.listing.lookup import RegionResults
from kingbird.sync.request import Requester
from kingbird.sync.retry import Retry, Submit

#: Looks up which ids are burnt in a region, with the reasons.
TombstoneLookup = Callable[[str, Collection[str]], Mapping[str, str]]
#: Looks up the items that a job has in a region for some images, by image.
PlannedLookup = Callable[[str, Collection[str]], Mapping[str, Item]]


@dataclass(frozen=True)
class PlanContext:
    """A cloud as one job sees it.

    :ivar regions: the images of each region, as the job's user sees them.
    :ivar tombstones: looks up which ids are known to be unusable.
    :ivar planned: looks up items that were planned, and taken, before.
    :ivar submit: runs a call on a region's workers.
    """

    regions: Mapping[str, ImageClient]
    caller: Requester
    rules: Rules
    tombstones: TombstoneLookup
    planned: PlannedLookup
    submit: Submit
    retry: Retry

    def find(self, ids: Mapping[str, Iterable[str]]) -> RegionResults:
        """Find images by their ids, in several regions at the same time.

        :param ids: by region.
        :returns: what each region answered, or what went wrong there.
        """
        return lookup.lookup_regions(ids, self.regions, self.submit, self.retry)
