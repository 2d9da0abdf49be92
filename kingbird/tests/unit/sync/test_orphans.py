"""Orphans are hidden, deleted and shown by what is there at the moment of each write."""

import dataclasses
from datetime import UTC, datetime

import pytest

from kingbird import exception
from kingbird.sync import image as fields
from kingbird.sync import orphans
from kingbird.sync.item import WriteSpec
from kingbird.sync.orphans import OrphanKeeper, hide, reason_to_keep, show
from kingbird.sync.outcome import BEING_IMPORTED, Outcome
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.sync.scene import DEMO, OTHER, Scene

NOW = datetime(2026, 5, 5, 5, 5, 5, 999, tzinfo=UTC)
MARK = "2026-05-05T05:05:05Z"
ID = "aaaaaaaa-0000-4000-8000-000000000001"
MARKS = {fields.SOURCE_REGION: "R1", fields.SOURCE_ID: ID}
HIDE = [
    {"op": "add", "path": "/os_hidden", "value": True},
    {"op": "add", "path": "/kingbird_orphaned_at", "value": MARK},
]


@pytest.fixture
def scene():
    return Scene(retry_timeout=0)


def orphan(scene, **more):
    """Make an orphan in R2."""
    return scene.images("R2").create({"id": ID, "visibility": "private", **MARKS, **more})


def hidden(scene, **more):
    return orphan(scene, os_hidden=True, **{fields.ORPHANED_AT: MARK}, **more)


def keeper(scene, writes=None, **options):
    written = [] if writes is None else writes
    return OrphanKeeper(
        scene.images("R2"),
        lambda name: scene.images(name) if name in scene.glances else None,
        lambda: written.append(1),
        scene.retry,
        now=lambda: NOW,
        **options,
    )


def work(act, *, owner=DEMO, home="R1", **more):
    spec = {"act": act, "home": home, **more}
    return WriteSpec({"id": ID}, owner, {}, orphan=spec)


def test_the_operations():
    assert hide(NOW) == HIDE
    back = {"op": "remove", "path": "/kingbird_orphaned_at"}
    for original, is_hidden in (({}, False), ({"os_hidden": True}, True)):
        assert show(original) == [{"op": "add", "path": "/os_hidden", "value": is_hidden}, back]


def with_data(value, mark, **more):
    data = {"status": "active", "os_hash_algo": "sha512", "os_hash_value": value}
    return {**data, **({fields.SOURCE_HASH: mark} if mark else {}), **more}


OTHER_DATA = "It has other data than its original had, or nothing tells whether they are the same"


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ({"status": "queued"}, None),
        ({"status": "queued", "protected": True}, "It is protected"),
        (with_data("x", "sha512:x"), None),
        (with_data("x", "sha512:x", status="deactivated"), None),
        (with_data("x", "sha512:x", protected=True), "It is protected"),
        (with_data("x", "sha512:y"), OTHER_DATA),
        (with_data("x", None), OTHER_DATA),
        (with_data(None, None), OTHER_DATA),
        (with_data("x", "sha512:x", status="saving"), "It is saving"),
        ({"status": "killed"}, "It is killed"),
    ],
)
def test_what_speaks_against_a_deletion(image, why):
    assert reason_to_keep(image) == why


def test_one_is_hidden(scene):
    before, writes = orphan(scene), []
    outcome = keeper(scene, writes).act(work("hide"))
    after = scene.glances["R2"].peek(ID)
    assert (after["os_hidden"], after[fields.ORPHANED_AT]) == (True, MARK)
    assert outcome == Outcome(
        "hidden",
        None,
        ID,
        undo={
            "owner": DEMO,
            "before": {"os_hidden": before["os_hidden"]},
            "wrote": {"os_hidden": True, fields.ORPHANED_AT: MARK},
        },
        orphan={"id": ID, "updated_at": after["updated_at"]},
    )
    assert len(writes) == 1


def test_one_is_deleted(scene):
    image, writes = hidden(scene), []
    outcome = keeper(scene, writes).act(work("delete", updated_at=image["updated_at"]))
    assert outcome == Outcome("deleted", undo={"owner": DEMO, "deleted": image}, orphan={"id": ID})
    assert ID not in scene.glances["R2"].ids
    assert len(writes) == 1
    again = keeper(scene).act(work("delete", updated_at=image["updated_at"]))
    assert again == Outcome("deleted", "It is there no more", orphan={"id": ID})


