"""Note now and then how many images the planning of a job has listed."""

import threading
import time
from collections import Counter

from kingbird.db import api as db

#: Seconds between two notes that no other write of the plan carries.
INTERVAL = 5.0


class PlanProgress:
    """The images that planning has listed, by region.

    :ivar listed: the numbers, which the calls to the regions count up.
    """

    def __init__(self, claim: db.Claim) -> None:
        # A part of a plan that follows lists more.
        self.listed: Counter[str] = Counter(claim.job.listed or {})
        self._claim = claim
        self._noted_at = time.monotonic()
        self._thread = threading.get_ident()

    def note_if_due(self) -> None:
        """Store the numbers, from the thread that plans and every few seconds.

        :raises kingbird.exception.LeaseLost: another engine plans the job.
        """
        if threading.get_ident() != self._thread:
            return
        now = time.monotonic()
        if now - self._noted_at < INTERVAL or not self.listed:
            return
        self._noted_at = now
        db.plans.note_listed(self._claim, self.listed)
