"""The sets of a request, as planners read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kingbird.sync.decide import Force, Wish
from kingbird.sync.image import Image
from kingbird.sync.item import ALL
from kingbird.sync.selection import Selection
from kingbird.sync.source import Caller, choose


@dataclass(frozen=True, eq=False)
class SyncSet:
    """One entry of a request: which images, where from, where to.  Compared by identity.

    :ivar resources: ids, or ``*`` alone.
    :ivar sources: regions; of ``*`` the API made the names of all.
    :ivar preferred: the sources that the request names, in its order.
    :ivar filters: what narrows ``*``; see :class:`kingbird.sync.selection.Selection`.
    """

    resources: tuple[str, ...]
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    force: bool = False
    resource_type: str = "image"
    preferred: tuple[str, ...] = ()
    all_projects: bool = False
    dry_run: bool = False
    updates: bool = False
    prunes: bool = False
    filters: Mapping[str, Any] = field(default_factory=dict)
    #: Set where images of a set with ``*`` are named to be tried again.
    force_mode: Force | None = None
    #: Whether that is so, and the filters say which of the images it means.
    selects: bool = False

    @classmethod
    def from_request(cls, entry: Mapping[str, Any]) -> "SyncSet":
        """Read a set as the API stored it."""
        return cls(
            resources=tuple(entry["resources"]),
            sources=tuple(entry["sources"]),
            targets=tuple(entry["targets"]),
            force=entry["force"],
            resource_type=entry["resource_type"],
            preferred=tuple(entry["preferred"]),
            all_projects=entry["all_projects"],
            dry_run=entry["dry_run"],
            updates=entry["on_drift"] == "update",
            prunes=entry["prune"],
            filters=entry["filters"],
        )

    @property
    def is_whole(self) -> bool:
        """Whether whole regions are meant rather than images by their ids."""
        return self.resources == (ALL,)

    @property
    def wish(self) -> Wish:
        """How the images are to be treated.

        Who forces the sync of named images expects new ids; of whole regions only those
        images get one that need it.
        """
        force = self.force_mode or Force.NEVER
        if self.force and self.force_mode is None:
            force = Force.WHERE_NEEDED if self.is_whole else Force.ALWAYS
        return Wish(force, self.updates, self.prunes)

    def selection(self, caller: Caller) -> Selection:
        """Return which images ``*`` stands for."""
        owner = None if self.all_projects and caller.is_admin else caller.project_id
        return Selection.from_request(owner, self.filters)


class WholeAim:
    """A set with ``*``, as :class:`kingbird.sync.diff.Differ` needs it."""

    def __init__(self, sync_set: SyncSet, caller: Caller) -> None:
        self.sync_set = sync_set
        self.sources = sync_set.sources
        self.targets = sync_set.targets
        self.prunes = sync_set.prunes and sync_set.updates
        self.means = sync_set.selection(caller).matcher()
        self._caller = caller

    def source_of(self, copies: Mapping[str, Image]) -> tuple[str, Image] | None:
        """Choose an image's source among its copies: region and image."""
        candidates = {
            region: copies[region]
            for region in self.sources
            if region in copies and self.means(copies[region])
        }
        return choose(candidates, self.sync_set.preferred, self._caller)
