"""Compares whole regions, page by page of their merged lists.

Pure: iterators in, differences out.  An image that is the same everywhere, as nearly all are,
costs one comparison of two dictionaries a copy.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kingbird.states import Reason
from kingbird.sync import compare, members
from kingbird.sync import image as fields
from kingbird.sync.compare import Comparison
from kingbird.sync.image import Image, Record, Rules
from kingbird.sync.listing.merge import MergedPage

#: The copies of one image, by region.
Copies = Mapping[str, Image]


class Coverage(Protocol):
    """Knowledge about regions whose lists have gaps."""

    @property
    def lagging(self) -> Collection[str]:
        """The regions that another part of the plan lists again."""

    @property
    def unsorted(self) -> Collection[str]:
        """The regions whose ids do not ascend; a lagging one of them does not take long."""

    def unknown_regions(self, image_id: str) -> Collection[str]:
        """Return the regions that may have an image beyond what is known of them."""

    def advance(self, image_id: str) -> None:
        """Note that all images up to an id are known."""


class Scope(Protocol):
    """A wildcard set of a request."""

    @property
    def sources(self) -> Sequence[str]:
        """The regions that images may come from."""

    @property
    def targets(self) -> Sequence[str]:
        """The regions that should have the images."""

    @property
    def prunes(self) -> bool:
        """Return whether properties that only a target has count as drift."""

    @property
    def updates(self) -> bool:
        """Return whether copies that differ are updated."""

    @property
    def imports(self) -> bool:
        """Return whether copies that lack their data are not in sync."""

    @property
    def compares_members(self) -> bool:
        """Return whether copies of shared images are in sync only if their members are."""

    def choose_source(self, copies: Copies) -> tuple[str, Image] | None:
        """Choose an image's source among its copies: region and image.

        :returns: ``None`` if the set does not select the image.
        """

    def matches(self, image: Image) -> bool:
        """Return whether a copy in one of the sources makes the set select the image."""

    def creates(self, source: Image) -> bool:
        """Return whether copies are made of a source; else they only follow its status."""

    def may_precede(self, region: str, chosen: tuple[str, Image]) -> bool:
        """Return whether a source that is not known may come before the chosen one."""

    def may_lose(self, copy: Image) -> bool:
        """Return whether the set would select the original of a copy, if there was one."""

    def contested(self, copies: Copies) -> tuple[tuple[str, Image], Copies] | None:
        """Return a selected copy whose id belongs to another owner, with that owner's copies."""


#: Returns the targets of a set that need no plan for an image with these copies.
HandledTargets = Callable[[Scope, str, Copies], Collection[str]]


@dataclass(frozen=True, slots=True)
class Difference:
    """An image that is not the same everywhere.

    :ivar index: which of the scopes it is for.
    :ivar copies: the copies under its own id.
    :ivar missing: the targets that don't have it.
    :ivar comparisons: the copies in targets that are not in sync, or lack data that the set asks
        for, or have members that it compares.  ``orphaned`` ones have no source, if their home
        confirms it; ``source`` is one.
    :ivar in_sync: the targets in which it is in sync.
    :ivar no_data: the targets in which it is in sync but for its data.
    :ivar doubtful: source regions that could not be asked, and may have a better source; none if
        the set updates no copies.
    :ivar claimed_by: the region with the oldest copy of another owner, who has the id; then the
        source is not copied.
    """

    index: int
    source_region: str
    source: Image
    copies: Copies
    missing: tuple[str, ...]
    comparisons: Mapping[str, Comparison] = field(default_factory=dict)
    in_sync: tuple[str, ...] = ()
    no_data: tuple[str, ...] = ()
    doubtful: tuple[str, ...] = ()
    claimed_by: str | None = None


