"""What happens to the services that Kingbird stands on: broker, database, Keystone."""

from collections.abc import Callable

from kingbird.tests.functional.chaos.settings import GONE, STALL
from kingbird.tests.functional.chaos.stage import Fault, Stage
from kingbird.tests.functional.people import Person

Act = Callable[[Stage], None]


def dropped(name: str) -> Act:
    """Cut all connections to a service; new ones can be made at once."""

    def act(stage: Stage) -> None:
        stage.begin()
        stage.kingbird.relays[name].drop()
        stage.ask_again()

    return act


def stalled(name: str) -> Act:
    """Let nothing pass to and from a service for longer than a lease."""

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
    """No broker for a while.  Jobs are accepted all the same: the database has them."""
    relay = stage.kingbird.relays["broker"]
    relay.cut()
    try:
        stage.ask_again()
        stage.wait(GONE)
    finally:
        relay.mend()
    stage.begin()


def database_gone(stage: Stage) -> None:
    """No database for a while."""
    relay = stage.kingbird.relays["database"]
    relay.cut()
    try:
        stage.probe()
        stage.wait(GONE)
    finally:
        relay.mend()
    stage.begin()


def keystone_gone(stage: Stage) -> None:
    """Kill -9 of Keystone, and its restart after a while."""
    # One that the API has not seen, so that it has no answer of Keystone's to remember.
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
