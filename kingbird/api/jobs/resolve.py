"""Check that a request's regions are in the catalog and its images in their source regions."""

import functools
import time
from collections.abc import Callable, Mapping
from typing import Any

from kingbird import exception
from kingbird.api.schemas.sync_jobs import StoredSyncSet
from kingbird.batching import batched
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import IDS_PER_CALL
from kingbird.resource_keys import noun_of
from kingbird.states import ALL, ResourceType
from kingbird.sync import wildcard_regions
from kingbird.text import join_some, quote

#: The time for all calls of one request in seconds.  Later the caller has given up.
TOTAL_TIMEOUT = 30.0
#: The part of it that may be spent on regions that do not answer.  The API reports an outage of a
#: region within ten seconds.
UNRESPONSIVE_TIMEOUT = 8.0
#: The part of that for one call if there are several regions.  A silent region leaves time for
#: another one that may have the image.
PER_CALL_TIMEOUT = 4.0
#: The ``Retry-After`` of a request whose time is over, in seconds.
RETRY_AFTER = 30


def check_regions(
    sets: Mapping[str, StoredSyncSet],
    known: Mapping[str, str],
    unusable: Mapping[str, str] | None = None,
) -> None:
    """Check that all regions are known, and that no region is its own only source.

    :param sets: the sets by their fields.
    :param known: the image endpoints of the caller's catalog by region.
    :param unusable: the problems of image endpoints that cannot be used, by region.
    :raises kingbird.exception.BadRequest: a region is unknown or its own only source.  The message
        names the field and the regions.
    """
    for field, each in sets.items():
        for name, regions in (("source", each["sources"]), ("target", each["targets"])):
            for region in regions:
                if region != ALL and region not in known:
                    problem = (unusable or {}).get(region)
                    fault = f" that can be used ({problem})" if problem else ""
                    raise exception.BadRequest(
                        f"{field}.{name} names a region without an image endpoint{fault}: "
                        f"{quote(region)}; known are "
                        f"{join_some(sorted(known), 50) or 'none'}"
                    )
        only = each["sources"][0] if len(each["sources"]) == 1 else ALL
        if only != ALL and only in each["targets"]:
            others = sorted(known.keys() - {only})
            raise exception.BadRequest(
                f"{field}.target names {only}, which is the only source; other regions with an "
                f"image endpoint are {join_some(others, 50) or 'none'}"
            )


def resolve_regions(
    sets: Mapping[str, StoredSyncSet], known: Mapping[str, str]
) -> dict[str, StoredSyncSet]:
    """Replace ``*`` with the names of regions.

    Later changes of the catalog then do not change the job.

    :param sets: the sets by their fields, with valid regions.
    :param known: the image endpoints of the caller's catalog by region.
    :raises kingbird.exception.BadRequest: a set has no region left to write to.
    """
    return {field: _resolve_set(field, each, sorted(known)) for field, each in sets.items()}


def _resolve_set(field: str, each: StoredSyncSet, known: list[str]) -> StoredSyncSet:
    sources, targets = wildcard_regions.resolve_regions(each, known)
    if wildcard_regions.has_no_target(sources, targets):
        raise exception.BadRequest(
            f"{field} leaves no region to sync to; those with an image endpoint are "
            f"{join_some(known, 50) or 'none'}"
        )
    return {**each, "sources": sources, "targets": targets}


def check_dry_runs(sets_by_id: Mapping[str, StoredSyncSet]) -> None:
    """Check that no image is named for a dry run and for a real sync to the same region.

    :param sets_by_id: the sets with image ids by their fields, without ``*`` among the regions.
    :raises kingbird.exception.BadRequest: an image is.  The message names both fields.
    """
    named: dict[tuple[str, str], tuple[str, bool]] = {}
    if len({each["dry_run"] for each in sets_by_id.values()}) < 2:
        return
    for field, each in sets_by_id.items():
        noun = noun_of(each["resource_type"])
        for image_id in each["resources"]:
            for region in each["targets"]:
                first = (field, each["dry_run"])
                earlier, dry_run = named.setdefault((image_id, region), first)
                if dry_run != each["dry_run"]:
                    raise exception.BadRequest(
                        f"{field}.dry_run has to be {quote(dry_run)} as {earlier}.dry_run is, "
                        f"because both sets name {noun} {image_id} for region {quote(region)}"
                    )


class _TimeBudget:
    """The time that one request may spend on calls to regions.

    :param regions: the number of regions that may be called.
    """

    def __init__(self, regions: int) -> None:
        self._end = time.monotonic() + TOTAL_TIMEOUT
        self._unresponsive_left = UNRESPONSIVE_TIMEOUT
        self._per_call_timeout = UNRESPONSIVE_TIMEOUT if regions == 1 else PER_CALL_TIMEOUT

    def call_timeout(self) -> float:
        """Return the timeout of the next call in seconds.  At 0 or below no time is left."""
        return min(self._end - time.monotonic(), self._unresponsive_left, self._per_call_timeout)

    def spend(self, seconds: float) -> None:
        """Subtract the seconds of a call that got no answer."""
        self._unresponsive_left -= seconds