@pytest.mark.parametrize("original", [{}, {"os_hidden": True}])
def test_one_is_shown(scene, original):
    hidden(scene)
    scene.create("R1", id=ID, **original)
    outcome = keeper(scene).act(work("revive"))
    after = scene.glances["R2"].peek(ID)
    assert (after["os_hidden"], fields.ORPHANED_AT in after) == (bool(original), False)
    assert (outcome.reason, outcome.target_resource) == ("revived", ID)
    assert outcome.orphan == {"id": ID}
    assert outcome.undo == {
        "owner": DEMO,
        "before": {"os_hidden": True, fields.ORPHANED_AT: MARK},
        "wrote": {"os_hidden": bool(original), fields.ORPHANED_AT: None},
    }
    # Nothing is left to write.
    again = keeper(scene).act(work("revive"))
    assert again == Outcome("revived", None, ID, orphan={"id": ID})


def at_home(scene):
    scene.create("R1", id=ID)


def changed(name, value):
    return lambda scene: scene.images("R2").update(
        ID, [{"op": "add", "path": f"/{name}", "value": value}]
    )


NO_COPY = "It does not say any more that it is this project's copy from R1"


@pytest.mark.parametrize("act", ["hide", "delete", "revive"])
@pytest.mark.parametrize(
    ("changes", "owner", "home", "reason", "message"),
    [
        (None, DEMO, "R9", "home_unknown", "Region R9 has no image endpoint"),
        (None, OTHER, "R1", "kept", NO_COPY),
        (changed(fields.SOURCE_REGION, "R3"), DEMO, "R1", "kept", NO_COPY),
        (changed(fields.SOURCE_ID, "b" * 8 + ID[8:]), DEMO, "R1", "kept", NO_COPY),
        (
            lambda scene: scene.glances["R2"].set_status(ID, "importing"),
            DEMO,
            "R1",
            "kept",
            BEING_IMPORTED,
        ),
    ],
)
def test_what_is_no_orphan_of_the_home_is_left_alone(
    scene, act, changes, owner, home, reason, message
):
    before, writes = hidden(scene), []
    if changes:
        changes(scene)
    known = {"updated_at": before["updated_at"]}
    outcome = keeper(scene, writes).act(work(act, owner=owner, home=home, **known))
    assert (outcome.reason, outcome.target_resource, outcome.undo) == (reason, ID, None)
    assert outcome.message.startswith(message)
    assert writes == []


def test_a_forced_copy_is_no_orphan(scene):
    forced = fields.forced_id(ID, "R2", 1)
    scene.images("R2").create({"id": forced, **MARKS, fields.FORCED: "true"})
    one = dataclasses.replace(work("hide"), record={"id": forced})
    assert keeper(scene).act(one).reason == "kept"


def test_one_that_is_gone(scene):
    for act in ("hide", "revive"):
        outcome = keeper(scene).act(work(act))
        assert outcome == Outcome("kept", "It is there no more, or belongs to another project")


def test_one_whose_home_has_it_again(scene):
    image = hidden(scene)
    at_home(scene)
    for act in ("hide", "delete"):
        outcome = keeper(scene).act(work(act, updated_at=image["updated_at"]))
        assert outcome == Outcome("kept", "R1 has the image again", ID)


@pytest.mark.parametrize("is_theirs", [False, True])
def test_one_whose_home_has_it_no_more_is_not_shown(scene, is_theirs):
    hidden(scene)
    if is_theirs:
        scene.create("R1", id=ID, owner=OTHER, visibility="community")
    outcome = keeper(scene).act(work("revive"))
    assert outcome == Outcome("kept", "R1 has the image no more", ID)


@pytest.mark.parametrize(
    ("make", "more", "reason", "message"),
    [
        (orphan, {}, "touched", orphans.TOUCHED),
        (orphan, {"os_hidden": True}, "touched", orphans.TOUCHED),
        (orphan, {fields.ORPHANED_AT: MARK}, "touched", orphans.TOUCHED),
        (hidden, {"protected": True}, "kept", "It is protected, and is left alone"),
    ],
)
def test_what_is_not_deleted(scene, make, more, reason, message):
    image = make(scene, **more)
    outcome = keeper(scene).act(work("delete", updated_at=image["updated_at"]))
    assert outcome == Outcome(reason, message, ID)
    assert ID in scene.glances["R2"].ids


