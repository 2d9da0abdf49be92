"""While Keystone is away no work is claimed, and a token that it refuses is asked for once."""

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine import worker
from kingbird.engine.keystone_gate import KeystoneGate
from kingbird.tests.doubles.glance import refused
from kingbird.tests.unit.engine.scene import FakeKeystone
from kingbird.tests.waiting import wait_for

AWAY = exception.KeystoneUnavailable("Away.")
LOST = exception.CredentialsLost("No token.")
SLOTS = 4


@pytest.fixture
def claims(monkeypatch):
    """Count the claims of all engines."""
    made = []
    for name in ("claim_job", "claim_task"):
        claim = getattr(db.leases, name)

        def counted(*args, claim=claim, **kwargs):
            found = claim(*args, **kwargs)
            if found is not None:
                made.append(found.job.id)
            return found

        monkeypatch.setattr(db.leases, name, counted)
    return made


def tries(scene):
    """Wait until the gate of an engine has tried some times."""
    before = scene.keystone.calls.count("try")
    wait_for(lambda: scene.keystone.calls.count("try") > before + 5)


def test_waiting_jobs_are_not_claimed_one_after_the_other(scene, claims):
    scene.conf.set_override("max_tasks", SLOTS, group="engine")
    scene.keystone.problem = AWAY
    jobs = [scene.job(scene.image(), targets=("R2",), trust_id=f"t{n}") for n in range(30)]
    scene.engine()
    tries(scene)
    assert 1 <= len(claims) <= SLOTS, "those that were claimed before the first one failed"
    scene.keystone.problem = None
    assert {scene.ended(job_id) for job_id in jobs} == {"SUCCESS"}


def test_planned_work_is_not_claimed_either(scene, claims):
    job_id = scene.job(scene.image(), targets=("R2",))
    scene.glances["R2"].fail("create", AWAY, times=1)
    scene.keystone.failing = {"try"}
    scene.keystone.problem = AWAY
    scene.engine()
    tries(scene)
    assert claims == [job_id], "a small job is claimed with its task"
    scene.keystone.problem = None
    assert scene.ended(job_id) == "SUCCESS"


def test_trouble_with_one_job_holds_no_other_one_up(scene):
    scene.conf.set_override("poll_interval", 3600, group="engine")
    scene.glances["R2"].fail("list", AWAY, times=1)
    first = scene.job(scene.image(), targets=("R2",), trust_id="t1")
    engine = scene.engine()
    wait_for(lambda: scene.get(first).engine_id is None and scene.get(first).generation)
    second = scene.job(scene.image(), targets=("R3",), trust_id="t2")
    engine.wake()
    assert scene.ended(second) == "SUCCESS"


def test_cancelled_work_ends_meanwhile(scene):
    scene.keystone.problem = AWAY
    job_id = scene.job(scene.image())
    scene.engine()
    tries(scene)
    db.job_actions.cancel(scene.get(job_id))
    assert scene.ended(job_id) == "CANCELLED"


def test_planned_cancelled_work_ends_meanwhile(scene):
    job_id = scene.job(scene.image(), targets=("R2",))
    scene.glances["R2"].fail("create", AWAY, times=1)
    scene.keystone.failing = {"try"}
    scene.keystone.problem = AWAY
    scene.engine()
    tries(scene)
    db.job_actions.cancel(scene.get(job_id))
    assert scene.ended(job_id) == "CANCELLED"


def test_a_gate_asks_no_more_often_than_it_should():
    keystone, now = FakeKeystone(), [100.0]
    gate = KeystoneGate(keystone, lambda: 5.0, lambda: now[0])
    assert gate.is_open()
    assert not keystone.calls, "it has no reason to ask"
    keystone.problem = AWAY
    gate.close()
    for now[0], asked in ((100.0, 1), (104.9, 1), (105.0, 2), (106.0, 2)):
        assert not gate.is_open()
        assert len(keystone.calls) == asked
    keystone.problem = None
    now[0] = 110.0
    assert gate.is_open()
    assert gate.is_open()
    assert len(keystone.calls) == 3


def test_a_gate_that_is_closed_again_asks_again_at_once():
    keystone = FakeKeystone()
    gate = KeystoneGate(keystone, lambda: 5.0, lambda: 100.0)
    for asked in (1, 2):
        gate.close()
        assert gate.is_open()
        assert len(keystone.calls) == asked


# Lost credentials.


def asked(scene):
    return sum(scene.glances["R2"].count()[call] for call in ("create", "get", "update"))


def test_a_task_without_a_token_ends_once(scene):
    scene.glances["R2"].fail("create", LOST, times=None)
    job_id = scene.job(*(scene.image() for _ in range(100)), targets=("R2", "R3"))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    ended = {(item.target_region, item.reason, item.message) for item in scene.items(job_id)}
    assert ended == {("R2", "forbidden", "No token."), ("R3", "created", None)}
    # Calls that are queued may begin before the engine has read the first answer.
    assert asked(scene) <= worker.QUEUE_FACTOR * scene.conf.sync.region_concurrency < 100


def test_what_was_written_before_is_written_down(scene):
    scene.conf.set_override("region_concurrency", 1, group="sync")
    images = [scene.image() for _ in range(20)]
    scene.glances["R2"].fail("create", lambda body: LOST if body["id"] == images[3] else None)
    job_id = scene.job(*images, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    reasons = [item.reason for item in scene.items(job_id)]
    assert reasons.count("created") == len(scene.glances["R2"].ids)
    assert set(reasons) == {"created", "forbidden"}


def test_what_a_region_refuses_ends_no_task(scene):
    images = [scene.image() for _ in range(3)]
    scene.glances["R2"].fail("create", refused(403), times=1)
    job_id = scene.job(*images, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert sorted(item.reason for item in scene.items(job_id)) == ["created"] * 2 + ["forbidden"]
