"""The sets of a request, as the planners use them."""

import dataclasses
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from kingbird.resource_keys import key_of
from kingbird.states import ALL, MemberMode, ResourceType
from kingbird.sync import image as fields
from kingbird.sync.image import ACTIVE, DEACTIVATED, Image
from kingbird.sync.source_order import Copy, SourceOrder
from kingbird.text import CONTROL


class Force(Enum):
    """The cases in which a copy gets another id than its source."""

    NEVER = 0
    #: If the image's own id can't be used.
    WHERE_NEEDED = 1
    ALWAYS = 2


@dataclass(frozen=True)
class SyncOptions:
    """The options of a set for its images.

    :ivar updates: whether copies with drift are updated.
    :ivar prunes: whether an update removes properties that the source does not have.
    :ivar imports: whether Glance is asked to import the data of copies.
    :ivar members: which members of copies are compared.
    """

    force: Force = Force.NEVER
    updates: bool = False
    prunes: bool = False
    imports: bool = False
    members: MemberMode = MemberMode.CREATE

    @property
    def compares_members(self) -> bool:
        """Return whether members of copies are compared."""
        return self.members is not MemberMode.CREATE


@dataclass(frozen=True)
class Requester:
    """The user whose rights a job has.

    :ivar project_id: the project, as Glance writes owners.
    :ivar is_admin: whether Glance takes the caller for an admin.
    """

    project_id: str
    is_admin: bool = False

    def owns(self, image: Image) -> bool:
        """Return whether the caller may copy an image with its owner and visibility."""
        return self.is_admin or image.get("owner") == self.project_id


#: Without a filter only images with data are selected; queued records are synced by id.
DEFAULT_STATUSES = ("active",)

#: Properties that Glance is asked to filter by.  Some other names are attributes of its own
#: classes, and find nothing or end in a 500.
_PROPERTY = re.compile(r"(hw|img|hypervisor|os)_\w+")
_BOUND = re.compile(r"\w+_(min|max)")


@dataclass(frozen=True)
class Selection:
    """The images that a wildcard set selects.

    :ivar owner: the project whose images are selected; ``None`` for all.
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
    def copied_statuses(self) -> tuple[str, ...]:
        """The states of an image of which records are created."""
        return self._filters.get("statuses") or DEFAULT_STATUSES

    @property
    def statuses(self) -> tuple[str, ...]:
        """The states of an image that may be a source.

        One that was active before it was deactivated is, so that its copies can follow it.
        """
        copied = self.copied_statuses
        if ACTIVE in copied and DEACTIVATED not in copied:
            return (*copied, DEACTIVATED)
        return copied

    def creates(self, source: Image) -> bool:
        """Return whether records are created of a source, not only its status followed."""
        return source.get("status") in self.copied_statuses

    def matcher(self) -> "Matcher":
        """Return a predicate for images."""
        return Matcher(self)

    def query(self) -> list[tuple[str, str]]:
        """Return the parameters for Glance to filter by.

        These are left out: a value that Glance might misunderstand, one that its database might
        refuse (PostgreSQL takes no NUL), and a prefix, for which it has no filter.  Images that it
        lists have to pass the matcher in any case.
        """
        given = self._filters
        query = [
            ("owner", self.owner or given.get("owner")),
            ("visibility", given.get("visibility")),
            ("name", given.get("name")),
            *(("tag", tag) for tag in given.get("tags", ()) if tag == tag.strip()),
            *given.get("properties", ()),
        ]
        # Glance takes the text before a colon for an operator.
        plain = [
            (name, value)
            for name, value in query
            if value is not None
            and ":" not in value
            and not CONTROL.search(value)
            and _is_known(name)
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
    """The predicate of a selection.  It is called for each image of a region."""

    def __init__(self, selection: Selection) -> None:
        filters = dict(selection.filters)
        self._owners = {owner for owner in (selection.owner, filters.pop("owner", None)) if owner}
        filters.pop("statuses", None)
        self._statuses = frozenset(selection.statuses)
        self._filters = filters

    def __call__(self, image: Image) -> bool:
        """Return whether an image, as Glance shows it, is selected."""
        if image.get("status") not in self._statuses:
            return False
        if self._owners and self._owners != {image.get("owner")}:
            return False
        return not self._filters or self._passes(image)

    def would_select(self, image: Image) -> bool:
        """Return whether an image would be selected if it had data."""
        is_owners = not self._owners or self._owners == {image.get("owner")}
        return is_owners and (not self._filters or self._passes(image))

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
            # Both have the form that Glance writes, which sorts by time.
            and (image.get("updated_at") or "") >= given.get("updated_since", "")
        )


def _is_known(name: str) -> bool:
    if name in ("owner", "visibility", "name", "tag"):
        return True
    known = fields.SET_BY_GLANCE.union(fields.COPIED)
    return bool(_PROPERTY.fullmatch(name)) and not _BOUND.fullmatch(name) and name not in known


def _hashable(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return filters in a form that can be compared and hashed."""
    return {
        name: tuple(sorted(value.items()))
        if isinstance(value, Mapping)
        else tuple(value)
        if isinstance(value, list | tuple)
        else value
        for name, value in filters.items()
    }


