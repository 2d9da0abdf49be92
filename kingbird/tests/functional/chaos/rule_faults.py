"""Faults around rules and the events that they run by."""

import contextlib
import time
from collections.abc import Callable

from kingbird.tests.functional import accounts, listening
from kingbird.tests.functional.chaos.rule_stage import RuleFault, RuleStage
from kingbird.tests.functional.chaos.settings import LONG_GONE, PATIENCE
from kingbird.tests.functional.chaos.stage import count
from kingbird.tests.functional.chaos.world import REAL
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually

#: How often connections are cut, and a rule is changed.
TIMES = 3


def connections_cut(stage: RuleStage) -> None:
    """Close all connections to the Glances' broker again and again."""
    for _ in range(TIMES):
        for relay in stage.world.told:
            relay.drop()
        stage.begin()
        stage.uploads.wait_for(2)
    stage.wait_until_heard()


def broker_restarted(stage: RuleStage) -> None:
    """Kill the Glances' broker, which loses its queues, and start it after some uploads."""
    server = stage.world.rabbitmq
    assert server is not None
    server.kill()
    try:
        stage.uploads.wait_for(3)
    finally:
        server.start()
        server.wait()
    stage.begin()
    stage.wait_until_heard()


def database_gone(stage: RuleStage) -> None:
    """Take the database away while images come.  Their messages wait for it."""
    relay = stage.kingbird.relays["database"]
    (listener,) = (each for each in stage.kingbird.listeners if each.is_running)
    waited = "Messages wait for the database"
    before = count(listener, waited)
    relay.cut()
    try:
        end = time.monotonic() + LONG_GONE
        stage.uploads.wait_for(6)
        time.sleep(max(end - time.monotonic(), 0))
    finally:
        relay.mend()
    stage.begin()
    if count(listener, waited) == before:
        stage.problems.append("no message waited for the database")
    expect_no_full_run(stage)


def one_of_two_killed(stage: RuleStage) -> None:
    """Let two listeners share a pool, and kill one of them with SIGKILL."""
    kingbird = stage.kingbird
    former = [each for each in kingbird.listeners if each.is_running]
    listening.configure(kingbird, stage.world.cloud, REAL, stage.world.heard_at, pool="kingbird")
    both = [kingbird.start_listener() for _ in range(2)]
    for each in both:
        stage.wait_until_heard(each)
    for each in former:
        each.stop()
    stage.uploads.wait_for(4)
    eventually(
        "both hear messages",
        lambda: all(_has_heard(stage, each.pids) for each in both),
        seconds=PATIENCE,
    )
    victim = stage.rng.choice(both)
    victim.kill()
    stage.begin()
    stage.uploads.wait_for(4)
    expect_no_full_run(stage)


def _has_heard(stage: RuleStage, pids: set[int]) -> bool:
    rows = stage.kingbird.rows()["listeners"]
    return any(
        row["pid"] in pids and any(state["heard"] for state in listening.regions_of(row).values())
        for row in rows
    )


def expect_no_full_run(stage: RuleStage) -> None:
    """Report a full run, which would hide that a message was lost."""
    found = sorted({job["trigger"] for job in stage.jobs()} - {"created", "event"})
    if found:
        stage.problems.append(f"the rule ran by {found}, so a lost message would not show")


def rights_lost(
    lose: Callable[[Person, Person], None], get: Callable[[Person, Person], None]
) -> Callable[[RuleStage], None]:
    """Take the rights of the rule's user, and give them back after some uploads."""

    def act(stage: RuleStage) -> None:
        admin = stage.world.admin
        lose(admin, stage.user)
        try:
            eventually(
                "the rule notices",
                lambda: stage.show()["state"] == "NO_CREDENTIALS",
                seconds=PATIENCE,
            )
            rule = stage.show()
            if rule["reason"] != "credentials_lost" or not rule["message"]:
                stage.problems.append(f"the rule says {rule['reason']}: {rule['message']}")
            stage.uploads.wait_for(3)
            eventually("images wait", lambda: stage.show()["waiting"] >= 2, seconds=PATIENCE)
        finally:
            get(admin, stage.user)
        stage.begin()

    return act


def rule_changed(stage: RuleStage) -> None:
    """Change what a rule selects, and where it syncs to, while its jobs are in progress."""
    everything = {"filters": {}, "target": list(REAL)}
    changes = ({"filters": {"tag": "number-0"}}, {"target": ["RegionTwo"]}, everything)
    with stage.slow():
        for change in changes:
            eventually("a job is in progress", stage.open_jobs, seconds=PATIENCE, poll=0.05)
            stage.call("PATCH", who=stage.user, json={"rule": change})
            stage.begin()
            stage.uploads.wait_for(2)
    run_in_full(stage)


def run_in_full(stage: RuleStage) -> None:
    """Run the rule in full, for the images that it did not select when they were heard of."""

    def ask() -> bool:
        with contextlib.suppress(AssertionError):
            stage.call("POST", "/run", json={})
            return True
        return False

    eventually("the rule runs in full", ask, seconds=PATIENCE, poll=0.2)


def rule_deleted(stage: RuleStage) -> None:
    """Delete a rule while its jobs are in progress."""
    with stage.slow():
        eventually("a job is in progress", stage.open_jobs, seconds=PATIENCE, poll=0.05)
        stage.call("DELETE")
        stage.is_deleted = True
        stage.begin()
        stage.uploads.wait_for(1)


FAULTS = (
    # Glance may lose a message on a connection that was closed, and only a full run notices.
    RuleFault("Glance's broker cut", connections_cut, interval=5, own_broker=True),
    RuleFault("Glance's broker restarted", broker_restarted, own_broker=True),
    RuleFault("database gone under events", database_gone),
    RuleFault("one of two listeners killed", one_of_two_killed, images=24),
    RuleFault(
        "role taken and given back",
        rights_lost(accounts.lose_the_role, accounts.get_the_role),
        interval=2,
    ),
    RuleFault(
        "user disabled and enabled",
        rights_lost(accounts.be_disabled, accounts.be_enabled),
        interval=2,
    ),
    RuleFault("rule changed", rule_changed),
    RuleFault("rule deleted", rule_deleted),
)
