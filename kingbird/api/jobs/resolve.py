"""What a request names has to be there: regions in the catalog, images in their source regions."""

import time
from collections.abc import Mapping

from kingbird import exception
from kingbird.api.request import validation
from kingbird.api.schemas.sync_jobs import StoredSyncSet
from kingbird.batching import batched
from kingbird.clients.glance import IDS_PER_CALL, ImageClient
from kingbird.states import ALL

#: Seconds that the calls of one request may take; who waits longer has gone away.
TOTAL_TIMEOUT = 30.0
#: Seconds of these that may pass waiting for regions that then don't answer: a caller is to hear
#: within ten seconds that they are away.
UNRESPONSIVE_TIMEOUT = 8.0
#: Seconds that one call may take of that where there are several regions, so that one that is
#: silent leaves time for another that may have the image.
PER_CALL_TIMEOUT = 4.0
#: Seconds after which such a request may come again.
RETRY_AFTER = 30


def check_regions(
    sets: Mapping[str, StoredSyncSet],
    known: Mapping[str, str],
    unusable: Mapping[str, str] | None = None,
) -> None:
    """Go on only if all regions are known, and none is to be its own source.

    :param sets: the sets by their fields.
    :param known: the image endpoints of the caller's catalog, by region.
    :param unusable: why other regions' image endpoints can't be used.
    :raises kingbird.exception.BadRequest: otherwise; the message names field and regions.
    """
    for field, each in sets.items():
        for name, regions in (("source", each["sources"]), ("target", each["targets"])):
            for region in regions:
                if region != ALL and region not in known:
                    why = (unusable or {}).get(region)
                    fault = f" that can be used ({why})" if why else ""
                    raise exception.BadRequest(
                        f"{field}.{name} names a region without an image endpoint{fault}: "
                        f"{validation.quote(region)}; known are "
                        f"{validation.join_some(sorted(known), 50) or 'none'}"
                    )
        only = each["sources"][0] if len(each["sources"]) == 1 else ALL
        if only != ALL and only in each["targets"]:
            others = sorted(known.keys() - {only})
            raise exception.BadRequest(
                f"{field}.target names {only}, which is the only source; other regions with an "
                f"image endpoint are {validation.join_some(others, 50) or 'none'}"
            )


def resolve_regions(
    sets: Mapping[str, StoredSyncSet], known: Mapping[str, str]
) -> dict[str, StoredSyncSet]:
    """Put names of regions in the place of ``*``, so that a job's regions are those of its day.

    :param sets: the sets by their fields, their regions checked.
    :param known: the image endpoints of the caller's catalog, by region.
    :raises kingbird.exception.BadRequest: a set has no region left to write to.
    """
    return {field: _resolved(field, each, sorted(known)) for field, each in sets.items()}


def _resolved(field: str, each: StoredSyncSet, known: list[str]) -> StoredSyncSet:
    sources, targets = each["sources"], each["targets"]
    if ALL in targets:
        # Who names one source means the others.
        only = sources[0] if len(sources) == 1 else None
        targets = [region for region in known if region != only]
    if ALL in sources:
        sources = list(dict.fromkeys([*each["preferred"], *known]))
    if not targets or (len(sources) == 1 and sources[0] in targets):
        raise exception.BadRequest(
            f"{field} leaves no region to sync to; those with an image endpoint are "
            f"{validation.join_some(known, 50) or 'none'}"
        )
    return {**each, "sources": sources, "targets": targets}


class _TimeBudget:
    """The time that one request has for its calls to regions, however many there are.

    :param regions: how many may be asked.
    """

    def __init__(self, regions: int) -> None:
        self._end = time.monotonic() + TOTAL_TIMEOUT
        self._silence = UNRESPONSIVE_TIMEOUT
        self._share = UNRESPONSIVE_TIMEOUT if regions == 1 else PER_CALL_TIMEOUT

    def call_timeout(self) -> float:
        """Return the seconds that the next call may take; none are left at 0 or below."""
        return min(self._end - time.monotonic(), self._silence, self._share)

    def spend(self, seconds: float) -> None:
        """Note that a call was waited for so long and had no answer."""
        self._silence -= seconds