#: Orphans are told of, and left as they are.
REPORT = "report"


def acts_on_orphans(entry: Mapping[str, Any]) -> bool:
    """Return whether a set, as the API stored it, has orphans hidden or deleted."""
    # The release before this one stores no such option.
    return bool(entry.get("on_orphan", REPORT) != REPORT)


def imports_data(entry: Mapping[str, Any]) -> bool:
    """Return whether a set, as the API stored it, asks for data."""
    # The release before this one stores no such option.
    return bool(entry.get("data") == "import")


@dataclass(frozen=True, eq=False)
class SyncSet:
    """One set of a request: images, sources and targets.  Compared by identity.

    :ivar resources: keys (:mod:`kingbird.resource_keys`), or ``*`` alone.
    :ivar names: the names of named resources by key, of a type whose keys are made of names.
    :ivar sources: regions; the API replaced ``*`` by the names of all.
    :ivar preferred: the sources of the request, in its order.
    :ivar filters: the filters of a wildcard set; see :class:`Selection`.
    :ivar skips_same_name: whether no record is created where another image has its name, owner and
        data.
    :ivar force_mode: the mode of a wildcard set of which some images are planned by id.
    :ivar selects: whether it is such a set, whose filters tell which images it selects.
    :ivar optional: whether such a set leaves images that it does not select to other sets.
    :ivar lenient: whether images that are gone, or that the set does not select, have no item.
    :ivar imports: whether Glance is asked to import the data of copies.
    :ivar members: which members of copies are compared.
    :ivar on_orphan: what becomes of copies whose home has deleted the image: ``report``, ``hide``
        or ``delete``.
    :ivar orphan_limit: the number of orphans of a home in a region that may be hidden or deleted,
        if it is larger than the usual one.
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
    skips_same_name: bool = False
    force_mode: Force | None = None
    selects: bool = False
    optional: bool = False
    lenient: bool = False
    imports: bool = False
    members: MemberMode = MemberMode.CREATE
    on_orphan: str = REPORT
    orphan_limit: int = 0
    names: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_request(cls, entry: Mapping[str, Any]) -> "SyncSet":
        """Read a set as the API stored it, or one of a rule that is about some images only."""
        resource_type = entry["resource_type"]
        named = entry.get("rule_resources", entry["resources"])
        keys = {key_of(resource_type, one): one for one in named}
        stored = cls(
            resources=tuple(keys),
            sources=tuple(entry["sources"]),
            targets=tuple(entry["targets"]),
            force=entry["force"],
            resource_type=resource_type,
            preferred=tuple(entry["preferred"]),
            all_projects=entry["all_projects"],
            dry_run=entry["dry_run"],
            updates=entry["on_drift"] == "update",
            prunes=entry["prune"],
            filters=entry["filters"],
            skips_same_name=entry.get("same_name") == "skip",
            lenient=entry.get("lenient", False),
            imports=imports_data(entry),
            members=MemberMode(entry.get("members", MemberMode.CREATE)),
            on_orphan=entry.get("on_orphan", REPORT),
            orphan_limit=entry.get("orphan_limit") or 0,
            names={} if resource_type == ResourceType.IMAGE else keys,
        )
        if "rule_resources" in entry:
            asked = [key_of(resource_type, one) for one in entry["resources"]]
            return stored.limited_to(asked, stored.targets)
        return stored

    @property
    def regions(self) -> tuple[str, ...]:
        """Return the sources and the targets."""
        return (*self.sources, *self.targets)

    @property
    def is_wildcard(self) -> bool:
        """Return whether the set selects images of whole regions, not images by id."""
        return self.resources == (ALL,)

    @property
    def acts_on_orphans(self) -> bool:
        """Return whether orphans are hidden or deleted, which takes a walk through their homes."""
        return self.is_wildcard and self.on_orphan != REPORT

    def limited_to(
        self, resources: Sequence[str], targets: Sequence[str], *, optional: bool = False
    ) -> "SyncSet":
        """Return a set for some images by id, with the options that this set has for them."""
        return dataclasses.replace(
            self,
            resources=tuple(resources),
            targets=tuple(targets),
            force_mode=self.options.force,
            selects=self.is_wildcard,
            optional=optional and self.is_wildcard,
        )

    @property
    def options(self) -> SyncOptions:
        """The options for the set's images.

        A forced sync by id always gives new ids; a forced wildcard sync only where needed.
        """
        force = self.force_mode or Force.NEVER
        if self.force and self.force_mode is None:
            force = Force.WHERE_NEEDED if self.is_wildcard else Force.ALWAYS
        return SyncOptions(force, self.updates, self.prunes, self.imports, self.members)

    def selection(self, caller: Requester) -> Selection:
        """Return the images that the wildcard stands for."""
        owner = None if self.all_projects and caller.is_admin else caller.project_id
        return Selection.from_request(owner, self.filters)

    def creates(self, source: Image, caller: Requester) -> bool:
        """Return whether records are created of a source that the set's filters select."""
        return not self.selects or self.selection(caller).creates(source)

    def source_order(self, caller: Requester) -> SourceOrder:
        """Return the order of an image's copies as its source.

        An admin's wildcard without ``all_projects`` is about the images of one project, as a
        member's is.
        """
        own_project: str | None = caller.project_id
        if caller.is_admin:
            about_images = self.is_wildcard or self.selects
            own_project = self.selection(caller).owner if about_images else None
        return SourceOrder(self.preferred, own_project)


