"""Faults of one region's Glance, or of the connection to it."""

import threading

from kingbird.tests.functional.chaos.settings import GLANCE_STALL, GLANCE_TROUBLE
from kingbird.tests.functional.chaos.stage import Fault, Stage
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


FAULTS = (
    Fault("Glance killed", kill, real=True),
    Fault("Glance answers 503 half of the time", half_unavailable, real=True),
    Fault("Glance stalls", stall, real=True),
    Fault("Glance closes connections", close, real=True),
    Fault("Glance loses answers", lose, real=True),
)
