"""Namespaces are created, completed and updated by calls that can be taken again."""

import copy

import pytest

from kingbird.sync.metadefs.namespace import record_for
from kingbird.tests.doubles.glance import AFTER, HALF_MADE, refused, unavailable
from kingbird.tests.unit.sync.metadefs.scene import FULL, MetadefScene, a_set

NAME = "OS::Test"


@pytest.fixture
def scene():
    return MetadefScene()


def run(scene, **options):
    return scene.run(a_set(NAME, **options))[NAME, "R2"]


def as_in_source(scene):
    return record_for(scene.at("R2")) == record_for(scene.at("R1")) == FULL


def test_one_post_makes_all(scene):
    scene.make("R1")
    outcome = run(scene)
    assert (outcome.reason, outcome.message) == ("created", None)
    assert as_in_source(scene)
    assert scene.glances["R2"].count() == {
        "GET namespaces": 1,
        "POST namespace": 1,
        "GET namespace": 1,
    }


@pytest.mark.parametrize("when", [AFTER, HALF_MADE])
def test_a_lost_answer_and_a_half_are_completed(scene, when):
    scene.make("R1")
    scene.glances["R2"].fail("POST namespace", unavailable(), when=when)
    assert run(scene).reason == "created"
    assert as_in_source(scene)


def test_a_half_that_was_left_is_completed_later(scene):
    scene.make("R1")
    scene.make("R2", tags=None, properties=None)
    outcome = run(scene)
    assert outcome.reason == "created"
    assert outcome.message == "Created from R1: tag fast, property cpu:mode"
    assert as_in_source(scene)


def test_an_update_makes_one_call_for_each_part(scene):
    scene.make("R1")
    other = copy.deepcopy(FULL)
    other["properties"]["cpu:mode"]["title"] = "Other"
    other["objects"][0]["description"] = "Other"
    scene.make("R2", **{**other, "display_name": "Other", "tags": None})
    outcome = run(scene, on_drift="update")
    assert outcome.reason == "updated"
    assert as_in_source(scene)
    calls = [name for name, _ in scene.glances["R2"].calls if not name.startswith("GET")]
    assert calls == ["PUT namespace", "PUT part", "POST part", "PUT part"]


def test_the_namespace_keeps_its_owner(scene):
    # The caller's project is another one, to which a PUT without an owner would give it.
    scene.make("R1", owner="somebody")
    scene.make("R2", owner="somebody", display_name="Other")
    assert run(scene, on_drift="update").reason == "updated"
    assert scene.at("R2")["owner"] == "somebody"


def test_without_update_what_differs_stays_and_what_is_missing_comes(scene):
    scene.make("R1")
    scene.make("R2", display_name="Other", tags=None)
    outcome = run(scene)
    assert outcome.reason == "drift"
    assert outcome.message == (
        "Created from R1: tag fast; Differs from the namespace in R1 in: display_name"
    )
    assert outcome.differences == {"display_name": {"source": "Test", "target": "Other"}}
    assert scene.at("R2")["display_name"] == "Other"
    assert scene.at("R2")["tags"] == [{"name": "fast"}]


def test_an_association_that_differs_is_left_and_told(scene):
    scene.make("R1")
    scene.make(
        "R2", display_name="Other", resource_type_associations=[{"name": "OS::Glance::Image"}]
    )
    outcome = run(scene, on_drift="update")
    assert outcome.reason == "drift"
    assert "in: resource type OS::Glance::Image" in outcome.message
    assert scene.at("R2")["display_name"] == "Test"


def test_what_somebody_made_meanwhile_is_found_and_left_alone(scene):
    scene.make("R1")
    _, (item,) = scene.plan(a_set(NAME))
    scene.make("R2", owner="other", display_name="Other")
    before = copy.deepcopy(scene.at("R2"))
    assert scene.apply(item).reason == "owner_conflict"
    assert scene.at("R2") == before


def test_what_another_run_made_meanwhile_is_in_sync(scene):
    scene.make("R1")
    _, (item,) = scene.plan(a_set(NAME))
    scene.make("R2")
    assert scene.apply(item).reason == "in_sync"


def test_a_part_that_another_run_made_meanwhile_is_no_failure(scene):
    scene.make("R1")
    scene.make("R2", tags=None)
    glance = scene.glances["R2"]

    def made(_):
        scene.at("R2")["tags"] = [{"name": "fast"}]
        return refused(409)

    glance.fail("POST part", made)
    outcome = run(scene)
    assert (outcome.reason, outcome.message) == ("in_sync", None)


def test_what_a_dry_run_saw_missing_is_not_changed_if_it_is_there_by_then(scene):
    scene.make("R1")
    _, (item,) = scene.plan(a_set(NAME, on_drift="update"))
    scene.make("R2", display_name="Other")
    assert scene.apply(item.as_previewed()).reason == "drift"
    assert scene.at("R2")["display_name"] == "Other"
    assert scene.apply(item).reason == "updated"


def test_a_namespace_that_was_deleted_meanwhile_is_told(scene):
    scene.make("R1")
    scene.make("R2", tags=None)

    def deleted(_):
        del scene.glances["R2"].metadefs.namespaces[NAME]
        return refused(404)

    scene.glances["R2"].fail("POST part", deleted)
    outcome = run(scene)
    assert outcome.reason == "deleted_in_target"
    assert "while it was written" in outcome.message


@pytest.mark.parametrize(
    ("status", "reason"), [(403, "forbidden"), (413, "quota"), (400, "invalid"), (404, "invalid")]
)
def test_a_refusal_of_one_part_does_not_end_the_others(scene, status, reason):
    scene.make("R1")
    scene.make("R2", tags=None, properties=None)
    scene.glances["R2"].fail("POST part", refused(status, "No tags."))
    outcome = run(scene)
    assert outcome.reason == reason
    assert "tag fast: No tags." in outcome.message
    assert "properties" in scene.at("R2")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (refused(403, "No."), "forbidden"),
        (refused(401, "No."), "credentials_rejected"),
        (refused(400, "No."), "invalid"),
        (unavailable(), "region_unavailable"),
        (unavailable(429, 1), "region_unavailable"),
    ],
)
def test_a_refusal_of_the_namespace(scene, error, reason):
    scene.make("R1")
    scene.glances["R2"].fail("POST namespace", error, None)
    outcome = run(scene)
    assert outcome.reason == reason
    assert NAME not in scene.glances["R2"].metadefs.namespaces


def test_a_name_that_the_database_takes_for_another_one(scene, monkeypatch):
    scene.make("R1")
    _, (item,) = scene.plan(a_set(NAME))
    scene.make("R2", namespace="os::test")
    store = scene.glances["R2"].metadefs
    seen = store._seen
    monkeypatch.setattr(store, "_seen", lambda caller, name: seen(caller, name.lower()))
    scene.glances["R2"].fail("POST namespace", refused(409))
    outcome = scene.apply(item)
    assert outcome.reason == "id_taken"
    assert "os::test" in outcome.message


def test_nothing_is_written_once_the_lease_is_lost(scene):
    scene.make("R1")
    _, (item,) = scene.plan(a_set(NAME))
    lost = RuntimeError("lost")

    def may_write():
        raise lost

    with pytest.raises(RuntimeError):
        scene.applier("R2", may_write).apply("R1", item.work)
    assert scene.glances["R2"].count()["POST namespace"] == 0
