"""Right before each write the home is asked again, and errors and lost answers cost nothing."""

import pytest

from kingbird import exception
from kingbird.states import Reason
from kingbird.sync.outcome import Outcome
from kingbird.tests.doubles.glance import AFTER, unavailable
from kingbird.tests.unit.sync.plan.orphan_life import DELETE, HIDE, MONTH, Life


@pytest.fixture
def life():
    return Life()


def test_its_home_is_asked_once_more_right_before_each_write(life):
    for one in (HIDE, DELETE):
        items = life.plan_sets(one)
        life.restore(life.orphan)
        life.glances["R1"].calls.clear()
        assert {life.apply(item).reason for item in items} == {"kept"}
        assert life.glances["R1"].calls == [("get", life.orphan)] * 2
        life.glances["R1"].delete(life.orphan)
        life.hide() if one is HIDE else None
        life.pass_time(MONTH)


@pytest.mark.parametrize("where", ["R1", "R2"])
def test_nothing_is_done_after_an_error_of_a_write(life, where):
    life.lose()
    items = [one for one in life.plan_sets(HIDE) if one.target_region == "R2"]
    keeper = life.keeper("R2")
    method = "get" if where == "R1" else "update"
    life.glances[where].fail(method, unavailable(), times=1)
    outcomes = [life.keep(one, keeper) for one in items]
    assert [one.reason for one in outcomes] == ["region_unavailable", "orphan_guard"]
    assert outcomes[0].region_contacted == (where == "R2")
    assert not life.copy()["os_hidden"]


def test_nothing_is_done_after_an_error_of_another_write(life):
    item = next(one for one in life.plan_sets(HIDE) if one.target_region == "R2")
    for reason, then in ((Reason.QUOTA, "hidden"), (Reason.REGION_UNAVAILABLE, "orphan_guard")):
        keeper = life.keeper("R2")
        keeper.note(Outcome(reason))
        assert keeper.act(item.work).reason == then


def test_a_hidden_one_whose_answer_was_lost_is_hidden_again(life):
    item = next(one for one in life.plan_sets(HIDE) if one.target_region == "R2")
    life.glances["R2"].fail("update", unavailable(), times=1, when=AFTER)
    assert life.apply(item).reason == "region_unavailable"
    assert life.copy()["os_hidden"]
    assert not life.hidden
    life.pass_time(MONTH)
    assert life.of_orphan(DELETE)["R2"] == "hidden"
    assert life.hidden["R2", life.orphan].updated_at == life.copy()["updated_at"]


def test_a_deletion_whose_answer_was_lost_is_one(life):
    life.hide()
    life.pass_time(MONTH)
    item = next(one for one in life.plan_sets(DELETE) if one.target_region == "R2")
    life.glances["R2"].fail("delete", unavailable(), times=1, when=AFTER)
    assert life.apply(item).reason == "region_unavailable"
    assert life.apply(item).reason == "deleted"
    assert ("R2", life.orphan) not in life.hidden


def test_a_quota_that_is_used_up_is_told_as_one(life):
    item = next(one for one in life.plan_sets(HIDE) if one.target_region == "R2")
    life.glances["R2"].fail("update", exception.ImageRequestRejected("Too many", 413))
    assert life.apply(item).reason == "quota"


def test_members_are_asked_for_once(life):
    life.glances["R1"].purge()
    life.restore(life.orphan, visibility="shared")
    life.images("R2").update(
        life.orphan, [{"op": "add", "path": "/visibility", "value": "shared"}]
    )
    life.glances["R1"].delete(life.orphan)
    life.pass_time()
    life.hide()
    life.pass_time(MONTH)
    life.glances["R2"].calls.clear()
    items = [one for one in life.plan_sets(DELETE) if one.target_region == "R2"]
    assert [one.action for one in items] == ["delete"]
    assert life.glances["R2"].count()["members"] == 1


def test_an_engine_without_its_lease_writes_nothing(life):
    def lost():
        raise exception.LeaseLost("Another engine has it")

    for _ in range(2):
        item = next(one for one in life.plan_sets(DELETE) if one.target_region == "R2")
        before = life.copy()
        with pytest.raises(exception.LeaseLost):
            life.apply(item, may_write=lost)
        assert life.copy() == before
        life.hide() if not life.hidden else None
        life.pass_time(MONTH)
