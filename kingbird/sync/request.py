"""The sets of a request, as planners read them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from kingbird.states import ALL
from kingbird.sync import image as fields
from kingbird.sync.image import Image, has_data


class Force(Enum):
    """Whether a copy gets an id of its own."""

    NEVER = 0
    #: Where the image's own id can't be used.
    WHERE_NEEDED = 1
    ALWAYS = 2


@dataclass(frozen=True)
class SyncOptions:
    """What a set says about how its images are treated.

    :ivar updates: whether what drifted is made to follow its source.
    :ivar prunes: whether an update takes off properties that the source does not have.
    """

    force: Force = Force.NEVER
    updates: bool = False
    prunes: bool = False


@dataclass(frozen=True)
class Requester:
    """Whose rights a job runs with.

    :ivar project_id: the project, as Glance writes owners.
    :ivar is_admin: whether Glance takes the caller for an admin.
    """

    project_id: str
    is_admin: bool = False

    def owns(self, image: Image) -> bool:
        """Whether an image is the caller's to copy as it is."""
        return self.is_admin or image.get("owner") == self.project_id


def choose_source(
    copies: Mapping[str, Image], order: Sequence[str], caller: Requester
) -> tuple[str, Image] | None:
    """Choose the source among an image's copies.

    A copy of another owner is another image: where the caller's project has one, only its
    copies count.  Then data before no data, the order in which the request names its sources,
    the oldest, and the region's name.

    :param copies: the image by region.
    :param order: the source regions that the request names; ``*`` names none.
    :returns: region and image, or ``None`` when there is no copy.
    """
    own = {
        region: image
        for region, image in copies.items()
        if image.get("owner") == caller.project_id
    }
    candidates = own if own and not caller.is_admin else copies
    if not candidates:
        return None
    return min(
        candidates.items(),
        key=lambda copy: (
            not has_data(copy[1]),
            order.index(copy[0]) if copy[0] in order else len(order),
            copy[1].get("created_at") or "",
            copy[0],
        ),
    )


#: Without a filter only images with data are meant; a queued record has to be named by its id.
DEFAULT_STATUSES = ("active",)

#: Properties by which Glance is asked to filter.  Of other names some are attributes of its own
#: classes, and find nothing or end in a 500.
_PROPERTY = re.compile(r"(hw|img|hypervisor|os)_\w+")
_BOUND = re.compile(r"\w+_(min|max)")


@dataclass(frozen=True)
class Selection:
    """What a set with ``*`` selects.

    :ivar owner: the project whose images are meant; ``None`` for all.
    :ivar filters: by name, as :meth:`from_request` takes them.
    """

    owner: str | None
    filters: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def from_request(cls, owner: str | None, filters: Mapping[str, Any]) -> "Selection":
        """Read filters as the API stored them.

        :param filters: any of ``visibility``, ``owner``, ``name``, ``name_prefix``, ``tags``
            (all must match), ``properties``, ``size_min``, ``size_max`` (bytes),
            ``updated_since`` (as Glance writes times) and ``statuses``.
        """
        return cls(owner, tuple(sorted(_hashable(filters).items())))

    @property
    def _filters(self) -> dict[str, Any]:
        return dict(self.filters)

    @property
    def statuses(self) -> tuple[str, ...]:
        """The states of an image that may be a source."""
        return self._filters.get("statuses") or DEFAULT_STATUSES

    def matcher(self) -> "Matcher":
        """Return what tells whether an image is selected."""
        return Matcher(self)

    def query(self) -> list[tuple[str, str]]:
        """Return the parameters by which Glance can leave out what is not selected.

        What Glance might misunderstand isn't sent, nor a prefix, which it has no filter for:
        what comes back is held against the filters in any case.
        """
        given = self._filters
        query = [
            ("owner", self.owner or given.get("owner")),
            ("visibility", given.get("visibility")),
            ("name", given.get("name")),
            *(("tag", tag) for tag in given.get("tags", ()) if tag == tag.strip()),
            *given.get("properties", ()),
        ]
        # Before a colon Glance looks for an operator.
        plain = [
            (name, value)
            for name, value in query
            if value is not None and ":" not in value and _is_known(name)
        ]
        for name in ("size_min", "size_max"):
            if name in given:
                plain.append((name, str(given[name])))
        if "updated_since" in given:
            plain.append(("updated_at", f"gte:{given['updated_since']}"))
        statuses = self.statuses
        plain.append(("status", statuses[0] if len(statuses) == 1 else f"in:{','.join(statuses)}"))
        return plain


