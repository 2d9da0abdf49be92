"""The view of a job's items before it is planned."""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from kingbird.api.views.sync_jobs import format_time
from kingbird.db import api as db
from kingbird.resource_keys import key_of
from kingbird.states import ALL

#: The numbers of an item's set, of its target and of its image in that set.
Place = tuple[int, int, int]


class UnplannedItems:
    """A job's items before it is planned, as far as the request determines them.

    Each image occurs once in each target region.  With the wildcard one entry stands for all
    images of a region.  Entries are made as they are needed.

    The parameters select items as those of :func:`kingbird.db.jobs.list_items` do.
    """

    def __init__(
        self,
        job: db.Job,
        *,
        resource: str | None = None,
        target_region: str | None = None,
        reason: Collection[str] | None = None,
        changed_since: datetime | None = None,
    ) -> None:
        self._job = job
        self._resource = resource
        self._target_region = target_region
        self._reason = reason
        changed_at = job.updated_at or job.created_at
        self._is_empty = changed_since is not None and changed_at < changed_since
        # A set of all pairs would grow with the number of targets.
        self._names = [list(dict.fromkeys(each["resources"])) for each in job.request]

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (entry for _, entry in self.placed())

    def placed(self) -> Iterator[tuple[Place, dict[str, Any]]]:
        """Yield the entries, each with its place."""
        for place in () if self._is_empty else self._places():
            entry = self.entry(place)
            if self._reason is None or entry["reason"] in self._reason:
                yield place, entry

    def _places(self) -> Iterator[Place]:
        before: list[tuple[Collection[str], Collection[str]]] = []
        for index, (each, names) in enumerate(zip(self._job.request, self._names, strict=True)):
            for number, target in enumerate(each["targets"]):
                if self._target_region not in (None, target):
                    continue
                seen = [others for others, targets in before if target in targets]
                for position, name in enumerate(names):
                    if self._resource is not None and self._key(name) != self._resource:
                        continue
                    if not any(name in others for others in seen):
                        yield index, number, position
            before.append((frozenset(names), each["targets"]))

    def _key(self, name: str) -> str:
        return key_of(self._job.resource_type, name)

    def entry(self, place: Place) -> dict[str, Any]:
        """Return the entry of a place."""
        index, number, position = place
        job, each = self._job, self._job.request[index]
        target, name = each["targets"][number], self._names[index][position]
        sources = [one for one in each["sources"] if one != target] or [target]
        key = self._key(name)
        shown = db.unsettled.show_unplanned(job, key, target)
        return {
            "id": db.item_id(job.id, key, target),
            "resource": name,
            "resource_name": None,
            "resource_type": each["resource_type"],
            # With several sources, the images of the wildcard come from different ones.
            "source_region": ALL if name == ALL and len(sources) > 1 else sources[0],
            "target_region": target,
            "sync_status": shown.status,
            "created_at": format_time(job.created_at),
            "updated_at": format_time(job.updated_at),
            "action": None,
            "target_resource": None,
            "reason": shown.reason,
            "message": shown.message,
            "fields": {},
            "attempts": 0,
            "data": None,
            "bytes": None,
            "data_seconds": None,
            "import_task": None,
        }
