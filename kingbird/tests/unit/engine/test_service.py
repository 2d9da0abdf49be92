"""An engine at work, from the accepted job to the closed one."""

import threading
import time

import pytest

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine import planner
from kingbird.tests.doubles.glance import HALF_MADE, unavailable
from kingbird.tests.waiting import PATIENCE, bounded, wait_for


def outcomes(scene, job_id):
    return {(item.target_region, item.status, item.reason) for item in scene.items(job_id)}


def test_a_job_is_done_and_its_trust_deleted(scene):
    job_id = scene.job(*(scene.image() for _ in range(30)))
    scene.engine()
    assert scene.tidied(job_id) == "SUCCESS"
    assert scene.keystone.trusts == set()
    assert outcomes(scene, job_id) == {
        ("R2", "SUCCESS", "created"),
        ("R3", "SUCCESS", "created"),
    }
    assert scene.glances["R2"].ids == scene.glances["R3"].ids == scene.glances["R1"].ids
    assert scene.glances["R2"].count()["create"] == 30


def test_one_token_and_one_deletion_a_job(scene):
    job_id = scene.job(scene.image())
    scene.engine()
    scene.tidied(job_id)
    # The double counts each look at the catalog; the real credentials keep their token.
    assert scene.keystone.calls.count("delete") == 1
    assert "list" not in scene.keystone.calls


def test_a_run_that_finds_nothing_to_do_writes_nothing(scene):
    image = scene.image()
    scene.engine()
    scene.ended(scene.job(image))
    for glance in scene.glances.values():
        glance.calls.clear()
    again = scene.job(image)
    assert scene.ended(again) == "SUCCESS"
    assert outcomes(scene, again) == {("R2", "SUCCESS", "in_sync"), ("R3", "SUCCESS", "in_sync")}
    for glance in scene.glances.values():
        assert set(glance.count()) <= {"list"}


def test_an_unusable_id_is_asked_once(scene):
    image = scene.image()
    scene.engine()
    scene.ended(scene.job(image))
    scene.glances["R2"].delete(image)
    first = scene.job(image, targets=("R2",))
    assert scene.ended(first) == "SUCCESS"
    assert outcomes(scene, first) == {("R2", "SKIPPED", "id_taken")}
    scene.glances["R2"].calls.clear()
    second = scene.job(image, targets=("R2",))
    scene.ended(second)
    assert outcomes(scene, second) == {("R2", "SKIPPED", "id_taken")}
    assert set(scene.glances["R2"].count()) == {"list"}


