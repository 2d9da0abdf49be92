"""Makes one planned record in its region, whatever happens on the way (design, section 8).

Creating is idempotent: an answer that was lost, a record that is half made and a run that
comes again all end in the same record.
"""

import dataclasses
from collections.abc import Callable, Mapping

from kingbird import exception
from kingbird.clients.glance import Images
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.copies import FORCED_TRIES
from kingbird.sync.decide import Work, verdict_outcome
from kingbird.sync.image import Image
from kingbird.sync.outcome import UNUSABLE, Outcome
from kingbird.sync.retries import Retry

#: Reasons by the status of a POST or PATCH that Glance refused.
REFUSALS = {401: "forbidden", 403: "forbidden", 413: "quota"}


class Applier:
    """Makes records in one region.  Safe for threads.

    :param is_admin: whether Glance takes the caller for an admin, who sees every image.
    :param may_write: called before each write; raises
        :class:`kingbird.exception.LeaseLost` when another engine may have the task.
    """

    def __init__(
        self,
        images: Images,
        *,
        is_admin: bool,
        may_write: Callable[[], None],
        retry: Retry,
    ) -> None:
        self._images = images
        self._burnt_reason = "deleted_in_target" if is_admin else "id_taken"
        self._may_write = may_write
        self._retry = retry

    def create(self, resource: str, source_region: str, work: Work) -> Outcome:
        """Make a record, or find out why it can't be made.

        :param resource: the id of the source image.
        :returns: the outcome; its message is a sentence only where Glance gave one.
        :raises kingbird.exception.LeaseLost: see ``may_write``.
        """
        burnt: list[tuple[str, str]] = []
        outcome = self._create(source_region, work)
        while outcome.reason in UNUSABLE and work.forced:
            burnt += outcome.burnt
            if work.forced >= FORCED_TRIES:
                break
            work = _next(resource, self._images.region, work)
            outcome = self._create(source_region, work)
        return dataclasses.replace(outcome, burnt=(*burnt, *outcome.burnt))

    def _create(self, source_region: str, work: Work) -> Outcome:
        image_id: str = work.record["id"]
        try:
            existing = self._retry(self._post, work)
            if existing is not None:
                return self._settle(existing, source_region, work)
        except exception.RegionUnavailable as error:
            return Outcome("region_unavailable", error.message)
        except exception.CredentialsLost as error:
            return Outcome("forbidden", error.message)
        except exception.ImageRefused as error:
            if error.status == 409:
                # The id is taken, but by nothing that can be seen.
                reason = self._burnt_reason
                return Outcome(reason, burnt=((image_id, reason),))
            return Outcome(REFUSALS.get(error.status, "invalid"), error.message)
        return Outcome("created", target_resource=image_id)

    def _post(self, work: Work) -> Image | None:
        """POST a record; where that leaves doubt, look.

        :returns: ``None`` when it was made, or what is there already.
        """
        self._may_write()
        try:
            self._images.create(work.record)
        except (exception.RegionUnavailable, exception.ImageRefused) as error:
            if isinstance(error, exception.ImageRefused) and error.status != 409:
                raise
            existing = self._images.get(work.record["id"])
            if existing is None:
                raise
            return existing
        return None

    def _settle(self, existing: Image, source_region: str, work: Work) -> Outcome:
        """Say what is there under the id; what an attempt left half made is completed."""
        source: Mapping[str, object] = {**work.data, "id": existing["id"]}
        verdict = compare.judge(work.record, work.owner, source, existing)
        if not compare.is_ours(work.record, work.owner, existing):
            return verdict_outcome(verdict, existing["id"], source_region)
        if verdict.reason == compare.DRIFT:
            self._retry(self._complete, work, verdict.fields)
        elif verdict.reason in UNUSABLE:
            return verdict_outcome(verdict, existing["id"], source_region)
        return Outcome("created", target_resource=existing["id"])

    def _complete(self, work: Work, names: tuple[str, ...]) -> None:
        operations = [
            {"op": "add", "path": f"/{_pointer(name)}", "value": work.record[name]}
            for name in names
            if name in work.record
        ]
        self._may_write()
        try:
            self._images.update(work.record["id"], operations)
        except exception.ImageRefused as error:
            # Of a PATCH 409 says nothing about the id.
            raise exception.ImageRefused(
                error.message, 400 if error.status == 409 else error.status
            ) from error


def _pointer(name: str) -> str:
    """Escape a name for a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _next(resource: str, region: str, work: Work) -> Work:
    """Return the work with the next id that a forced copy can have."""
    n = work.forced + 1
    record = {**work.record, "id": fields.forced_id(resource, region, n)}
    return dataclasses.replace(work, record=record, forced=n)