class Differ:
    """Finds the images that are not the same in all targets.

    :param scopes: the sets; for an image and region that several select the first counts.
    :param coverage: knows the gaps of regions, in which nothing counts as missing.
    :param handled: returns the targets that need no plan for an image; ``None`` if all do.
    :param is_forced: returns whether an image is a forced copy, which needs no copies itself.
    :ivar in_sync: the number of images in sync by target region, without those in
        :attr:`Difference.in_sync`.
    """

    def __init__(
        self,
        scopes: Sequence[Scope],
        rules: Rules,
        coverage: Coverage,
        *,
        handled: HandledTargets | None = None,
        is_forced: Callable[[str, Image], bool] = lambda region, image: False,
    ) -> None:
        self.in_sync: Counter[str] = Counter()
        self._scopes = scopes
        self._rules = rules
        self._coverage = coverage
        self._handled = handled
        self._is_forced = is_forced
        regions = [name for scope in scopes for name in (*scope.sources, *scope.targets)]
        self._regions = list(dict.fromkeys(regions))
        self._is_plain = len(scopes) == 1 and handled is None
        self._imports = any(scope.imports for scope in scopes)
        self._members = any(scope.compares_members for scope in scopes)
        # These fields say nothing about whether two images are the same.
        ignored = (fields.SET_BY_GLANCE - {"owner"}) | fields.PROVENANCE | rules.dropped
        # A copy that was hidden as an orphan is to be looked at.
        ignored -= {fields.ORPHANED_AT}
        self._ignored: dict[str, Any] = dict.fromkeys(ignored)

    def differences(self, pages: Iterable[MergedPage]) -> Iterator[Difference]:
        """Yield the differences in the order of ids, for each image and scope one."""
        for page in pages:
            columns = [page.images.get(region, {}) for region in self._regions]
            identical = 0
            for image_id in page.ids:
                copies = [column.get(image_id) for column in columns]
                if None not in copies and self._are_identical(copies):
                    if _are_alike(copies):
                        identical += self._count_identical(image_id, copies)
                    elif (
                        self._is_plain
                        and not self._imports
                        and not _any_in_quarantine(copies)
                        and not self._coverage.unknown_regions(image_id)
                    ):
                        yield from self._without_data(copies)
                    else:
                        yield from self._compare(image_id, copies)
                else:
                    yield from self._compare(image_id, copies)
            if identical:
                self._add_identical(identical)
            self._coverage.advance(page.ids[-1])
            # The next pages are parsed before the names are bound anew.
            del page, columns

    # Images that are the same everywhere.

    def _are_identical(self, copies: Sequence[Any]) -> bool:
        """Return whether all copies are the same, so that any can be the source.

        No list of images tells their members.
        """
        first = copies[0]
        if fields.FORCED in first or (self._members and members.is_shared(first)):
            return False
        neutral = self._ignored
        base = first | neutral
        for copy in copies:
            if copy is not first and copy | neutral != base:
                break
        else:
            return _have_same_data(copies)
        # Glance lists tags in any order.
        base["tags"] = sorted(base.get("tags") or ())
        for copy in copies:
            other = copy | neutral
            other["tags"] = sorted(other.get("tags") or ())
            if other != base:
                return False
        return _have_same_data(copies)

    def _without_data(self, copies: Sequence[Any]) -> Iterator[Difference]:
        """Yield the difference of an image that is the same everywhere but for its data.

        Where only records are made, nearly all images are so.
        """
        scope = self._scopes[0]
        by_region = dict(zip(self._regions, copies, strict=True))
        chosen = scope.choose_source(by_region)
        if chosen is None:
            return
        region, source = chosen
        in_sync: list[str] = []
        no_data: list[str] = []
        for target in scope.targets:
            lacks = target != region and compare.lacks_data(source, by_region[target])
            (no_data if lacks else in_sync).append(target)
        if no_data:
            nothing: dict[str, Comparison] = {}
            yield Difference(
                0, region, source, by_region, (), nothing, tuple(in_sync), tuple(no_data)
            )
        else:
            self.in_sync.update(in_sync)

    def _count_identical(self, image_id: str, copies: Sequence[Any]) -> int:
        scope = self._scopes[0]
        if self._is_plain and scope.matches(copies[0]) and scope.creates(copies[0]):
            # This is the way of nearly all images, so it is short.
            return 1
        by_region = dict(zip(self._regions, copies, strict=True))
        targets: dict[str, None] = {}
        for scope in self._scopes:
            chosen = scope.choose_source(by_region)
            if chosen and scope.creates(chosen[1]):
                before = self._handled(scope, image_id, by_region) if self._handled else ()
                targets.update((name, None) for name in scope.targets if name not in before)
        self.in_sync.update(targets.keys())
        return 0

    def _add_identical(self, count: int) -> None:
        for target in self._scopes[0].targets:
            self.in_sync[target] += count

    # Images that differ.

    def _compare(self, image_id: str, found: Sequence[Image | None]) -> Iterator[Difference]:
        unknown = self._coverage.unknown_regions(image_id)
        # Another part of the plan lists lagging regions again.
        later = self._coverage.lagging if unknown else ()
        copies = {
            region: image
            for region, image in zip(self._regions, found, strict=True)
            if image is not None
            and not self._is_forced(region, image)
            and not (region in unknown and region in later)
        }
        if not copies:
            return
        done: set[str] = set()
        contests = []
        for index, scope in enumerate(self._scopes):
            source = scope.choose_source(copies)
            if source is None:
                contest = scope.contested(copies)
                # The owner of the id may have an older copy in a region that lags.
                if contest and not _any_source(scope, later):
                    contests.append((index, contest))
                if not contest and (orphans := self._orphans(scope, copies, {*done, *unknown})):
                    yield _orphaned(index, copies, orphans)
                continue
            before = set(done)
            if targets := self._open_targets(scope, image_id, copies, done):
                difference = self._difference(index, source, copies, targets, unknown)
                if not scope.creates(source[1]):
                    # Another set may select what this one leaves alone.
                    done = before.union(difference.comparisons)
                differs = difference.missing or difference.comparisons or difference.no_data
                if differs or self._may_be_orphan(source, copies, unknown):
                    yield difference
                else:
                    self.in_sync.update(difference.in_sync)
        # The copies of the id's owner come first, whichever set selects them.
        for index, contest in contests:
            if targets := self._open_targets(self._scopes[index], image_id, copies, done):
                yield _contest(index, contest, copies, targets)

    def _may_be_orphan(
        self, source: tuple[str, Image], copies: Copies, unknown: Collection[str]
    ) -> bool:
        """Return whether a source is a copy whose home, which was listed, does not have it."""
        home = fields.home_of(source[1], source[0])
        return home in self._regions and home not in copies and home not in unknown

    def _orphans(self, scope: Scope, copies: Copies, left_out: Collection[str]) -> list[str]:
        """Return the targets whose copies seem to have lost their original.

        :param left_out: regions that are not known, or have another set's copies.
        """
        return [
            name
            for name in scope.targets
            if name in copies
            and name not in left_out
            and (home := fields.home_of(copies[name], name)) is not None
            and home in scope.sources
            # One that was hidden may have got its original back.
            and (home not in copies or fields.is_marked(copies[name], name))
            and home not in left_out
            and scope.may_lose(copies[name])
        ]

    def _open_targets(
        self, scope: Scope, image_id: str, copies: Copies, done: set[str]
    ) -> list[str]:
        """Return the targets of a set in which an image has to be planned.

        :param done: targets that have been; those that are returned are added.
        """
        if self._handled:
            done.update(self._handled(scope, image_id, copies))
        targets = [name for name in scope.targets if name not in done]
        done.update(targets)
        return targets

    def _difference(
        self,
        index: int,
        chosen: tuple[str, Image],
        copies: Copies,
        targets: Sequence[str],
        unknown_regions: Collection[str],
    ) -> Difference:
        region, source = chosen
        scope = self._scopes[index]
        record = fields.record_for(source, region, self._rules, image_id=source["id"])
        better = better_sources(scope, chosen, copies, unknown_regions)
        # Another part of the plan knows these sources, and what differs from them.
        later = not better.isdisjoint(self._coverage.lagging)
        # A region that only has to be sorted is waited for.
        waits = later and not better.isdisjoint(self._coverage.unsorted)
        missing: list[str] = []
        in_sync: list[str] = []
        no_data: list[str] = []
        comparisons: dict[str, Comparison] = {}
        for target in targets:
            copy = copies.get(target)
            if copy is None:
                if target not in unknown_regions and not waits:
                    missing.append(target)
            elif later:
                continue
            elif target == region:
                in_sync.append(target)
            else:
                comparison = compare_copy(record, source, copy, self._rules, prunes=scope.prunes)
                is_open = (scope.imports and fields.lacks_data(source, copy)) or (
                    scope.compares_members and members.may_be_compared(source, copy)
                )
                if fields.is_marked(copy, target):
                    comparisons[target] = comparison
                elif comparison.reason == Reason.IN_SYNC and not is_open:
                    in_sync.append(target)
                elif comparison.reason == Reason.NO_DATA and not is_open:
                    no_data.append(target)
                else:
                    comparisons[target] = comparison
        if not scope.creates(source):
            # It is not selected, but where its status has to be followed.
            missing, in_sync, no_data = [], [], []
            comparisons = {
                name: one
                for name, one in comparisons.items()
                if compare.STATUS in one.fields or fields.is_marked(copies[name], name)
            }
        return Difference(
            index,
            region,
            source,
            copies,
            tuple(missing),
            comparisons,
            tuple(in_sync),
            tuple(no_data),
            tuple(sorted(better)) if scope.updates else (),
        )