def test_amis_follow_their_kernel(scene):
    kernel = scene.image(disk_format="aki", container_format="aki")
    ami = scene.image(disk_format="ami", container_format="ami", kernel_id=kernel)
    job_id = scene.job(ami, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    created = [body["id"] for call, body in scene.glances["R2"].calls if call == "create"]
    assert created == [kernel, ami]


def test_an_ami_fails_when_its_kernel_does(scene):
    kernel = scene.image(disk_format="aki", container_format="aki")
    ami = scene.image(disk_format="ami", container_format="ami", kernel_id=kernel)
    scene.glances["R2"].fail(
        "create",
        lambda body: exception.ImageRequestRejected("No.", 413) if body["id"] == kernel else None,
        times=None,
    )
    job_id = scene.job(ami, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    reasons = {item.resource: item.reason for item in scene.items(job_id)}
    assert reasons == {kernel: "quota", ami: "dependency_failed"}
    assert {item.target_resource for item in scene.items(job_id)} == {None}


def test_a_region_that_dies_fails_fast_and_alone(scene):
    scene.conf.set_override("retry_timeout", 0, group="sync")
    job_id = scene.job(*(scene.image() for _ in range(100)))
    scene.glances["R2"].fail("create", unavailable(), times=None)
    scene.glances["R2"].fail("get", unavailable(), times=None)
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert outcomes(scene, job_id) == {
        ("R2", "FAILURE", "region_unavailable"),
        ("R3", "SUCCESS", "created"),
    }
    limit = scene.conf.sync.breaker_threshold + scene.conf.sync.region_concurrency
    assert scene.glances["R2"].count()["create"] <= limit


def test_what_keystone_says_brings_no_region_back(scene):
    for name, value in (
        ("retry_timeout", 0),
        ("breaker_threshold", 1),
        ("breaker_reset_timeout", 0),
        ("region_concurrency", 1),
    ):
        scene.conf.set_override(name, value, group="sync")
    errors = [unavailable(), exception.CredentialsLost("No token.")]
    scene.glances["R2"].fail("create", lambda _: errors.pop(0), times=2)
    job_id = scene.job(scene.image(), scene.image(), targets=("R2",))
    engine = scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert {item.reason for item in scene.items(job_id)} == {"region_unavailable", "forbidden"}
    assert engine.describe()["regions left alone"] == ["R2"]


def test_half_made_records_are_completed(scene):
    images = [scene.image(tags=["a"]) for _ in range(5)]
    scene.glances["R2"].fail("create", unavailable(500), times=5, when=HALF_MADE)
    job_id = scene.job(*images, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert all(scene.glances["R2"].peek(image)["tags"] == ["a"] for image in images)


def test_no_more_calls_at_a_time_than_a_region_takes(scene):
    lock, now, most = threading.Lock(), [0], [0]

    def slow(_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        threading.Event().wait(0.02)
        with lock:
            now[0] -= 1

    scene.glances["R2"].fail("create", slow, times=None)
    jobs = [
        scene.job(*(scene.image() for _ in range(20)), targets=("R2",), trust_id=f"t{n}")
        for n in range(3)
    ]
    scene.engine()
    for job_id in jobs:
        assert scene.ended(job_id) == "SUCCESS"
    assert 1 < most[0] <= scene.conf.sync.region_concurrency


# Credentials.


def test_a_trust_that_is_gone_ends_the_job(scene):
    job_id = scene.job(scene.image())
    scene.keystone.trusts.clear()
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert outcomes(scene, job_id) == {
        ("R2", "FAILURE", "forbidden"),
        ("R3", "FAILURE", "forbidden"),
    }


def test_a_job_waits_for_keystone(scene):
    job_id = scene.job(scene.image())
    scene.keystone.problem = exception.KeystoneUnavailable("Away.")
    scene.engine()
    wait_for(lambda: len(scene.keystone.calls) > 2)
    assert scene.get(job_id).status == "IN_PROGRESS"
    scene.keystone.problem = None
    assert scene.ended(job_id) == "SUCCESS"


@pytest.mark.parametrize("call", ["list", "create"])
def test_a_job_whose_token_can_not_be_renewed_waits_for_keystone(scene, call):
    """The region is not blamed: more calls fail than would have opened its breaker."""
    images = [scene.image() for _ in range(20)]
    job_id = scene.job(*images, targets=("R2",))
    away = exception.KeystoneUnavailable("Away.")
    scene.glances["R2"].fail(call, away, times=scene.conf.sync.breaker_threshold + 2)
    scene.conf.set_override("max_attempts", 2, group="engine")
    engine = scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert outcomes(scene, job_id) == {("R2", "SUCCESS", "created")}
    assert engine.describe()["regions left alone"] == []


def test_what_was_made_before_keystone_went_away_is_written_down(scene):
    images = [scene.image() for _ in range(20)]
    job_id = scene.job(*images, targets=("R2",))

    def away(body):
        if body["id"] != images[3]:
            return None
        # The others' answers are there by then.
        wait_for(lambda: len(scene.glances["R2"].ids) > 3)
        return exception.KeystoneUnavailable("Away.")

    scene.glances["R2"].fail("create", away, times=1)
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert scene.glances["R2"].count()["create"] == 21, "nothing is asked for twice"


def test_a_job_with_a_users_token_runs_where_the_token_is(scene):
    job_id = scene.job(scene.image(), trust_id=None)
    bystander, engine = scene.engine(), scene.engine()
    bystander.wake()
    threading.Event().wait(0.3)
    assert scene.get(job_id).status == "IN_PROGRESS"
    endpoints = {region: f"http://{region}" for region in ("R1", "R2", "R3")}
    engine.accept_token_job(job_id, "secret", endpoints)
    assert scene.ended(job_id) == "SUCCESS"
    assert "secret" not in repr(vars(engine._access))


# Internal faults.


def test_a_fault_in_one_item_is_that_items_own(scene):
    bad, good = scene.image(), scene.image()

    def fault(body):
        if body["id"] == bad:
            raise ZeroDivisionError

    scene.glances["R2"].fail("create", fault, times=None)
    job_id = scene.job(bad, good, targets=("R2",))
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    reasons = {item.resource: item.reason for item in scene.items(job_id)}
    assert reasons == {bad: "internal_error", good: "created"}


def test_a_job_that_no_engine_can_plan_ends(scene):
    scene.conf.set_override("max_attempts", 2, group="engine")
    job_id = scene.job(scene.image())
    scene.keystone.problem = ZeroDivisionError()
    scene.keystone.failing = {"token"}
    scene.engine()
    assert scene.ended(job_id) == "FAILURE"
    assert {reason for _, _, reason in outcomes(scene, job_id)} == {"internal_error"}


# Several engines, and engines that stop.


def test_a_job_of_an_engine_that_died_is_taken_over(scene):
    job_id = scene.job(scene.image())
    assert db.leases.claim_job("dead", 0.3).job.id == job_id
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"


def test_a_task_of_an_engine_that_died_is_taken_over(scene):
    images = [scene.image(tags=["a"]) for _ in range(3)]
    job_id = scene.job(*images, targets=("R2",))
    planning = scene.engine()
    wait_for(lambda: scene.get(job_id).planned_at)
    planning.stop()
    if scene.get(job_id).status == "IN_PROGRESS":
        assert db.leases.claim_task("dead", 0.3)
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert scene.glances["R2"].ids == set(images)


def test_engines_share_the_tasks_of_a_job(scene, monkeypatch):
    # A small job stays with the engine that planned it.
    monkeypatch.setattr(planner, "SMALL_JOB", 19)
    scene.conf.set_override("max_tasks", 1, group="engine")
    workers = set()
    claim_task = db.leases.claim_task

    def claimed(engine_id, *args, **kwargs):
        claim = claim_task(engine_id, *args, **kwargs)
        if claim:
            workers.add(engine_id)
        return claim

    monkeypatch.setattr(db.leases, "claim_task", claimed)
    # Neither region goes on before the other one's task is worked on, too.
    begun = {region: threading.Event() for region in ("R2", "R3")}

    def meet(mine, others):
        begun[mine].set()
        begun[others].wait(PATIENCE)

    for mine, others in (("R2", "R3"), ("R3", "R2")):
        scene.glances[mine].fail(
            "create", lambda _, mine=mine, others=others: meet(mine, others), times=None
        )
    job_id = scene.job(*(scene.image() for _ in range(10)))
    engines = {scene.engine().id, scene.engine().id}
    assert scene.ended(job_id) == "SUCCESS"
    assert workers == engines
    assert scene.announced == [job_id]
    assert scene.glances["R2"].count()["create"] == 10


def test_a_stopping_engine_hands_its_task_back(scene):
    images = [scene.image() for _ in range(40)]
    job_id = scene.job(*images, targets=("R2",))
    begun = threading.Event()

    def slow(_):
        begun.set()
        threading.Event().wait(0.05)

    scene.glances["R2"].fail("create", slow, times=None)
    engine = scene.engine()
    assert begun.wait(PATIENCE)
    engine.stop()
    assert scene.get(job_id).status == "IN_PROGRESS"
    left = [item for item in scene.items(job_id) if item.status == "IN_PROGRESS"]
    assert 0 < len(left) < 40
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS"
    assert scene.glances["R2"].count()["create"] == 40, "no record was asked for twice"


def test_what_an_engine_could_not_finish_trying_is_left_to_another(scene):
    """A region that is away while an engine stops has not failed yet."""
    scene.conf.set_override("retry_timeout", 3 * PATIENCE, group="sync")
    image = scene.image()
    for calls in ("list", "create"):
        scene.glances["R2"].fail(calls, unavailable(), times=None)
        scene.glances["R2"].calls.clear()
        job_id = scene.job(image, targets=("R2",), trust_id=calls)
        engine = scene.engine()
        wait_for(lambda calls=calls: scene.glances["R2"].count()[calls] > 1)
        engine.stop()
        assert scene.get(job_id).status == "IN_PROGRESS"
        assert not [item for item in scene.items(job_id) if item.status != "IN_PROGRESS"]
        scene.glances["R2"].heal()
        scene.engine()
        assert scene.ended(job_id) == "SUCCESS"
        scene.engines.pop().stop()
        if calls == "list":
            image = scene.image()


def test_work_that_outlasts_the_grace_time_holds_no_engine_up(scene, caplog):
    scene.conf.set_override("graceful_shutdown_timeout", 1, group="engine")
    begun, answer = threading.Event(), threading.Event()

    def hang(_):
        begun.set()
        answer.wait(PATIENCE)

    scene.glances["R2"].fail("create", hang, times=None)
    job_id = scene.job(scene.image(), targets=("R2",))
    engine = scene.engine()
    try:
        assert begun.wait(PATIENCE)
        begin = time.monotonic()
        with bounded("the engine stops", answer.set):
            engine.stop()
        assert time.monotonic() - begin >= 1
        assert "Graceful shutdown timed out" in caplog.text
        assert scene.get(job_id).status == "IN_PROGRESS"
    finally:
        answer.set()
    scene.glances["R2"].heal()
    scene.engine()
    assert scene.ended(job_id) == "SUCCESS", "another engine goes on when the lease has run out"


def test_a_silent_database_holds_no_stopping_engine_up(scene, monkeypatch, caplog):
    scene.conf.set_override("graceful_shutdown_timeout", 1, group="engine")
    answer = threading.Event()
    engine = scene.engine()
    monkeypatch.setattr(db.engines, "deregister", lambda _: answer.wait(PATIENCE))
    with bounded("the engine stops", answer.set):
        engine.stop()
    assert "Unable to deregister engine: database timed out" in caplog.text
    answer.set()


def test_an_engine_shows_that_it_is_alive_and_leaves(scene):
    from kingbird.db.connection import reader
    from kingbird.db.program_models import Engine

    def known():
        with reader() as session:
            return {row.id for row in session.query(Engine)}

    engine = scene.engine()
    wait_for(lambda: engine.id in known())
    engine.stop()
    assert known() == set()
    assert len(engine.id) <= 64


def test_the_sign_of_life_comes_before_the_leases_which_do_without_it(scene, monkeypatch):
    done = []

    def fail(*_, **__):
        done.append("heartbeat")
        raise exception.Unavailable("Away.")

    engine = scene.engine(start=False)
    monkeypatch.setattr(db.engines, "heartbeat", fail)
    monkeypatch.setattr(engine._leases, "renew", lambda: done.append("leases"))
    with pytest.raises(exception.Unavailable):
        engine._renew()
    assert done == ["heartbeat", "leases"]


def test_slots_are_free_again_after_the_work(scene):
    scene.conf.set_override("max_tasks", 2, group="engine")
    one = scene.engine()
    # With a slot taken for ever, no task of the second job would be claimed.
    for _ in range(2):
        assert scene.ended(scene.job(scene.image())) == "SUCCESS"
    wait_for(lambda: not one._dispatcher._slots._projects.total())


def test_a_periodic_task_goes_on_after_an_error(scene):
    calls = []

    def fail():
        calls.append(True)
        raise ValueError

    scene.engine()._repeat("test", fail, lambda: 0.01)
    wait_for(lambda: len(calls) > 1)
