"""Tell of a part of a plan that is stored: its outcomes, and that there are tasks."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence

from kingbird import events
from kingbird.db import api as db
from kingbird.engine import resource_types
from kingbird.states import ItemState, Reason

LOG = logging.getLogger(__name__)

#: Items by target region, status and reason.
OutcomeCounts = Counter[tuple[str, str, str]]


class PlannedParts:
    """Tells of parts of plans.

    :param notify_engines: wakes other engines when there are tasks.
    """

    def __init__(self, notify_engines: Callable[[str], None]) -> None:
        self._notify_engines = notify_engines

    def announce(
        self,
        job: db.Job,
        part: int,
        ending: db.Ending,
        claims: Sequence[db.Claim],
        outcomes: OutcomeCounts,
        planner: resource_types.Planner,
    ) -> None:
        """Emit the outcomes of a part that is stored, and wake engines for its tasks.

        :param claims: the tasks that this engine works on.
        """
        open_tasks = ending.open_tasks
        LOG.info("Planned part %d of job %s: %d regions to work on", part + 1, job.id, open_tasks)
        for (region, status, reason), number in outcomes.items():
            events.emit(events.ItemsEnded(region, status, reason, number))
        found = ((Reason.IN_SYNC, planner.in_sync), (Reason.NO_DATA, planner.no_data))
        for reason, counts in found:
            for region, number in counts.items():
                if number:
                    events.emit(events.ItemsEnded(region, ItemState.SUCCESS, reason, number))
        events.emit(events.JobProgress(job))
        if open_tasks > max(1, len(claims)) and job.credentials == "trust":
            self._notify_engines(job.id)
