"""Renew the leases of this engine, and check them before each write.

An engine decides by its own monotonic clock whether it may write.  It stops half a lease before
the lease expires in the database.  A call takes less than that, so no call is running when another
engine claims the work.
"""

import logging
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kingbird import exception
from kingbird.db import api as db

LOG = logging.getLogger(__name__)

#: The part of a lease after which no write may begin.
WRITE_FRACTION = 0.5
#: The part of a lease that a call may take at most.
CALL_FRACTION = 0.25
#: The part of a lease after which it is renewed.
RENEW_FRACTION = 1 / 3
#: Seconds until a lease whose row is locked is tried again.
BUSY_WAIT = 0.1


class HeldLease:
    """Hold a claim and the time until which this engine may write under it."""

    def __init__(self, claim: db.Claim, lease: float, since: float) -> None:
        self.claim = claim
        self._lease = lease
        self._write_until = since + lease * WRITE_FRACTION
        self._lost = False
        self._ended = False

    @property
    def write_until(self) -> float:
        """The monotonic time from which on no write may begin."""
        return self._write_until

    def check(self) -> None:
        """Check before a write to a region that the lease is held.

        :raises kingbird.exception.LeaseLost: another engine may have the work.
        """
        self.raise_if_lost()
        if time.monotonic() > self._write_until:
            raise exception.LeaseLost(f"The lease on a part of job {self.claim.job.id} ran out")

    def raise_if_lost(self) -> None:
        """Raise an error if another engine has the work.

        :raises kingbird.exception.LeaseLost: another engine has claimed it.
        """
        if self._lost:
            raise exception.LeaseLost(f"Another engine has a part of job {self.claim.job.id}")

    def stop_renewing(self) -> None:
        """Stop renewing the lease, because its work is about to end."""
        self._ended = True

    def go_on_renewing(self) -> None:
        """Renew the lease as before, because its work has not ended yet."""
        self._ended = False

    @property
    def is_renewed(self) -> bool:
        """True until the work is about to end."""
        return not self._ended

    def note_renewed(self, since: float) -> None:
        """Note that the lease was renewed.

        :param since: the monotonic time from which it counts at the latest.
        """
        self._write_until = since + self._lease * WRITE_FRACTION

    def note_lost(self) -> None:
        """Note that another engine has the work; :meth:`check` tells it."""
        self._lost = True
        # Otherwise the work ended during the renewal.
        if not self._ended:
            LOG.warning(
                "Lease lost: another engine has taken over a part of job %s", self.claim.job.id
            )


class LeaseKeeper:
    """Keep all leases of an engine.

    :param lease: seconds.
    """

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._held: set[HeldLease] = set()
        self._lock = threading.Lock()
        self._after_outage_until = -math.inf
        self._pause = threading.Event()

    @contextmanager
    def hold(self, claim: db.Claim, since: float) -> Iterator[HeldLease]:
        """Keep a claim renewed for the length of the block.

        :param since: the monotonic time at which the claim began.
        """
        held = HeldLease(claim, self._lease, since)
        with self._lock:
            self._held.add(held)
        try:
            yield held
        finally:
            with self._lock:
                self._held.discard(held)

    def describe(self) -> list[str]:
        """Return a line for each lease, without waiting for a lock."""
        now = time.monotonic()
        return sorted(
            f"{lease.claim.job.id} {lease.claim.task.region if lease.claim.task else 'planning'}, "
            f"may write for {lease.write_until - now:.1f} s"
            for lease in tuple(self._held)
        )

    def renew(self) -> None:
        """Renew all leases by the database's clock.

        Those whose rows are locked are tried again soon: a transaction of this engine works under
        them, and ends.
        """
        end = time.monotonic() + self._lease * (WRITE_FRACTION - RENEW_FRACTION)
        with self._lock:
            leases = list(self._held)
        while leases := self._renew([lease for lease in leases if lease.is_renewed]):
            if time.monotonic() >= end:
                LOG.warning("%d leases are locked in the database, not renewed", len(leases))
                break
            self._pause.wait(BUSY_WAIT)

    def _renew(self, leases: Sequence[HeldLease]) -> list[HeldLease]:
        """Renew some leases, and return those whose rows are locked."""
        if not leases:
            return []
        before = time.monotonic()
        try:
            with self.watch_database():
                lost, busy = db.leases.renew([lease.claim for lease in leases], self._lease)
        except exception.Unavailable:
            LOG.warning("Unable to renew %d leases: database unavailable", len(leases))
            return []
        except Exception:
            LOG.exception("Unable to renew %d leases", len(leases))
            return []
        for lease in leases:
            if lease.claim in lost:
                lease.note_lost()
            elif lease.claim not in busy:
                lease.note_renewed(before)
        return [lease for lease in leases if lease.claim in busy]

    @contextmanager
    def watch_database(self) -> Iterator[None]:
        """Note an outage of the database if the calls of the block fail, or take too long."""
        begun = time.monotonic()
        try:
            yield
        except exception.Unavailable:
            self._note_outage()
            raise
        if time.monotonic() - begun > self._lease * WRITE_FRACTION:
            self._note_outage()

    def _note_outage(self) -> None:
        self._after_outage_until = time.monotonic() + self._lease

    @property
    def is_after_outage(self) -> bool:
        """Tell whether an outage of the database may have made leases expire that end now."""
        return time.monotonic() < self._after_outage_until
