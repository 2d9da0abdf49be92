"""Making records: once, whatever happens to the answers."""

import pytest

from kingbird import exception
from kingbird.sync import image as fields
from kingbird.tests.doubles.glance import AFTER, HALF_MADE, refused, unavailable
from kingbird.tests.unit.sync.scene import OTHER, RULES, Scene


@pytest.fixture
def scene():
    return Scene()


def one(scene, **fields_of):
    """Make an image and plan its way to R2."""
    image = scene.create(tags=["x", "y"], p="v", **fields_of)
    (item,) = scene.plan(image["id"])
    scene.glances["R2"].calls.clear()
    return image, item


def test_created_with_one_call(scene):
    image, item = one(scene)
    outcome = scene.apply(item)
    assert (outcome.reason, outcome.target_resource) == ("created", image["id"])
    assert scene.glances["R2"].count() == {"create": 1}


def test_a_lost_answer_is_looked_after(scene):
    image, item = one(scene)
    scene.glances["R2"].fail("create", unavailable(None), when=AFTER)
    assert scene.apply(item).reason == "created"
    assert scene.glances["R2"].count() == {"create": 1, "get": 1}
    assert scene.glances["R2"].ids == {image["id"]}


def test_a_region_that_asks_for_patience_is_not_looked_into_meanwhile(scene):
    _, item = one(scene)
    scene.glances["R2"].fail("create", unavailable(429, 7))
    scene.retry = Scene(retry_timeout=60).retry
    assert scene.apply(item).reason == "created"
    assert scene.glances["R2"].count() == {"create": 2}


@pytest.mark.parametrize(("post", "get", "waits"), [(20, None, 20), (20, 7, 20), (7, 20, 20)])
def test_a_look_that_fails_takes_no_patience_away(scene, post, get, waits):
    _, item = one(scene)
    scene.glances["R2"].fail("create", unavailable(503, post))
    scene.glances["R2"].fail("get", unavailable(503, get))
    patient = Scene(retry_timeout=60)
    scene.retry = patient.retry
    assert scene.apply(item).reason == "created"
    assert patient.slept == [waits]


def test_a_lost_answer_is_looked_after_until_a_look_succeeds(scene):
    image, item = one(scene)
    scene.glances["R2"].fail("create", unavailable(None), when=AFTER)
    scene.glances["R2"].fail("get", unavailable(None), times=2)
    scene.retry = Scene(retry_timeout=60).retry
    assert scene.apply(item).reason == "created"
    assert [call for call, _ in scene.glances["R2"].calls] == ["create", "get", "get", "get"]
    assert scene.glances["R2"].ids == {image["id"]}


def test_what_a_look_does_not_find_is_made_in_the_same_try(scene):
    _, item = one(scene)
    scene.glances["R2"].fail("create", unavailable(503))
    scene.glances["R2"].fail("get", unavailable(503))
    scene.retry = Scene(retry_timeout=60).retry
    assert scene.apply(item).reason == "created"
    assert [call for call, _ in scene.glances["R2"].calls] == ["create", "get", "get", "create"]


def test_a_half_made_record_is_completed(scene):
    image, item = one(scene)
    scene.glances["R2"].fail("create", unavailable(500), when=HALF_MADE)
    assert scene.apply(item).reason == "created"
    assert sorted(scene.glances["R2"].peek(image["id"])["tags"]) == ["x", "y"]


def test_a_half_made_record_that_an_engine_left_is_completed(scene):
    image, item = one(scene)
    scene.images("R2").create({**item.work.record, "tags": []})
    assert scene.apply(item).reason == "created"
    assert sorted(scene.glances["R2"].peek(image["id"])["tags"]) == ["x", "y"]


def test_what_failed_without_effect_is_tried_again(scene):
    _image, item = one(scene)
    scene.glances["R2"].fail("create", unavailable(503), times=2)
    scene.retry = Scene(retry_timeout=60).retry
    assert scene.apply(item).reason == "created"
    assert scene.glances["R2"].count()["create"] == 3


def test_a_region_that_stays_away_is_unavailable(scene):
    _, item = one(scene)
    scene.glances["R2"].fail("*", unavailable(503), times=None)
    outcome = scene.apply(item)
    assert (outcome.status, outcome.reason) == ("FAILURE", "region_unavailable")
    assert outcome.target_resource is None


@pytest.mark.parametrize(
    ("is_admin", "reason"), [(True, "deleted_in_target"), (False, "id_taken")]
)
def test_a_deleted_id_stays_taken(scene, is_admin, reason):
    image = scene.create()
    scene.sync(image["id"])
    scene.glances["R2"].delete(image["id"])
    caller = scene.caller(is_admin=is_admin)
    (item,) = scene.plan(image["id"], caller=caller)
    outcome = scene.apply(item, caller)
    assert (outcome.status, outcome.reason) == ("SKIPPED", reason)
    assert outcome.unusable == ((image["id"], reason),)


