"""Writes records with long values, which a plan has in a shortened form only.

The source is read again, one large record of a region at a time, as each is several times in
memory while it is written.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from kingbird import exception
from kingbird.clients.answer_room import Room
from kingbird.clients.call_limits import time_left
from kingbird.clients.glance import ImageClient
from kingbird.clients.long_values import is_shortened, length_of, shortened
from kingbird.states import Reason
from kingbird.sync import patch
from kingbird.sync.image import Image, Record
from kingbird.sync.item import WriteSpec
from kingbird.sync.outcome import FAILED, NO_ENDPOINT, Outcome, join_fields, region_failure
from kingbird.sync.retry import Retry

#: Characters of long values of all records that are written at the same time.
ROOM = Room(8 << 20)
#: Characters of long values of a record that needs no room.
SMALL = 1 << 16


@dataclasses.dataclass(frozen=True)
class LongRecords:
    """Completes the work of records in one region.  Safe for threads.

    :ivar images: the images of the region.
    :ivar source_of: returns the images of a region, or ``None`` for one without an endpoint.
    """

    images: ImageClient
    source_of: Callable[[str], ImageClient | None]
    retry: Retry

    def write(
        self,
        resource: str,
        source_region: str,
        work: WriteSpec,
        write: Callable[[WriteSpec], Outcome],
    ) -> Outcome:
        """Write a record with the values that its source has.

        :param resource: the id of the source image.
        :param write: writes the record.
        :returns: ``plan_outdated`` if the source has other values by now.
        """
        size = sum(map(length_of, work.record.values()))
        taken = ROOM.take(self.images.region, size, time_left) if size > SMALL else None
        try:
            found = self._completed(resource, source_region, work)
            return found if isinstance(found, Outcome) else write(found)
        finally:
            if taken is not None:
                ROOM.give_back(self.images.region, taken)

    def _completed(
        self, resource: str, source_region: str, work: WriteSpec
    ) -> WriteSpec | Outcome:
        source = self._source(resource, source_region)
        if isinstance(source, Outcome):
            return source
        wanted = {name: value for name, value in work.record.items() if is_shortened(value)}
        changed = [name for name, value in wanted.items() if shortened(source.get(name)) != value]
        if changed:
            return Outcome(
                Reason.PLAN_OUTDATED,
                f"The image was changed in {source_region} since it was planned, in: "
                f"{join_fields(sorted(changed))}; nothing was written",
                region_contacted=False,
            )
        values = {name: source[name] for name in wanted}
        return dataclasses.replace(
            work,
            record=_with(work.record, values),
            fallback=work.fallback and _with(work.fallback, values),
            changes=[
                {**one, "value": values[name]} if (name := patch.name_of(one)) in values else one
                for one in work.changes
            ],
            before=self._before(work),
            shortened=False,
        )

    def _source(self, resource: str, region: str) -> Image | Outcome:
        images = self.source_of(region)
        if images is None:
            message = NO_ENDPOINT.format(region)
            return Outcome(Reason.REGION_UNAVAILABLE, message, region_contacted=False)
        try:
            source: Image | None = self.retry(images.get, resource)
        except FAILED as error:
            if isinstance(error, exception.CredentialsLost):
                return Outcome(Reason.FORBIDDEN, error.message, region_contacted=False)
            failure = region_failure(error)
            refused = isinstance(error, exception.ImageRequestRejected)
            return dataclasses.replace(failure, region_contacted=refused)
        return Outcome(Reason.SOURCE_GONE, region_contacted=False) if source is None else source

    def _before(self, work: WriteSpec) -> dict[str, Any]:
        """Return the values before an update, which the plan may have shortened.

        If the image can't be read, they stay so: the update can't be undone as a whole.
        """
        names = [name for name, value in work.before.items() if is_shortened(value)]
        if not names:
            return work.before
        try:
            image: Image | None = self.retry(self.images.get, work.record["id"])
        except FAILED:
            image = None
        there = {name: image[name] for name in names if name in image} if image else {}
        return {**work.before, **there}


def _with(record: Record, values: Record) -> Record:
    return {**record, **{name: value for name, value in values.items() if name in record}}
