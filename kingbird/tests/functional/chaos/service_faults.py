"""Faults of the services that Kingbird needs: broker, database and Keystone."""

from collections.abc import Callable

from kingbird.tests.functional.chaos.settings import GONE, STALL
from kingbird.tests.functional.chaos.stage import Fault, Stage
from kingbird.tests.functional.people import Person

Act = Callable[[Stage], None]


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


FAULTS = (
    Fault("broker connections cut", dropped("broker"), needs="broker"),
    Fault("broker stalled", stalled("broker"), needs="broker"),
    Fault("broker gone", broker_gone, needs="broker"),
    Fault("database connections cut", dropped("database"), needs="database"),
    Fault("database stalled", stalled("database"), needs="database"),
    Fault("database gone", database_gone, needs="database"),
    Fault("Keystone gone", keystone_gone, parts=(-0.5, 0.5)),
)
