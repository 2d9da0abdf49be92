"""The states and figures that plans store in the transactions of their items."""

from typing import Protocol

from sqlalchemy import orm

from kingbird.db import batches
from kingbird.db.leases import Claim
from kingbird.db.models import Job


class Findings(Protocol):
    """The states that a batch of a plan has found; false if there are none."""

    def __bool__(self) -> bool: ...

    def store(
        self, session: orm.Session, job: Job, execute: batches.Execute, began: int | None
    ) -> None:
        """Store them in the transaction of the caller.

        :param began: when the comparison began; see :func:`kingbird.db.fresh_states.find`.
        """

    def clear(self, claim: Claim, began: int | None) -> None:
        """Delete ahead, in transactions of its own, what would be too much for the caller's.

        :raises kingbird.exception.LeaseLost: another engine plans the job.
        """


class Figures(Protocol):
    """The figures of regions that a complete comparison has found."""

    def store(self, session: orm.Session, job: Job) -> None:
        """Store them in the transaction of the caller."""

    def clear(self, claim: Claim) -> None:
        """Delete ahead, in transactions of its own, what would be too much for the caller's.

        :raises kingbird.exception.LeaseLost: another engine plans the job.
        """
