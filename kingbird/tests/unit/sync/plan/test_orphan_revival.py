"""An image that was hidden is shown when its home has it again, and is no source until then."""

import dataclasses

import pytest

from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.plan.orphan_life import DELETE, HIDE, MONTH, Life
from kingbird.tests.unit.sync.scene import ALL3


@pytest.fixture
def life():
    return Life()


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("one", [HIDE, SyncSet(("*",), ALL3, ALL3), "by id"])
def test_it_is_shown_when_its_home_has_it_again(life, hidden, one):
    before = life.copy()
    life.hide()
    life.restore(life.orphan, os_hidden=hidden)
    if one == "by id":
        one = SyncSet((life.orphan,), ("R1",), ("R2", "R3"))
    reasons = life.of_orphan(one)
    assert (reasons["R2"], reasons["R3"]) == ("revived", "revived")
    after = life.copy()
    assert after == {**before, "os_hidden": hidden, "updated_at": after["updated_at"]}
    assert not life.hidden
    assert "revived" not in life.of_orphan(one).values()


def test_a_hidden_one_is_no_source_and_drifts_from_nothing(life):
    life.upload()
    life.hide()
    one = SyncSet(("*",), ("R2",), ("R3",), updates=True)
    assert {*life.of_orphan(one).values()} == {"orphaned"}
    life.glances["R1"].fail("*", unavailable(), times=None)
    life.glances["R3"].delete(life.orphan)
    life.glances["R3"].purge()
    assert {*life.of_orphan(SyncSet(("*",), ALL3, ALL3, force=True)).values()} == {"orphaned"}
    assert life.of_orphan(SyncSet((life.orphan,), ("R2",), ("R3",))) == {"R3": "orphaned"}
    assert life.copy("R3") is None


def test_undo_shows_it_and_it_stays_so(life):
    before = life.copy()
    items = life.plan_sets(HIDE)
    outcomes = {one.target_region: (one, life.apply(one)) for one in items}
    item, outcome = outcomes["R2"]
    life.pass_time()
    work = dataclasses.replace(item.work, orphan=None, undo={**outcome.undo, "job": "j"})
    undone = life.apply(dataclasses.replace(item, work=work))
    assert undone.reason == "undone"
    assert life.copy() == {**before, "updated_at": life.copy()["updated_at"]}
    assert life.of_orphan(DELETE) == {"R2": "touched", "R3": "orphaned"}


def test_a_deletion_is_not_undone(life):
    life.hide()
    life.pass_time(MONTH)
    item = next(one for one in life.plan_sets(DELETE) if one.target_region == "R2")
    outcome = life.apply(item)
    work = dataclasses.replace(item.work, orphan=None, undo={**outcome.undo, "job": "j"})
    kept = life.apply(dataclasses.replace(item, work=work))
    assert (kept.reason, kept.target_resource) == ("kept", None)


def test_states_tell_of_it_until_it_is_gone(life):
    def states(one):
        life.plan_sets(one)
        found, _ = life.planner.findings.take()
        return {(each.region, each.kept) for each in found if each.image_id == life.orphan}

    both = {("R2", "orphan"), ("R3", "orphan")}
    assert states(HIDE) == both
    life.hide()
    assert states(DELETE) == both
    life.pass_time(MONTH)
    assert states(DELETE) == both


def test_writes_come_after_all_others(life):
    life.change("name", "two")
    kept = life.create("R1", name="new")["id"]
    life.glances["R1"].upload(kept, b"x")
    life.hide()
    lost = life.lose()
    life.pass_time(MONTH)
    items = [one for one in life.plan_sets(DELETE) if one.target_region == "R2"]
    ranks = {one.resource: one.rank for one in items}
    new = life.create("R1", name="newer")["id"]
    life.glances["R1"].upload(new, b"x")
    items = [one for one in life.plan_sets(DELETE) if one.target_region == "R2"]
    ranks = {one.resource: one.rank for one in items}
    assert ranks[new] < ranks[lost] < ranks[life.orphan]