def test_somebodys_private_image_under_the_id_is_not_distinguished_from_a_deleted_one(scene):
    image, item = one(scene)
    scene.images("R2", OTHER).create({"id": image["id"], "visibility": "private"})
    assert scene.apply(item).reason == "id_taken"


def test_what_came_meanwhile_is_judged_as_if_it_had_been_there(scene):
    image, item = one(scene)
    record = {k: v for k, v in item.work.record.items() if k not in fields.PROVENANCE}
    scene.images("R2").create(record)
    assert scene.apply(item).reason == "in_sync"

    image, item = one(scene)
    scene.images("R2").create({"id": image["id"], "name": "differs"})
    outcome = scene.apply(item)
    assert outcome.reason == "drift"
    assert "name" in outcome.message

    image, item = one(scene)
    scene.images("R2", OTHER).create({"id": image["id"], "visibility": "community"})
    assert scene.apply(item).reason == "owner_conflict"
    assert scene.glances["R2"].count()["update"] == 0


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "forbidden"), (413, "quota"), (400, "invalid"), (404, "invalid")],
)
def test_a_refusal_keeps_glances_sentence(scene, status, reason):
    _, item = one(scene)
    scene.glances["R2"].fail("create", refused(status, "You may not."), times=None)
    outcome = scene.apply(item)
    assert (outcome.status, outcome.reason, outcome.message) == ("FAILURE", reason, "You may not.")
    assert outcome.region_contacted


def test_a_token_that_the_region_does_not_accept(scene):
    _, item = one(scene)
    scene.glances["R2"].fail("create", refused(401, "Who are you?"))
    outcome = scene.apply(item)
    assert (outcome.status, outcome.reason) == ("FAILURE", "credentials_rejected")
    assert "region R2 does not accept the token (HTTP 401: Who are you?)" in outcome.message
    assert outcome.region_contacted


def test_a_member_cannot_publicize(scene):
    image = scene.create(visibility="public", owner="d" * 32)
    (item,) = scene.plan(image["id"])
    assert scene.apply(item).reason == "forbidden"


def test_credentials_that_are_gone_forbid(scene):
    _, item = one(scene)
    scene.glances["R2"].fail("create", exception.CredentialsLost("No token."))
    outcome = scene.apply(item)
    assert outcome.reason == "forbidden"
    assert not outcome.region_contacted, "that is Keystone's word"


def test_forced_copies_pass_over_unusable_ids_and_end_in_one_copy(scene):
    image = scene.create()
    (first,) = scene.sync(image["id"], force=True)
    scene.glances["R2"].delete(first.target_resource)
    for reason, unusable in (
        ("created", ((first.target_resource, "id_taken"),)),
        ("in_sync", ()),
    ):
        (outcome,) = scene.sync(image["id"], force=True)
        assert outcome.target_resource == fields.forced_id(image["id"], "R2", 2)
        assert (outcome.reason, outcome.unusable) == (reason, unusable)
    assert scene.glances["R2"].ids == {fields.forced_id(image["id"], "R2", 2)}


def test_two_plans_of_the_same_forced_copy_make_one(scene):
    image = scene.create()
    plans = [scene.plan(image["id"], force=True)[0] for _ in range(2)]
    assert len({scene.apply(item).target_resource for item in plans}) == 1
    assert len(scene.glances["R2"].ids) == 1


def test_nothing_is_written_once_the_lease_is_lost(scene):
    _, item = one(scene)

    def lost():
        raise exception.LeaseLost("gone")

    with pytest.raises(exception.LeaseLost):
        scene.apply(item, may_write=lost)
    assert not scene.glances["R2"].calls


def test_nothing_is_completed_once_the_lease_is_lost(scene):
    _image, item = one(scene)
    scene.images("R2").create({**item.work.record, "tags": []})
    answers = iter([None])

    def lost():
        if next(answers, "lost"):
            raise exception.LeaseLost("gone")

    with pytest.raises(exception.LeaseLost):
        scene.apply(item, may_write=lost)
    assert scene.glances["R2"].count()["update"] == 0


def test_a_record_that_was_made_is_in_sync_with_its_source(scene):
    image = scene.create(tags=["x"], min_disk=1, protected=True, os_hidden=True)
    scene.sync(image["id"])
    (item,) = scene.plan(image["id"])
    assert item.outcome.reason == "in_sync"
    assert RULES.property_quota == 128
