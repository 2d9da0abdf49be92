"""The items of orphans: their sentences, and their writes."""

import dataclasses
from types import SimpleNamespace

import pytest

from kingbird.sync import image as fields
from kingbird.sync import orphans
from kingbird.sync.item import Seen
from kingbird.sync.outcome import Outcome, message_for
from kingbird.sync.plan.orphans import orphaned, revived, seen_of, still_hidden, with_act

MARK = {fields.ORPHANED_AT: "2026-01-01T00:00:00Z"}
COPY = {
    **{"id": "i", "name": "one", "owner": "p", "status": "queued", "os_hidden": True},
    **{fields.SOURCE_REGION: "R1", fields.SOURCE_ID: "i", **MARK},
}
ORPHANED = Outcome("orphaned", "usual")


@pytest.mark.parametrize("home", ["R1", "R9"])
def test_a_copy_that_stays_hidden(home):
    found = still_hidden(SimpleNamespace(regions={"R1": None}), home)
    if home == "R9":
        sentence = message_for("home_unknown", source="R9", target="R9")
        assert found == Outcome("home_unknown", sentence)
    else:
        assert (found.reason, found.is_doubtful) == ("orphaned", True)
        assert "an orphan of R1, which could not be asked" in found.message


def test_what_is_seen_of_one():
    assert seen_of(COPY) == Seen("p", "one", None, "queued")
    assert seen_of({"id": "i"}) == Seen("", "", None, None)


@pytest.mark.parametrize(
    ("copy", "outcome", "message", "target"),
    [
        # Its usual sentence names its home.
        (COPY, ORPHANED, message_for("orphaned", source="R1", target="R2"), "i"),
        (COPY, Outcome("orphaned", "Own", is_doubtful=True), "Own", "i"),
        (COPY, Outcome("home_unknown", "Own"), "Own", "i"),
        (COPY, Outcome("touched", "Own"), "Own", "i"),
        # Where there is none, there is not more to say.
        (None, ORPHANED, message_for("orphaned", source="R1", target="R2"), None),
        (
            None,
            Outcome("home_unknown", "Own"),
            message_for("home_unknown", source="R1", target="R2"),
            None,
        ),
        (None, Outcome("touched", "Own"), None, None),
    ],
)
def test_an_orphan_that_stays_as_it_is(copy, outcome, message, target):
    item = orphaned(COPY, "R3", "R2", copy, outcome)
    assert (item.resource, item.name, item.action, item.work) == ("i", "one", "none", None)
    assert (item.source_region, item.target_region) == ("R1", "R2")
    assert (item.outcome.reason, item.outcome.message) == (outcome.reason, message)
    assert item.target_resource == target
    assert item.seen == (seen_of(copy) if copy else None)
    assert not item.outcome.is_doubtful


def test_an_image_without_a_home_is_at_home():
    item = orphaned({"id": "i"}, "R3", "R2", None, ORPHANED)
    assert (item.source_region, item.name) == ("R3", None)


@pytest.mark.parametrize(("act", "action"), [("hide", "update"), ("delete", "delete")])
def test_an_orphan_that_is_hidden_or_deleted(act, action):
    spec = {"act": act, "home": "R1"}
    item = orphaned(COPY, "R3", "R2", COPY, ORPHANED)
    found = with_act(dataclasses.replace(item, outcome=None), COPY, spec)
    assert (found.action, found.target_resource, found.seen) == (action, "i", item.seen)
    work = found.work
    assert (work.record, work.owner) == ({"id": "i", "name": "one"}, "p")
    assert (work.data, work.orphan) == ({"copy_status": "queued"}, spec)
    assert (work.changes, work.before) == ([], {})


@pytest.mark.parametrize("is_hidden", [True, False])
def test_a_copy_whose_home_has_the_image_again(is_hidden):
    original = {"id": "i", "name": "new", "owner": "p", "status": "active", "os_hidden": is_hidden}
    item = revived(COPY, "R2", original)
    assert (item.resource, item.name, item.action) == ("i", "one", "update")
    assert (item.source_region, item.target_region) == ("R1", "R2")
    assert (item.target_resource, item.outcome) == ("i", None)
    assert item.seen == Seen("p", "new", "active", "queued")
    work = item.work
    assert (work.record, work.owner) == ({"id": "i", "name": "one"}, "p")
    assert work.data == {"copy_status": "queued", "status": "active"}
    assert work.changes == orphans.show(original)
    assert work.before == {"os_hidden": True, **MARK}
    assert work.orphan == {"act": "revive", "home": "R1"}