class _RegionLookup:
    """Asks one region for images, for each of them once, however many sets name it.

    A region that could not be asked is not asked again.

    :param shared: the time that it shares with the request's other regions.
    """

    def __init__(self, images: ImageClient, shared: _TimeBudget) -> None:
        self._images = images
        self._time = shared
        self._asked: set[str] = set()
        self._there: set[str] = set()
        #: Why it could not be asked.
        self.error: exception.KingbirdError | None = None

    def find(self, ids: list[str]) -> set[str]:
        """Return those of some images that are known to be there for the caller, hidden or not."""
        if self.error is None:
            try:
                self._ask(ids)
            except (exception.Unavailable, exception.Forbidden) as error:
                self.error = error
        return self._there.intersection(ids)

    def _ask(self, ids: list[str]) -> None:
        unknown = [image_id for image_id in ids if image_id not in self._asked]
        self._asked.update(unknown)
        for hidden in (False, True):
            found: set[str] = set()
            for batch in batched(unknown, IDS_PER_CALL):
                found.update(image["id"] for image in self._list(batch, hidden))
            self._there |= found
            unknown = [image_id for image_id in unknown if image_id not in found]

    def _list(self, ids: list[str], hidden: bool) -> list[dict[str, str]]:
        region = self._images.region
        left = self._time.call_timeout()
        if left <= 0:
            raise exception.Unavailable(
                f"Looking for the images took too long; region {region} was not asked for all",
                retry_after=RETRY_AFTER,
            )
        begun = time.monotonic()
        try:
            return self._images.list_by_ids(ids, hidden=hidden, timeout=left)
        except exception.RegionUnavailable as error:
            if error.status is None:
                # There was no answer; the message names the region already.
                self._time.spend(time.monotonic() - begun)
                raise
            raise exception.Unavailable(
                f"The image service of region {region} can't be asked at the moment: "
                f"{error.message}",
                retry_after=error.retry_after,
            ) from error
        except exception.ImageRequestRejected as error:
            if error.status in (401, 403):
                raise exception.Forbidden(
                    f"The image service of region {region} refuses to list images: {error.message}"
                ) from error
            raise exception.Unavailable(
                f"The image service of region {region} can't be used: {error.message}"
            ) from error


def check_images(sets: Mapping[str, StoredSyncSet], opened: Mapping[str, ImageClient]) -> None:
    """Go on only if the caller sees each image in one of its sources.

    The first sources are asked first, and a later one only for what they don't have.  A region
    that can't be asked is in nobody's way whose images are found in the others.

    :param sets: the sets by their fields, none with ``*`` among its regions.
    :param opened: at least the source regions of sets that name images, opened for the caller.
    :raises kingbird.exception.NotFound: otherwise; the message names the first images and
        tells how many there are.
    :raises kingbird.exception.Unavailable: an image may be in a region that does not answer, or
        not in time; the message names the region.
    :raises kingbird.exception.Forbidden: the same of a region that lists nothing for the caller.
    """
    shared = _TimeBudget(len(opened))
    regions = {name: _RegionLookup(images, shared) for name, images in opened.items()}
    missing: dict[str, str] = {}
    problems: list[exception.KingbirdError] = []
    for field, each in sets_with_ids(sets).items():
        left = each["resources"]
        for source in each["sources"]:
            there = regions[source].find(left)
            left = [image_id for image_id in left if image_id not in there]
        if not left:
            continue
        unasked = [problem for name in each["sources"] if (problem := regions[name].error)]
        if unasked:
            problems.extend(unasked)
            continue
        where = " or ".join(each["sources"])
        missing.update({image_id: f"{image_id} in {where} ({field})" for image_id in left})
    if missing:
        raise exception.NotFound(
            f"{len(missing)} image(s) can't be found: {validation.join_some(missing.values(), 5)}"
        )
    if problems:
        raise problems[0]


def sets_with_ids(sets: Mapping[str, StoredSyncSet]) -> dict[str, StoredSyncSet]:
    """Return those of some sets that name images."""
    return {field: each for field, each in sets.items() if each["resources"] != [ALL]}
