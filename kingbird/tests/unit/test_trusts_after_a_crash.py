"""Trusts of ended jobs never stay behind, a crash between any two steps included.

A step is a transaction that writes, or a call to Keystone that does.  A process that dies after
some steps makes none any more, not even to clean up: that is what crashes here.  Then time passes,
and another engine works and makes its rounds.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import connection
from kingbird.engine import reaper
from kingbird.engine.reaper import ACCEPTING_LIMIT
from kingbird.tests.api import world as w
from kingbird.tests.unit.api.conftest import JOBS, Call, caller, request_body
from kingbird.tests.unit.step_by_step import Keystone, engine, work

#: More than any of the lives below has.
STEPS = 30
LEASE = 60.0


class Death(BaseException):
    """The process is gone."""


class Life:
    """A process that dies after some steps.

    :ivar left: how many steps it has still got; below 0 once it has died.
    """

    def __init__(self, steps: int) -> None:
        self.left = steps
        self._lock = threading.Lock()

    def step(self) -> None:
        """Make a step, or die instead."""
        with self._lock:
            if self.left <= 0:
                self.left = -1
                raise Death
            self.left -= 1

    @property
    def is_over(self) -> bool:
        """Return True if it died before it came to its end."""
        return self.left < 0


@contextlib.contextmanager
def living(world: w.World, keystone: Keystone, steps: int) -> Iterator[Life]:
    """Let all that happens meanwhile be one process's life, which may end early."""
    life = Life(steps)

    def mortal(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            life.step()
            return function(*args, **kwargs)

        return call

    with (
        mock.patch.object(connection, "writer", mortal(connection.writer)),
        mock.patch.object(keystone, "delete_trust", mortal(keystone.delete_trust)),
        mock.patch.object(world.keystone, "create_trust", mortal(world.keystone.create_trust)),
        mock.patch.object(world.keystone, "delete_trust", mortal(world.keystone.delete_trust)),
        contextlib.suppress(Death),
    ):
        yield life


def let_time_pass() -> None:
    """Let leases run out, and rows become old that nobody finished accepting."""
    with db.get_engine().begin() as transaction:
        for table in (db.Job, db.Task):
            transaction.execute(
                sa.update(table).where(table.lease_expires.is_not(None)).values(lease_expires=1)
            )
        transaction.execute(
            sa.update(db.Job)
            .where(db.Job.status == "ACCEPTING")
            .values(created_at=sa.func.datetime("now", f"-{ACCEPTING_LIMIT + 60} seconds"))
        )


def rows() -> list[Any]:
    with db.get_engine().connect() as open_connection:
        return list(open_connection.execute(sa.select(db.Job.__table__)))


def accept(world: w.World, call: Call, keystone: Keystone) -> Callable[[], object]:
    return lambda: call(JOBS, "POST", body=request_body())


def retry(world: w.World, call: Call, keystone: Keystone) -> Callable[[], object]:
    """Prepare a job of which everything failed."""
    made = call(JOBS, "POST", body=request_body()).json["job_status"]["id"]
    job = db.jobs.get(w.PROJECT, made)
    assert job is not None
    assert job.trust_id is not None
    db.job_ends.end_job(job, "region_unavailable", "Away")
    keystone.trusts.discard(job.trust_id)
    db.job_ends.clear_trust(job)
    return lambda: call(f"{JOBS}/{made}/retry", "POST")


def close(world: w.World, call: Call, keystone: Keystone) -> Callable[[], object]:
    """Prepare a job for an engine that plans it, works on it and closes it."""
    call(JOBS, "POST", body=request_body())
    return lambda: _work_once(world, keystone)


def _rule(call: Call) -> str:
    """Create a rule whose first run waits for an engine, and return its path."""
    body = {"rule": {"name": "rule", **request_body()["resource_set"]}}
    return f"{JOBS}-rules/{call(f'{JOBS}-rules', 'POST', body=body).json['rule']['id']}"


def make_rule(world: w.World, call: Call, keystone: Keystone) -> Callable[[], object]:
    return lambda: _rule(call)


def change_rule(world: w.World, call: Call, keystone: Keystone) -> Callable[[], object]:
    """Prepare a rule whose run waits with the trust of before."""
    path = _rule(call)
    return lambda: call(path, "PATCH", body={"rule": {"interval": 60}})


def change_idle_rule(world: w.World, call: Call, keystone: Keystone) -> Callable[[], object]:
    """Prepare a rule whose trust no run has."""
    change = change_rule(world, call, keystone)
    _work_once(world, keystone)
    return change


def delete_rule(world: w.World, call: Call, keystone: Keystone) -> Callable[[], object]:
    path = _rule(call)
    return lambda: call(path, "DELETE")


def delete_idle_rule(world: w.World, call: Call, keystone: Keystone) -> Callable[[], object]:
    delete = delete_rule(world, call, keystone)
    _work_once(world, keystone)
    return delete


def run_rule(world: w.World, call: Call, keystone: Keystone) -> Callable[[], object]:
    """Prepare a rule whose run an engine plans, works on and ends."""
    _rule(call)
    return lambda: _work_once(world, keystone)


def _work_once(world: w.World, keystone: Keystone) -> None:
    one = engine(world, keystone)
    try:
        work(one)
    finally:
        one._pools.shutdown()


# The row, the trust, and the UPDATE; the trust and the UPDATE; and the claim, the plan with its
# tasks, the end of the task and of the job, the trust, and that it is gone.  The trust and the row
# of a rule; the old trust too, if no run has it; a row and the trust; and the claim, the regions,
# the plan, and the end.
@pytest.mark.parametrize(
    ("prepare", "least"),
    [
        *((accept, 3), (retry, 2), (close, 5)),
        *((make_rule, 2), (change_rule, 2), (change_idle_rule, 3)),
        *((delete_rule, 1), (delete_idle_rule, 2), (run_rule, 4)),
    ],
)
def test_no_trust_and_no_job_is_left(
    prepare: Callable[..., Callable[[], object]], least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The reaper waits for less than retries wait for their database.
    monkeypatch.setattr(reaper, "ORPHANED_FOR", 0)
    ended = {"SUCCESS", "FAILURE"} | ({"CANCELLED"} if prepare is delete_rule else set())
    for steps in range(STEPS):
        with w.World() as world:
            keystone = Keystone(world)
            act = prepare(world, caller(world.application), keystone)
            with living(world, keystone, steps) as life:
                act()
            let_time_pass()
            other = engine(world, keystone)
            work(other)
            for _ in range(2):
                other._reaper.run()
            other._pools.shutdown()
            when = f"after {steps} steps"
            rules = db.rules.list_for_project(w.PROJECT)
            assert keystone.trusts == {rule.trust_id for rule in rules}, when
            for job in rows():
                assert job.status in ended, when
                assert job.trust_id is None, when
        if not life.is_over:
            break
    assert least <= steps < STEPS - 1, "not every step was tried"
