"""Measure what engines do in the database: one transaction after the other, with nobody else."""

import functools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from benchmarks import own_database
from benchmarks.simulation.costs import Cost, Costs
from kingbird.db import api as db
from kingbird.engine import planner, worker
from kingbird.sync.plan import by_id
from kingbird.tests.functional import services
from kingbird.tests.unit.db import rows, states

LEASE = 600.0
#: Jobs that wait meanwhile, and measurements of each kind, of which the median counts.
WAITING, TIMES = 200, 9
REGIONS = [f"T{number}" for number in range(10)]
#: The outcomes of a batch, and the items of a batch of a plan.
OUTCOMES, PLANNED = worker.FLUSH, by_id.BATCH


class _Meter:
    """Counts statements and transactions, and measures their time."""

    def __init__(self) -> None:
        self._statements = self._ended = 0
        engine = db.get_engine()
        sa.event.listen(engine, "before_cursor_execute", self._on_statement)
        for end in ("commit", "rollback"):
            sa.event.listen(engine, end, self._on_end)

    def _on_statement(self, *_: Any) -> None:
        self._statements += 1

    def _on_end(self, *_: Any) -> None:
        self._ended += 1

    def cost(self, *actions: Callable[[], object]) -> Cost:
        """Return the medians of the costs of actions that are alike."""
        costs = []
        for action in actions:
            statements, ended = self._statements, self._ended
            begun, used = time.monotonic(), time.thread_time()
            action()
            used = time.thread_time() - used
            seconds = time.monotonic() - begun
            costs.append(
                Cost(seconds - used, used, self._statements - statements, self._ended - ended)
            )
        return Cost(*(sorted(each)[len(costs) // 2] for each in zip(*costs, strict=True)))


def measure(database: str, *, item: float, token: float) -> Costs:
    """Measure on an empty database of a server.

    :param item: seconds of an engine's processor time for a record.
    :param token: seconds that Keystone takes for a token.
    """
    with services.database(database) as url, own_database.configured(url):
        return _measure(_Meter(), item, token)


def _measure(meter: _Meter, item: float, token: float) -> Costs:
    nothing = meter.cost(*TIMES * [_claim_nothing])
    for _ in range(WAITING):
        rows.accepted_job(targets=REGIONS)
    claims: list[db.Claim] = []

    def claim_job() -> None:
        # No task waits yet.
        db.leases.claim_task("engine", LEASE)
        claim = db.leases.claim_job("engine", LEASE)
        assert claim is not None
        claims.append(claim)

    claim = meter.cost(*2 * TIMES * [claim_job])
    one, many, finish = _plans(meter, claims)
    tasks: list[db.Claim] = []

    def claim_task() -> None:
        claim = db.leases.claim_task("engine", LEASE)
        assert claim is not None
        tasks.append(claim)

    claim_of_task = meter.cost(*5 * TIMES * [claim_task])
    reads = [lambda each=each: _open_items(each) for each in tasks[:TIMES]]
    open_items = meter.cost(*reads)
    look = meter.cost(*(lambda each=each: db.job_actions.cancellation(each.job) for each in tasks))
    renew = meter.cost(*TIMES * [lambda: _renew(tasks[:16])])
    few = meter.cost(*_outcomes(db.outcomes.record, tasks[:TIMES], 1))
    batch = meter.cost(*_outcomes(db.outcomes.record, tasks[TIMES : 2 * TIMES], OUTCOMES))
    last = meter.cost(*_outcomes(db.outcomes.end_task, tasks[2 * TIMES : 3 * TIMES], OUTCOMES))
    release = meter.cost(*(lambda each=each: db.leases.release(each) for each in tasks[-TIMES:]))
    per_outcome = _slope(few, batch, OUTCOMES)
    return Costs(
        claim_task=claim_of_task,
        claim_job=claim,
        claim_nothing=nothing,
        store=one,
        store_item=_slope(one, many, PLANNED),
        finish=finish,
        open_items=open_items._replace(engine=0.0),
        record=few._replace(engine=0.0),
        record_item=per_outcome._replace(engine=0.0),
        end_task=_end(last, per_outcome.times(OUTCOMES), few),
        look=look,
        release=release,
        renew=renew,
        item=item,
        token=token,
    )


def _claim_nothing() -> None:
    assert db.leases.claim_task("engine", LEASE) is None
    assert db.leases.claim_job("engine", LEASE) is None


def _plans(meter: _Meter, claims: Sequence[db.Claim]) -> tuple[Cost, Cost, Cost]:
    """Store plans, and return the costs of a batch of one item, of a large one, and of the end."""
    writers = [db.plans.PlanWriter(claim, 0) for claim in claims]
    one = meter.cost(
        *(lambda plan=plan: plan.add([rows.row("first", REGIONS[0])]) for plan in writers[:TIMES])
    )
    for plan in writers[:TIMES]:
        plan.add([rows.row(f"i{n}", REGIONS[n % len(REGIONS)]) for n in range(2 * PLANNED)])
    many = meter.cost(
        *(
            lambda plan=plan: plan.add(
                [rows.row(f"j{n}", REGIONS[n % len(REGIONS)]) for n in range(PLANNED)]
            )
            for plan in writers[:TIMES]
        )
    )
    take = db.plans.Take(LEASE, planner.SMALL_JOB)
    finish = meter.cost(
        *(lambda plan=plan: plan.finish({}, None, take) for plan in writers[:TIMES])
    )
    return one, many, finish


def _open_items(claim: db.Claim) -> None:
    assert len(db.items.open_items(claim, worker.WINDOW)) == worker.WINDOW


def _renew(claims: Sequence[db.Claim]) -> None:
    db.engines.heartbeat("engine", host="host", pid=1, version="1", rpc_version="1.0")
    db.leases.renew(claims, LEASE)


def _outcomes(
    store: Callable[..., object], tasks: Sequence[db.Claim], number: int
) -> Iterator[Callable[[], object]]:
    """Yield actions that store outcomes of records, which have no data yet, for each task."""
    for task in tasks:
        found = [
            states.state(item.resource, item.target_region, "no_data", project_id=rows.PROJECT)
            for item in db.items.open_items(task, number)
        ]
        outcomes = states.outcomes_of(task, found)
        yield functools.partial(store, task, outcomes)


def _slope(one: Cost, many: Cost, number: int) -> Cost:
    """Return the cost of an item more."""
    return Cost(
        *(max(0.0, (more - few) / (number - 1)) for few, more in zip(one, many, strict=True))
    )


def _end(cost: Cost, outcomes: Cost, record: Cost) -> Cost:
    """Return the cost of the end of a task without its outcomes, which is not below a batch's."""
    without = Cost(*(all_of_it - part for all_of_it, part in zip(cost, outcomes, strict=True)))
    return without._replace(database=max(without.database, record.database), engine=0.0)
