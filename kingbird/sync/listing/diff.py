"""Compares whole regions, page by page of their merged lists.

Pure: iterators in, differences out.  An image that is the same everywhere, as nearly all are,
costs one comparison of two dictionaries a copy.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kingbird.states import Reason
from kingbird.sync import compare
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
        """Note that all images up to an id have been compared."""


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

    def choose_source(self, copies: Copies) -> tuple[str, Image] | None:
        """Choose an image's source among its copies: region and image.

        :returns: ``None`` if the set does not select the image.
        """

    def matches(self, image: Image) -> bool:
        """Return whether a copy in one of the sources makes the set select the image."""

    def may_precede(self, region: str, chosen: tuple[str, Image]) -> bool:
        """Return whether a source that is not known may come before the chosen one."""

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
    :ivar comparisons: the copies in targets that are not in sync.
    :ivar in_sync: the targets in which it is in sync.
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
        # These fields say nothing about whether two images are the same.
        ignored = (fields.SET_BY_GLANCE - {"owner"}) | fields.PROVENANCE | rules.dropped
        self._ignored: dict[str, Any] = dict.fromkeys(ignored)

    def differences(self, pages: Iterable[MergedPage]) -> Iterator[Difference]:
        """Yield the differences in the order of ids, for each image and scope one."""
        for page in pages:
            columns = [page.images.get(region, {}) for region in self._regions]
            identical = 0
            for image_id in page.ids:
                copies = [column.get(image_id) for column in columns]
                if None not in copies and self._are_identical(copies):
                    identical += self._count_identical(image_id, copies)
                else:
                    yield from self._compare(image_id, copies)
            if identical:
                self._add_identical(identical)
            self._coverage.advance(page.ids[-1])
            # The next pages are parsed before the names are bound anew.
            del page, columns

    # Images that are the same everywhere.

    def _are_identical(self, copies: Sequence[Any]) -> bool:
        """Return whether all copies are the same, so that any can be the source."""
        first = copies[0]
        if fields.FORCED in first:
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

    def _count_identical(self, image_id: str, copies: Sequence[Any]) -> int:
        if len(self._scopes) == 1 and self._handled is None and self._scopes[0].matches(copies[0]):
            # This is the way of nearly all images, so it is short.
            return 1
        by_region = dict(zip(self._regions, copies, strict=True))
        targets: dict[str, None] = {}
        for scope in self._scopes:
            if scope.choose_source(by_region):
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
                continue
            if targets := self._open_targets(scope, image_id, copies, done):
                difference = self._difference(index, source, copies, targets, unknown)
                if difference.missing or difference.comparisons:
                    yield difference
                else:
                    self.in_sync.update(difference.in_sync)
        # The copies of the id's owner come first, whichever set selects them.
        for index, contest in contests:
            if targets := self._open_targets(self._scopes[index], image_id, copies, done):
                yield _contest(index, contest, copies, targets)

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
                if comparison.reason == Reason.IN_SYNC:
                    in_sync.append(target)
                else:
                    comparisons[target] = comparison
        return Difference(
            index,
            region,
            source,
            copies,
            tuple(missing),
            comparisons,
            tuple(in_sync),
            tuple(sorted(better)) if scope.updates else (),
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
    if comparison.reason == Reason.IN_SYNC and prunes:
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
