"""Begin the runs of rules that are due, and those about images that events named."""

import logging
import threading
import time
from collections.abc import Callable

from kingbird import exception
from kingbird.db import api as db

LOG = logging.getLogger(__name__)

#: Seconds between two looks at the rules.  A listener's message saves waiting.
INTERVAL = 1.0
#: Seconds between two looks while a rule may pause.
PAUSING = 0.2
#: Seconds between two looks at the least, however many messages come.
SHORTEST = 0.05


def begin_due_runs() -> int:
    """Make a job for each rule whose full run is due.  Several engines may do so at a time.

    :returns: the number of jobs that were made.
    """
    begun = 0
    for rule in db.rule_runs.due():
        job_id = db.rule_runs.begin_due_run(rule)
        if job_id is not None:
            LOG.info("Rule %s is due: job %s", rule.id, job_id)
            begun += 1
    return begun


def begin_event_runs() -> tuple[int, bool]:
    """Make a job for each rule that has to look at images.  Several engines may do so at a time.

    :returns: the number of jobs that were made, and whether a rule pauses.
    """
    begun = 0
    marked = db.rule_runs.marked()
    for rule in marked.ready:
        job = db.rule_runs.begin_event_run(rule)
        if job is not None:
            images = len(job.request[0]["resources"])
            LOG.info("Rule %s looks at %d images: job %s", rule.id, images, job.id)
            begun += 1
    return begun, marked.pausing


class RulesLoop:
    """Begin runs until the engine stops.

    :param begun: is called after runs have begun.
    :param stopping: is set when the engine stops.
    """

    def __init__(self, begun: Callable[[], None], stopping: threading.Event) -> None:
        self._begun = begun
        self._stopping = stopping
        self._wake = threading.Event()

    def wake(self) -> None:
        """Look at the rules without waiting for the next round."""
        self._wake.set()

    def run(self) -> None:
        """Look at the rules every second, and when woken at those with marks."""
        next_due = 0.0
        while not self._stopping.is_set():
            self._wake.clear()
            now = time.monotonic()
            pausing = self._look(begin_event_runs)
            if now >= next_due:
                next_due = now + INTERVAL
                self._look(lambda: (begin_due_runs(), False))
            # No message tells when a pause is over.  Meanwhile messages begin nothing.
            self._wake.wait(PAUSING if pausing else INTERVAL)
            # Marks that come one after the other are looked at together.
            shortest = PAUSING if pausing else SHORTEST
            self._stopping.wait(max(0.0, now + shortest - time.monotonic()))

    def _look(self, begin: Callable[[], tuple[int, bool]]) -> bool:
        """Begin runs, and return whether a rule pauses."""
        try:
            begun, pausing = begin()
            if begun:
                self._begun()
            return pausing
        except exception.Unavailable as error:
            LOG.warning("Unable to begin runs of rules: %s", error.message)
        except Exception:
            LOG.exception("Unable to begin runs of rules")
        return False
