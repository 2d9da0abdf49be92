"""Faults of Kingbird's own processes."""

import contextlib
import signal
import threading
import time
from datetime import datetime

import requests

from kingbird.tests.functional.chaos.settings import LEASE, LONG_LATENCY, MARGIN, OPTIONS
from kingbird.tests.functional.chaos.stage import FEW, Fault, Stage
from kingbird.tests.functional.programs import Program, eventually

#: Kills in one job: as many as ``[engine] max_attempts`` claims without progress.
KILLS = 5
#: Seconds in which a write may still arrive that an engine checked but did not send before it was
#: stopped.
SLIP = 0.5


def kill_working(stage: Stage) -> None:
    """Kill the working engine with SIGKILL.  The other one takes over."""
    program = stage.working()
    stage.begin()
    program.kill()


def kill_all(stage: Stage) -> None:
    """Kill all engines with SIGKILL and restart them.

    Work goes on within a lease and some seconds.
    """
    before = set(stage.rows.engines())
    stage.working()
    stage.begin()
    _kill_and_restart(stage)
    killed = stage.rows.now()

    def look() -> int | None:
        holders = stage.rows.holders(stage.job_id) - before
        return stage.rows.now() if holders or stage.has_ended else None

    taken = eventually("a new engine holds a lease", look, seconds=LEASE + 30)
    seconds = (taken - killed) / 1000
    stage.note(f"taken over {seconds:.1f} s after the kill, by the database's clock")
    if seconds > LEASE + MARGIN:
        stage.problems.append(f"the job was taken over only {seconds:.1f} s after the kill")


def _kill_and_restart(stage: Stage) -> None:
    """Kill all engines with SIGKILL and start as many new ones."""
    kingbird = stage.kingbird
    programs = list(stage.programs)
    for program in programs:
        program.kill()
    if kingbird.kind.standalone:
        kingbird.start_standalone()
    else:
        kingbird.engines = []
        for _ in programs:
            kingbird.start_engine()


def kill_repeatedly(stage: Stage) -> None:
    """Kill all engines again and again.  In between, the job makes progress in each region.

    A job is given up only if its engines die without any progress.
    """
    for number in range(KILLS):
        before = stage.rows.moments(stage.job_id)

        def look(before: dict[str, list[datetime]] = before) -> bool:
            now = stage.rows.moments(stage.job_id)
            return stage.has_ended or all(
                len(now.get(region, ())) > len(before.get(region, ()))
                for region in stage.scene.targets
            )

        eventually("there are more outcomes of each region", look, seconds=LEASE + 30)
        if stage.has_ended:
            stage.problems.append(f"the job ended after {number} kills")
            return
        stage.begin()
        _kill_and_restart(stage)


def terminate_working(stage: Stage) -> None:
    """Send SIGTERM to the working engine, which completes or releases its tasks."""
    program = stage.working()
    mine = stage.engine_ids(program)
    stage.begin()
    code = program.stop()
    if code != 0:
        stage.problems.append(f"the engine ended with {code}: {program.tail(15)}")
    held = [row for row in stage.rows.tasks(stage.job_id) if row.engine_id in mine]
    if held:
        stage.problems.append(f"the engine left leases behind: {held}")
    if stage.kingbird.kind.standalone:
        stage.kingbird.start_standalone()


def kill_api(stage: Stage) -> None:
    """Kill the API with SIGKILL while it accepts another job, and restart it.

    The job either exists and ends, or does not exist.
    """
    before = set(stage.rows.jobs())
    api, program = stage.api, stage.kingbird.api
    assert program is not None

    def ask() -> None:
        with contextlib.suppress(requests.RequestException):
            api.post(*stage.scene.sets(FEW))

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    time.sleep(stage.rng.uniform(0, 0.6))
    stage.begin()
    program.kill()
    asking.join(30)
    stage.kingbird.start_api()
    stage.kingbird.wait_until_ready()
    states = {job_id: state for job_id, state in stage.rows.jobs().items() if job_id not in before}
    stage.note(f"the other job was {[*states.values()] or 'not stored'}")
    stage.more += [job_id for job_id, state in states.items() if state != "ACCEPTING"]


def stop_working(stage: Stage) -> None:
    """Stop the working engine until another one has its work, then continue it.

    The stopped engine may not write until it has a lease again.  The connection of a call tells
    which engine sent it.
    """
    program = stage.working()
    mine = stage.engine_ids(program)
    stage.begin()
    program.send(signal.SIGSTOP)
    try:
        eventually(
            "another engine takes over",
            lambda: stage.has_ended or not _holds(stage, mine),
            seconds=LEASE + MARGIN + 10,
        )
        stage.wait(stage.rng.uniform(0, 1))
    finally:
        continued = time.monotonic()
        program.send(signal.SIGCONT)
    again = _holds_again(stage, mine)
    late = _writes(stage, program, continued, again)
    slipped = [moment for moment in late if moment <= SLIP]
    stage.note(
        f"{len(slipped)} writes had been checked before the stop, {len(late)} came late; watched "
        f"for {again - continued:.1f} s"
    )
    # Each connection has at most one call in progress.
    most = OPTIONS["sync"]["region_concurrency"] * len(stage.scene.targets)
    if len(slipped) > most or len(late) > len(slipped):
        stage.problems.append(f"an engine wrote without a lease, seconds after it went on: {late}")


def _holds(stage: Stage, engines: set[str]) -> bool:
    """Return True if one of these engines holds a task, even by a lease that expired."""
    return any(row.engine_id in engines for row in stage.rows.tasks(stage.job_id))


def _holds_again(stage: Stage, engines: set[str], seconds: float = 10) -> float:
    """Return the time at which an engine got a lease again, or the end of the wait."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not stage.has_ended:
        if _holds(stage, engines):
            # The engine may have got the lease since the previous check.
            return time.monotonic() - 0.3
        time.sleep(0.05)
    return time.monotonic()


def _writes(stage: Stage, program: Program, after: float, before: float) -> list[float]:
    """Return the times of an engine's writes to Glance, in seconds after a moment."""
    return [
        round(call.at - after, 3)
        for region in stage.scene.targets
        for call in stage.world.proxies[region].calls
        if call.writes and call.client is program and after < call.at < before
    ]


FAULTS = (
    Fault("engine killed", kill_working),
    Fault("all engines killed", kill_all),
    Fault(
        "engines killed five times",
        kill_repeatedly,
        parts=(0, 0.05),
        latency=1.5 * LONG_LATENCY,
    ),
    Fault("engine terminated", terminate_working),
    Fault("API killed", kill_api, needs="engines"),
    Fault(
        "engine stopped and continued",
        stop_working,
        parts=(0.05, 0.3),
        latency=LONG_LATENCY,
        needs="engines",
    ),
)
