"""Faults of the services that Kingbird needs: broker, database and Keystone."""

import threading
import time
from collections.abc import Callable

from kingbird.tests.functional.chaos.settings import GONE, PATIENCE, STALL
from kingbird.tests.functional.chaos.stage import Fault, Stage, count
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.proxy import HELD, Answer, Call, Cut

Act = Callable[[Stage], None]

#: Jobs that a client deletes while Keystone hangs.
DELETED = 4
#: The beginning of a log message about an engine that lost a lease to another.
LEASE_LOST = "Lease lost"


def dropped(name: str) -> Act:
    """Drop all connections to a service.  New ones are possible at once."""

    def act(stage: Stage) -> None:
        stage.begin()
        stage.kingbird.relays[name].drop()
        stage.ask_again()

    return act


def stalled(name: str) -> Act:
    """Block all traffic to and from a service for longer than a lease."""

    def act(stage: Stage) -> None:
        relay = stage.kingbird.relays[name]
        relay.stall()
        try:
            stage.wait(STALL)
        finally:
            relay.go_on()
        stage.begin()
        stage.ask_again()

    return act


def broker_gone(stage: Stage) -> None:
    """Take the broker away for a while.  The API still accepts jobs, because it stores them."""
    relay = stage.kingbird.relays["broker"]
    relay.cut()
    try:
        stage.ask_again()
        stage.wait(GONE)
    finally:
        relay.mend()
    stage.begin()


def database_gone(stage: Stage) -> None:
    """Take the database away for a while."""
    relay = stage.kingbird.relays["database"]
    relay.cut()
    try:
        stage.probe()
        stage.wait(GONE)
    finally:
        relay.mend()
    stage.begin()


def keystone_gone(stage: Stage) -> None:
    """Kill Keystone with SIGKILL and restart it after a while."""
    # The API has not seen this token, so it has no cached answer of Keystone.
    fresh = Person(stage.world.cloud, "demo").token
    stage.world.kill("keystone")
    try:
        stage.probe()
        stage.probe(fresh)
        stage.ask_in_vain()
        stage.wait(GONE)
    finally:
        stage.world.cloud.start("keystone")
    stage.begin()


def keystone_hangs_at_the_end(stage: Stage) -> None:
    """Answer no deletion of a trust until all jobs have ended.

    No job ends later for it, and a client may delete a job as soon as its items have ended.
    """
    gate = threading.Event()

    def hang(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        gate.wait(HELD)
        raise Cut

    before = _leases_lost(stage)
    with stage.kingbird.keystone.broken(hang, _deletes_trust):
        try:
            for _ in range(DELETED):
                stage.delete_at_the_end()
            begun = time.monotonic()
            while not stage.has_ended and time.monotonic() < begun + PATIENCE:
                if stage.rows.is_half_ended(stage.job_id):
                    stage.problems.append("the job is in progress though all items have ended")
                    break
                time.sleep(0.01)
            kept = len(stage.world.trusts())
            stage.note(f"{kept} trusts waited for Keystone")
            if kept <= DELETED:
                stage.problems.append(f"only {kept} trusts are left, so Keystone did not hang")
        finally:
            gate.set()
    stage.begin()
    if _leases_lost(stage) > before:
        stage.problems.append("the log tells of another engine that took over, and none did")


def _leases_lost(stage: Stage) -> int:
    return sum(count(program, LEASE_LOST) for program in stage.programs)


def _deletes_trust(call: Call) -> bool:
    return call.method == "DELETE" and "/OS-TRUST/trusts/" in call.path


FAULTS = (
    Fault("broker connections cut", dropped("broker"), needs="broker"),
    Fault("broker stalled", stalled("broker"), needs="broker"),
    Fault("broker gone", broker_gone, needs="broker"),
    Fault("database connections cut", dropped("database"), needs="database"),
    Fault("database stalled", stalled("database"), needs="database"),
    Fault("database gone", database_gone, needs="database"),
    Fault("Keystone gone", keystone_gone, parts=(-0.5, 0.5)),
    Fault("Keystone hangs at the end", keystone_hangs_at_the_end, parts=(0.5, 0.7)),
)