def _orphaned(index: int, copies: Copies, targets: Sequence[str]) -> Difference:
    """Return the difference of copies whose home seems to have no such image."""
    region = targets[0]
    comparison = Comparison(Reason.ORPHANED)
    return Difference(
        index, region, copies[region], copies, (), dict.fromkeys(targets, comparison)
    )


def _contest(
    index: int,
    contest: tuple[tuple[str, Image], Copies],
    copies: Copies,
    targets: Sequence[str],
) -> Difference:
    """Return the difference of an image whose id belongs to another owner."""
    (region, source), rightful = contest
    conflict = Comparison(Reason.OWNER_CONFLICT)
    conflicts = {name: conflict for name in targets if name != region}
    in_sync = tuple(name for name in targets if name == region)
    claimed_by = next(iter(rightful))
    return Difference(index, region, source, copies, (), conflicts, in_sync, claimed_by=claimed_by)


def _any_source(scope: Scope, regions: Collection[str]) -> bool:
    return any(name in regions for name in scope.sources)


def better_sources(
    scope: Scope, chosen: tuple[str, Image], copies: Copies, unknown_regions: Collection[str]
) -> set[str]:
    """Return the source regions that may have a better source, but are not known.

    No copy is updated from a source that may not be the right one.
    """
    if not unknown_regions:
        return set()
    return {
        name
        for name in scope.sources
        if name in unknown_regions and name not in copies and scope.may_precede(name, chosen)
    }