class Matcher:
    """Tells whether images are selected.  Called for each image of a region."""

    def __init__(self, selection: Selection) -> None:
        filters = dict(selection.filters)
        self._owners = {owner for owner in (selection.owner, filters.pop("owner", None)) if owner}
        self._statuses = frozenset(filters.pop("statuses", None) or DEFAULT_STATUSES)
        self._filters = filters

    def __call__(self, image: Image) -> bool:
        """Say whether an image, as Glance shows it, is selected."""
        if image.get("status") not in self._statuses:
            return False
        if self._owners and self._owners != {image.get("owner")}:
            return False
        return not self._filters or self._passes(image)

    def _passes(self, image: Image) -> bool:
        given = self._filters
        size = image.get("size")
        tags = image.get("tags") or ()
        return (
            all(image.get(name) == given[name] for name in ("visibility", "name") if name in given)
            and str(image.get("name") or "").startswith(given.get("name_prefix", ""))
            and all(tag in tags for tag in given.get("tags", ()))
            and all(image.get(name) == value for name, value in given.get("properties", ()))
            and ("size_min" not in given or (size is not None and size >= given["size_min"]))
            and ("size_max" not in given or (size is not None and size <= given["size_max"]))
            # Both in the form that Glance writes, which sorts as time goes.
            and (image.get("updated_at") or "") >= given.get("updated_since", "")
        )


def _is_known(name: str) -> bool:
    if name in ("owner", "visibility", "name", "tag"):
        return True
    known = fields.SET_BY_GLANCE.union(fields.COPIED)
    return bool(_PROPERTY.fullmatch(name)) and not _BOUND.fullmatch(name) and name not in known


def _hashable(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Make filters comparable, so that sets with the same ones are seen to have them."""
    return {
        name: tuple(sorted(value.items()))
        if isinstance(value, Mapping)
        else tuple(value)
        if isinstance(value, list | tuple)
        else value
        for name, value in filters.items()
    }


@dataclass(frozen=True, eq=False)
class SyncSet:
    """One entry of a request: which images, where from, where to.  Compared by identity.

    :ivar resources: ids, or ``*`` alone.
    :ivar sources: regions; of ``*`` the API made the names of all.
    :ivar preferred: the sources that the request names, in its order.
    :ivar filters: what narrows ``*``; see :class:`kingbird.sync.request.Selection`.
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
    def is_wildcard(self) -> bool:
        """Whether whole regions are meant rather than images by their ids."""
        return self.resources == (ALL,)

    @property
    def options(self) -> SyncOptions:
        """How the images are to be treated.

        Who forces the sync of named images expects new ids; of whole regions only those
        images get one that need it.
        """
        force = self.force_mode or Force.NEVER
        if self.force and self.force_mode is None:
            force = Force.WHERE_NEEDED if self.is_wildcard else Force.ALWAYS
        return SyncOptions(force, self.updates, self.prunes)

    def selection(self, caller: Requester) -> Selection:
        """Return which images ``*`` stands for."""
        owner = None if self.all_projects and caller.is_admin else caller.project_id
        return Selection.from_request(owner, self.filters)


class WildcardScope:
    """A set with ``*``, as :class:`kingbird.sync.listing.diff.Differ` needs it."""

    def __init__(self, sync_set: SyncSet, caller: Requester) -> None:
        self.sync_set = sync_set
        self.sources = sync_set.sources
        self.targets = sync_set.targets
        self.prunes = sync_set.prunes and sync_set.updates
        self.selection = sync_set.selection(caller)
        self.matches = self.selection.matcher()
        self._caller = caller

    def choose_source(self, copies: Mapping[str, Image]) -> tuple[str, Image] | None:
        """Choose an image's source among its copies: region and image."""
        candidates = {
            region: copies[region]
            for region in self.sources
            if region in copies and self.matches(copies[region])
        }
        return choose_source(candidates, self.sync_set.preferred, self._caller)
