"""Leases that this engine holds: renewed in time, and asked before each write.

An engine decides by its own monotonic clock whether it may still write.  It stops half a lease
before the database would give the work to another engine; a call takes less than that, so what
it has begun is over by then.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from kingbird import exception
from kingbird.db import api as db

LOG = logging.getLogger(__name__)

#: The part of a lease after which no write may begin.
WRITE_FRACTION = 0.5
#: The part of a lease that one phase of a call (connecting, reading) may take at most.
CALL_FRACTION = 0.25
#: The part of a lease after which it is renewed.
RENEW_FRACTION = 1 / 3


class HeldLease:
    """A claim and the moment until which this engine may write under it."""

    def __init__(self, claim: db.Claim, lease: float, since: float) -> None:
        self.claim = claim
        self._lease = lease
        self._write_until = since + lease * WRITE_FRACTION
        self._lost = False
        self._over = False

    @property
    def write_until(self) -> float:
        """The monotonic moment from which on nothing may be written under it."""
        return self._write_until

    def check(self) -> None:
        """Call before each write to a region.

        :raises kingbird.exception.LeaseLost: another engine may have the work.
        """
        if self._lost or time.monotonic() > self._write_until:
            raise exception.LeaseLost(f"The lease on a part of job {self.claim.job.id} ran out")

    def let_go(self) -> None:
        """Renew it no more, as what it is for is about to end."""
        self._over = True

    def renew(self) -> None:
        """Renew the lease by the database's clock; a failure shows in :meth:`check`."""
        if self._over:
            return
        before = time.monotonic()
        try:
            db.leases.renew(self.claim, self._lease)
        except exception.LeaseLost:
            self._lost = True
            if self._over:
                # It has ended since then.
                return
            LOG.warning(
                "Lease lost: another engine has taken over a part of job %s", self.claim.job.id
            )
        except exception.Unavailable:
            LOG.warning(
                "Unable to renew a lease on job %s: database unavailable", self.claim.job.id
            )
        except Exception:
            # The others are to be renewed all the same.
            LOG.exception("Unable to renew a lease on job %s", self.claim.job.id)
        else:
            self._write_until = before + self._lease * WRITE_FRACTION


class LeaseKeeper:
    """All leases of an engine.

    :param lease: seconds.
    """

    def __init__(self, lease: float) -> None:
        self._lease = lease
        self._held: set[HeldLease] = set()
        self._lock = threading.Lock()

    @contextmanager
    def hold(self, claim: db.Claim, since: float) -> Iterator[HeldLease]:
        """Keep a claim renewed for the length of the block.

        :param since: the monotonic moment at which claiming it began.
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
        """Return what work is held, a line each.  Never waits, for who asks why nothing moves."""
        now = time.monotonic()
        return sorted(
            f"{claim.job.id} {claim.task.region if claim.task else 'planning'}, "
            f"may write for {one.write_until - now:.1f} s"
            for one in tuple(self._held)
            for claim in (one.claim,)
        )

    def renew(self) -> None:
        """Renew all of them."""
        with self._lock:
            held = list(self._held)
        for one in held:
            one.renew()