class _RegionLookup:
    """Look images or namespaces up in one region, each once even if several sets name it.

    A region that failed once is not called again.

    :param budget: the time that all regions of the request share.
    """

    def __init__(self, images: ImageClient, budget: _TimeBudget, resource_type: str) -> None:
        self._images = images
        self._budget = budget
        self._type = resource_type
        self._requested: set[str] = set()
        self._found: set[str] = set()
        #: The error of the call that failed.
        self.error: exception.KingbirdError | None = None

    def find(self, ids: list[str]) -> set[str]:
        """Return those of some resources that the caller can see in the region, hidden or not."""
        if self.error is None:
            try:
                self._look_up(ids)
            except exception.KeystoneUnavailable:
                # Without Kingbird's service token no other region can be asked either.
                raise
            except (exception.Unavailable, exception.Forbidden) as error:
                self.error = error
        return self._found.intersection(ids)

    def _look_up(self, ids: list[str]) -> None:
        unknown = [image_id for image_id in ids if image_id not in self._requested]
        if self._type != ResourceType.IMAGE:
            if not self._requested:
                # One list has all namespaces.
                self._found.update(one["namespace"] for one in self._call(self._list_namespaces))
            self._requested.update(unknown)
            return
        self._requested.update(unknown)
        for hidden in (False, True):
            found: set[str] = set()
            for batch in batched(unknown, IDS_PER_CALL):
                listing = functools.partial(self._images.list_by_ids, batch, hidden=hidden)
                found.update(image["id"] for image in self._call(listing))
            self._found |= found
            unknown = [image_id for image_id in unknown if image_id not in found]

    def _list_namespaces(self, *, timeout: float) -> list[dict[str, Any]]:
        return self._images.metadefs.list_namespaces(timeout=timeout)

    def _call(self, listing: Callable[..., list[dict[str, Any]]]) -> list[dict[str, Any]]:
        region = self._images.region
        remaining = self._budget.call_timeout()
        if remaining <= 0:
            raise exception.Unavailable(
                f"Looking for the {noun_of(self._type)}s took too long; region {region} was not "
                "asked for all",
                retry_after=RETRY_AFTER,
            )
        start = time.monotonic()
        try:
            return listing(timeout=remaining)
        except exception.RegionUnavailable as error:
            if error.status is None:
                # There was no answer.
                self._budget.spend(time.monotonic() - start)
            raise
        except exception.ImageRequestRejected as error:
            if error.status in (401, 403):
                raise exception.Forbidden(error.message) from error
            raise exception.Unavailable(error.message) from error


def check_resources(sets: Mapping[str, StoredSyncSet], clients: Mapping[str, ImageClient]) -> None:
    """Check that the caller can see each image, or namespace, in one of its sources.

    The first sources are called first, and a later one only for images that are still missing.  A
    region that fails does not matter if all images are found in others.

    :param sets: the sets by their fields, without ``*`` among the regions.
    :param clients: the caller's clients of at least the source regions of sets with image ids.
    :raises kingbird.exception.NotFound: images are missing.  The message names the first ones and
        the number of all.
    :raises kingbird.exception.Unavailable: an image may be in a region that did not answer in
        time.  The message names the region.
    :raises kingbird.exception.Forbidden: an image may be in a region that lists no images for the
        caller.
    """
    budget = _TimeBudget(len(clients))
    # All sets of a job have the same type.
    resource_type = next((each["resource_type"] for each in sets.values()), ResourceType.IMAGE)
    regions = {
        name: _RegionLookup(images, budget, resource_type) for name, images in clients.items()
    }
    missing: dict[str, str] = {}
    errors: list[exception.KingbirdError] = []
    for field, each in sets_with_ids(sets).items():
        remaining = each["resources"]
        for source in each["sources"]:
            found = regions[source].find(remaining)
            remaining = [image_id for image_id in remaining if image_id not in found]
        if not remaining:
            continue
        lookup_errors = [error for name in each["sources"] if (error := regions[name].error)]
        if lookup_errors:
            errors.extend(lookup_errors)
            continue
        where = " or ".join(each["sources"])
        missing.update({image_id: f"{image_id} in {where} ({field})" for image_id in remaining})
    if missing:
        raise exception.NotFound(
            f"{len(missing)} {noun_of(resource_type)}(s) can't be found: "
            f"{join_some(missing.values(), 5)}"
        )
    if errors:
        raise errors[0]


def sets_with_ids(sets: Mapping[str, StoredSyncSet]) -> dict[str, StoredSyncSet]:
    """Return the sets that have image ids, not a wildcard."""
    return {field: each for field, each in sets.items() if each["resources"] != [ALL]}