def compare_copy(
    record: Record, source: Image, copy: Image, rules: Rules, *, prunes: bool
) -> Comparison:
    """Compare a copy in a target with its source.

    :param record: the record that would be made of the source.
    :param prunes: whether properties that only the copy has count as drift.
    """
    comparison = compare.compare(record, source.get("owner"), source, copy)
    if comparison.reason in compare.AGREEING and prunes:
        extra = compare.extra_fields(record, copy, rules)
        return Comparison(Reason.DRIFT, extra) if extra else comparison
    return comparison


def _have_same_data(copies: Sequence[Image]) -> bool:
    """Return whether all copies with data may have the same data."""
    data = {
        (
            image.get("os_hash_algo"),
            image.get("os_hash_value"),
            image.get("checksum"),
            image.get("size"),
        )
        for image in copies
        if image.get("status") in fields.WITH_DATA
    }
    return len(data) <= 1


def _any_in_quarantine(copies: Sequence[Any]) -> bool:
    """Return whether a copy is deactivated, so that others may have to follow it."""
    return any(image.get("status") == fields.DEACTIVATED for image in copies)


def _are_alike(copies: Sequence[Any]) -> bool:
    """Return whether all copies are active, or none is."""
    active = [image.get("status") == fields.ACTIVE for image in copies]
    return all(active) or not any(active)