class WildcardScope:
    """A wildcard set, as :class:`kingbird.sync.listing.diff.Differ` needs it."""

    def __init__(self, sync_set: SyncSet, caller: Requester) -> None:
        self.sync_set = sync_set
        self.sources = sync_set.sources
        self.targets = sync_set.targets
        self.prunes = sync_set.prunes and sync_set.updates
        self.updates = sync_set.updates
        self.imports = sync_set.imports
        self.compares_members = sync_set.options.compares_members
        self.selection = sync_set.selection(caller)
        self.matches = self.selection.matcher()
        self.creates = self.selection.creates
        self._order = sync_set.source_order(caller)
        self.may_precede = self._order.may_precede

    @property
    def depends_on_all_owners(self) -> bool:
        """Return whether copies that the set does not select decide about the owner of an id."""
        return len(self.sources) > 1 and self._order.own_project is None

    def choose_source(self, copies: Mapping[str, Image]) -> Copy | None:
        """Choose an image's source among its copies: region and image."""
        return self._order.choose(self._selected(self._order.rightful(self._in_sources(copies))))

    def may_lose(self, copy: Image) -> bool:
        """Return whether the set would select the original of a copy, if there was one.

        An original may be there and not pass filters, so a set with filters misses none unless
        it is to act: its home is asked then.
        """
        if self.sync_set.filters:
            return self.sync_set.acts_on_orphans and self.matches.would_select(copy)
        return self.selection.owner in (None, copy.get("owner"))

    def contested(self, copies: Mapping[str, Image]) -> tuple[Copy, Mapping[str, Image]] | None:
        """Return a copy that the set selects, though its id belongs to another owner.

        :returns: region and image, with the copies of the id's owner, of which the set selects
            none.
        """
        if not self.depends_on_all_owners:
            return None
        copies = self._in_sources(copies)
        chosen = self._order.choose(self._selected(copies))
        rightful = self._order.rightful(copies)
        return (chosen, rightful) if chosen and chosen[0] not in rightful else None

    def _in_sources(self, copies: Mapping[str, Image]) -> Mapping[str, Image]:
        return {region: copies[region] for region in self.sources if region in copies}

    def _selected(self, copies: Mapping[str, Image]) -> Mapping[str, Image]:
        return {region: image for region, image in copies.items() if self.matches(image)}
