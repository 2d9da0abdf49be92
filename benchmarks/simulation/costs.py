"""The costs of each transaction and each call."""

from dataclasses import dataclass
from typing import NamedTuple


class Cost(NamedTuple):
    """The cost of some transactions.

    :ivar database: seconds that the database works, and the engine waits for it.
    :ivar engine: seconds of the engine's processor time.
    :ivar ended: commits and rollbacks.
    """

    database: float
    engine: float
    statements: float
    ended: float

    def times(self, number: float) -> "Cost":
        """Return the cost of doing this several times."""
        return Cost(*(number * each for each in self))

    def plus(self, other: "Cost") -> "Cost":
        """Return the cost of both."""
        return Cost(*(one + more for one, more in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Costs:
    """The costs of what engines do, in the words of ``kingbird.db``.

    :ivar claim_task: a task is found and claimed.
    :ivar claim_job: no task may be claimed, and a job is found and claimed.
    :ivar claim_nothing: neither is found.
    :ivar store: the transaction of a batch of a plan, without its items.
    :ivar store_item: an item of such a batch.
    :ivar finish: a part of a plan is complete.
    :ivar open_items: a window of items is read.
    :ivar record: the transaction of a batch of outcomes, without these.
    :ivar record_item: an outcome.
    :ivar end_task: likewise the transaction that ends a task.
    :ivar look: a query for a cancellation.
    :ivar release: a claim is handed back.
    :ivar renew: the sign of life and the renewal of an engine's leases.
    :ivar item: the engine's processor time for a record: planned, written and stored.
    :ivar token: seconds that Keystone takes for a token, a trust or the deletion of a trust.
    """

    claim_task: Cost
    claim_job: Cost
    claim_nothing: Cost
    store: Cost
    store_item: Cost
    finish: Cost
    open_items: Cost
    record: Cost
    record_item: Cost
    end_task: Cost
    look: Cost
    release: Cost
    renew: Cost
    item: float
    token: float
