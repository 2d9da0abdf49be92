"""The healthy region is done as fast as without the odd one, which is told of in words."""

import time
from collections.abc import Callable

import pytest

from kingbird.tests.functional.deployment import BREAKER_RESET_TIMEOUT
from kingbird.tests.functional.kingbird_api import FAILURE, Job
from kingbird.tests.functional.odd_regions.problems import ODD, PROBLEMS, Problem, Stage
from kingbird.tests.functional.odd_regions.race import HEALTHY, HOME, ROLES, Race, Started

#: Seconds that the odd region may cost the healthy one, or as much as that one takes alone if the
#: machine is slower.  It is a bound on waiting and not on speed: what hangs takes much longer.
ALLOWED = 2.0
#: A busy machine may be slow at times: a wildcard waits for a lagging region for five times as
#: long as the slowest page of the others takes.  A hanging job does so each time.
TRIES = 4


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_healthy_region_waits_for_nothing(
    name: str, role: str, stage: Stage, race: Race, alone: Callable[..., float]
) -> None:
    problem = PROBLEMS[name]
    for number in range(TRIES):
        usual = alone(role, again=number > 0)
        with problem.breaks(stage) as begin:
            jobs = race.run(role, begin=begin)
            _print(name, role, usual, jobs)
            if problem.is_endless:
                for job in jobs:
                    race.cancel(job)
            if not problem.holds_calls:
                ended = [race.ended(job) for job in jobs]
        if problem.holds_calls:
            ended = [race.ended(job) for job in jobs]
        if not problem.is_endless:
            for job, found in zip(jobs, ended, strict=True):
                _check(problem, role, job, found)
        time.sleep(BREAKER_RESET_TIMEOUT)
        most = usual + max(ALLOWED, usual)
        late = [job.name for job in jobs if job.seconds is None or job.seconds > most]
        if not late:
            return
    pytest.fail(f"With {name} as {role} {HEALTHY} waits: {', '.join(late)}")


def _print(name: str, role: str, usual: float, jobs: list[Started]) -> None:
    times = (f"{job.name} {job.seconds or float('inf'):.2f} s" for job in jobs)
    print(f"{name} as {role}: alone {usual:.2f} s; {'; '.join(times)}")


def _check(problem: Problem, role: str, started: Started, job: Job) -> None:
    """Check all items of a job that has ended."""
    targets = ROLES[role][1]
    expected = dict.fromkeys([(started.image, region) for region in targets], started.done)
    if started.wildcard:
        expected.pop((started.image, HOME), None)
    elif HOME in targets:
        expected[started.image, HOME] = "in_sync"
    reason = problem.reason if started.wildcard else problem.by_id or problem.reason
    is_odd = reason != "created"
    if is_odd:
        expected.pop((started.image, ODD), None)
        if started.wildcard or ODD in targets:
            expected["*" if started.wildcard else started.image, ODD] = reason
    assert job.reasons == expected, started.name
    told = [item for item in job.items if item["target_region"] == ODD and is_odd]
    assert (job.status == FAILURE) == bool(told), started.name
    for item in told:
        assert item["sync_status"] == FAILURE
        assert problem.words in item["message"], item["message"]
        assert ODD in item["message"]
        assert "{" not in item["message"]
