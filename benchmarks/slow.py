"""The time of other regions while one region is much slower."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from standin import Standin

from benchmarks.rounds import median, spread, take_turns
from benchmarks.scene import fill, warm_up
from benchmarks.service import PATIENCE, POLL, Service, wildcard
from benchmarks.table import Row
from benchmarks.world import World

REGIONS = 10
#: The factor of the slow region's latency.
TIMES = 100
#: Milliseconds that other regions take for an answer.
LATENCY = 100
MISSING = 0.05
AT_MOST = 1.1


@dataclass(frozen=True)
class Run:
    """The times of a job in seconds.

    :ivar planned: until the plan was stored for all regions but the slow one.
    :ivar done: until the last outcome in these regions.
    """

    planned: float
    done: float


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Measure in turns with a cloud that lacks the slow region."""
    count, rounds = (2_000, 1) if quick else (10_000, 3)
    with world.glances(REGIONS) as glances, world.kingbird() as kingbird:
        warm_up(world, kingbird, glances)
        slow = list(glances.urls)[-1]
        others = {region: url for region, url in glances.urls.items() if region != slow}

        def with_it() -> Run:
            world.publish(glances.urls)
            return _run(world, kingbird, glances, slow, count)

        def without_it() -> Run:
            world.publish(others)
            return _run(world, kingbird, glances, slow, count)

        with_slow, without = take_turns(rounds, with_it, without_it)
    waited = median([one.planned for one in with_slow]) - median([one.planned for one in without])
    took, least = ([one.done for one in runs] for runs in (with_slow, without))
    yield Row(
        f"one of {REGIONS} regions {TIMES} times slower: the others' time against a cloud "
        f"without it, {count} images, {MISSING:.0%} missing in each, an answer takes "
        f"{LATENCY} ms and {LATENCY * TIMES / 1000:.0f} s",
        median(took) / median(least),
        AT_MOST,
        f"{spread(took)}, without it {spread(least)}; their plan was stored {waited:.2f} s later",
    )


def _run(world: World, kingbird: Service, glances: Standin, slow: str, count: int) -> Run:
    """Measure a job in all regions but the slow one."""
    fill(glances, count, missing=MISSING)
    glances.latency(None, LATENCY)
    glances.latency(slow, LATENCY * TIMES)
    job_id = kingbird.start(world.person(), wildcard())
    _wait_for_others(kingbird, job_id, slow)
    # The slow region's own time is not measured.
    glances.latency(slow, LATENCY)
    job = kingbird.wait(job_id)
    end = kingbird.moment(
        "SELECT MAX(t.updated_at) FROM tasks t JOIN jobs j ON j.pk = t.job_pk "
        "WHERE j.id = :id AND t.region <> :slow",
        id=job_id,
        slow=slow,
    )
    assert end is not None
    return Run(job.planned - job.created, end - job.created)


def _wait_for_others(kingbird: Service, job_id: str, slow: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        time.sleep(POLL)
        ((tasks, left),) = kingbird.query(
            "SELECT COUNT(*), SUM(NOT t.done) FROM tasks t JOIN jobs j ON j.pk = t.job_pk "
            "WHERE j.id = :id AND t.region <> :slow",
            id=job_id,
            slow=slow,
        )
        if tasks and not left:
            return
    raise RuntimeError(f"Job {job_id} does not end in the regions that are not slow")
