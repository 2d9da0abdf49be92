"""Faults of one region's Glance, or of the connection to it."""

import threading

from kingbird.tests.functional.chaos.settings import GLANCE_STALL, GLANCE_TROUBLE
from kingbird.tests.functional.chaos.stage import Fault, Stage, count
from kingbird.tests.functional.chaos.world import SPARE
from kingbird.tests.functional.kingbird_api import SUCCESS
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import error, hold, lose_answer, refuse


def kill(stage: Stage) -> None:
    """Kill a Glance with SIGKILL and restart it."""
    process = f"glance-{stage.target()}"
    stage.world.kill(process)
    try:
        stage.wait(stage.rng.uniform(0, 3))
    finally:
        stage.world.cloud.start(process)
    stage.begin()


def half_unavailable(stage: Stage) -> None:
    """Answer half of the calls with 503."""
    stage.trouble(
        stage.target(), GLANCE_TROUBLE, error(503), lambda call: stage.rng.random() < 0.5
    )


def stall(stage: Stage) -> None:
    """Delay calls until their callers have timed out, and forward them then."""
    gate = threading.Event()
    opening = threading.Timer(GLANCE_STALL, gate.set)
    opening.start()
    stage.trouble(stage.target(), GLANCE_STALL, hold(gate))
    opening.join()


def close(stage: Stage) -> None:
    """Read requests, and close connections instead of answering."""
    stage.trouble(stage.target(), GLANCE_TROUBLE, refuse)


def lose(stage: Stage) -> None:
    """Make records, and close connections instead of answering."""
    stage.trouble(stage.target(), GLANCE_TROUBLE, lose_answer, lambda call: call.method == "POST")


def back_in_the_pause(stage: Stage) -> None:
    """Request a job in a region that is back while its circuit breakers are still open.

    A new job asks once.  The region is none of the scene's.
    """
    wanted = stage.spare()
    told = f"Circuit breaker opened for region {SPARE}"
    before = {program: count(program, told) for program in stage.programs}

    def all_open() -> bool:
        for job_id in [stage.api.accepted(wanted) for _ in stage.programs]:
            stage.api.wait(job_id)
        return all(count(program, told) > times for program, times in before.items())

    with stage.reloaded(retry_timeout=0.5, breaker_threshold=1):
        with stage.world.proxies[SPARE].broken(refuse):
            eventually("the breaker of each engine is open", all_open)
        stage.begin()
        for _ in stage.programs:
            job = stage.api.run(wanted)
            if job.status != SUCCESS:
                stage.problems.append(f"a job in a region that is back: {job.outcomes}")


FAULTS = (
    Fault("Glance killed", kill, real=True),
    Fault("Glance answers 503 half of the time", half_unavailable, real=True),
    Fault("Glance stalls", stall, real=True),
    Fault("Glance closes connections", close, real=True),
    Fault("Glance loses answers", lose, real=True),
    Fault("region back while its breaker is open", back_in_the_pause, parts=(0.05, 0.1)),
)