def test_what_was_changed_since_is_not_deleted(scene):
    hidden(scene)
    outcome = keeper(scene).act(work("delete", updated_at="2000-01-01T00:00:00Z"))
    assert outcome == Outcome("touched", orphans.TOUCHED, ID)


@pytest.mark.parametrize("members", [[], ["m"]])
def test_what_is_shared_is_not_deleted(scene, members):
    image = hidden(scene, visibility="shared")
    for one in members:
        scene.images("R2").add_member(ID, one)
    image = scene.glances["R2"].peek(ID)
    outcome = keeper(scene).act(work("delete", updated_at=image["updated_at"]))
    if members:
        words = "It is shared with other projects, and is left alone"
        assert outcome == Outcome("kept", words, ID)
    else:
        assert outcome.reason == "deleted"


@pytest.mark.parametrize(
    ("error", "reason", "contacted", "is_trouble"),
    [
        (unavailable(), "region_unavailable", True, True),
        (refused(401), "credentials_rejected", True, True),
        (refused(403), "forbidden", True, True),
        (refused(404), "kept", True, False),
        (refused(409), "kept", True, False),
        (refused(413), "quota", True, True),
        (refused(400), "invalid", True, True),
        (exception.CredentialsLost("No token."), "forbidden", False, True),
    ],
)
def test_errors(scene, error, reason, contacted, is_trouble):
    """After a failure nothing more is hidden or deleted in the region."""
    orphan(scene)
    scene.glances["R2"].fail("update", error, times=None)
    kept = keeper(scene)
    outcome = kept.act(work("hide"))
    assert (outcome.reason, outcome.target_resource) == (reason, ID)
    assert (outcome.region_contacted, kept.has_trouble) == (contacted, is_trouble)
    assert outcome.message
    scene.glances["R2"].heal()
    again = kept.act(work("hide"))
    if is_trouble:
        assert (again.reason, again.target_resource) == ("orphan_guard", ID)
        assert not again.region_contacted
    else:
        assert again.reason == "hidden"


def test_an_outage_of_the_home_is_none_of_the_region(scene):
    orphan(scene)
    scene.glances["R1"].fail("get", unavailable(), times=None)
    outcome = keeper(scene).act(work("hide"))
    assert (outcome.reason, outcome.region_contacted) == ("region_unavailable", False)


def test_what_came_back_is_shown_whatever_has_failed(scene):
    hidden(scene)
    at_home(scene)
    assert keeper(scene, has_trouble=True).act(work("revive")).reason == "revived"


@pytest.mark.parametrize(
    ("reason", "is_trouble"),
    [
        ("region_unavailable", True),
        ("credentials_rejected", True),
        ("internal_error", True),
        ("quota", False),
        ("created", False),
    ],
)
def test_other_writes_that_fail(scene, reason, is_trouble):
    kept = keeper(scene)
    kept.note(Outcome(reason))
    assert kept.has_trouble == is_trouble
    kept.note(Outcome("created"))
    assert kept.has_trouble == is_trouble


def test_little_is_kept_of_a_large_image_that_is_deleted(scene):
    long = {f"p{n}": "x" * 1000 for n in range(70)}
    image = hidden(scene, name="n", tags=["t"], **long)
    outcome = keeper(scene).act(work("delete", updated_at=image["updated_at"]))
    kept = outcome.undo["deleted"]
    assert kept == {name: image[name] for name in image.keys() - long.keys()}
    assert {"name", "tags", "owner", fields.SOURCE_ID, fields.ORPHANED_AT} <= kept.keys()
    assert orphans._kept_of({**long, "id": "i", "locations": ["secret"]}) == {"id": "i"}
    small = {"id": "i", "p": "x" * (orphans.MAX_KEPT - 20), "locations": []}
    assert orphans._kept_of({"id": "i", "p": "v", "q": "w"}) == {"id": "i", "p": "v", "q": "w"}
    assert "p" not in orphans._kept_of(small)
