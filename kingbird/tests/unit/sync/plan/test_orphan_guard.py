"""Nothing is hidden or deleted if so many orphans can not be true, or a home says nothing."""

import dataclasses

import pytest

from kingbird.sync import image as fields
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.plan.orphan_life import DELETE, HIDE, MONTH, Life
from kingbird.tests.unit.sync.scene import ALL3


@pytest.fixture
def life():
    return Life()


def test_more_than_ten_are_left_alone_but_for_a_limit(life):
    many = {life.orphan, *(life.lose() for _ in range(10))}
    found = life.run()
    assert {(name, region) for name, region in found} == {
        (name, region) for name in many for region in ("R2", "R3")
    }
    assert {(one.reason, one.status) for one in found.values()} == {("orphan_guard", "FAILURE")}
    assert "11 of its 11 images in R2; a run hides or deletes 10 at most" in (
        found[life.orphan, "R2"].message
    )
    assert not any(life.glances[region].count()["update"] for region in ALL3)
    assert {*life.reasons(dataclasses.replace(HIDE, orphan_limit=10)).values()} == {"orphan_guard"}
    assert {*life.reasons(dataclasses.replace(HIDE, orphan_limit=11)).values()} == {"hidden"}


def test_ten_are_few_and_each_region_counts_alone(life):
    many = {life.orphan, *(life.lose() for _ in range(9))}
    one_more = life.create("R1")["id"]
    life.sync(one_more, targets=("R3",))
    life.glances["R1"].delete(one_more)
    found = life.reasons()
    assert {found[name, "R2"] for name in many} == {"hidden"}
    assert {found[name, "R3"] for name in {*many, one_more}} == {"orphan_guard"}


def test_a_tenth_of_many_is_few(life):
    for _ in range(99):
        life.sync(life.create("R1")["id"], targets=("R2",))
    lost = {life.orphan, *(life.lose() for _ in range(10))}
    # Eleven of 110 in R2, and of eleven in R3.
    found = life.reasons()
    assert {found[name, "R2"] for name in lost} == {"hidden"}
    assert {found[name, "R3"] for name in lost} == {"orphan_guard"}


def test_those_that_were_hidden_before_do_not_count_again(life):
    life.hide()
    for _ in range(10):
        life.lose()
    reasons = life.reasons()
    assert sorted(reasons.values()) == ["hidden"] * 20 + ["orphaned"] * 2
    life.pass_time(MONTH)
    assert {*life.reasons(DELETE).values()} == {"orphan_guard"}
    assert {*life.reasons(dataclasses.replace(DELETE, orphan_limit=11)).values()} == {"deleted"}


def test_a_home_that_lists_nothing_has_deleted_nothing(life):
    life.glances["R1"].delete(life.kept)
    found = life.run()
    assert {one.reason for one in found.values()} == {"orphan_guard"}
    assert "R1 lists no image at all" in found[life.orphan, "R2"].message
    assert {*life.reasons(dataclasses.replace(HIDE, orphan_limit=99)).values()} == {"orphan_guard"}
    assert not life.copy()["os_hidden"]


def test_a_home_that_shows_its_own_copies_is_another_region(life):
    """Its endpoint leads to a Glance that has copies of its images."""
    # R3 has a copy of an image that R2 has not.
    other = life.create("R1")["id"]
    life.sync(other, targets=("R3",))
    life.glances["R2"].delete(life.orphan)
    life.glances["R1"] = life.glances["R2"]
    life.sync(life.create_in(2026, "R1", name="own of R2")["id"], sources=("R1",))
    marks = {fields.SOURCE_REGION: "R1", fields.SOURCE_ID: "1" * 8 + "-0000-4000-8000-" + "1" * 12}
    life.images("R2").create({"id": marks[fields.SOURCE_ID], **marks})
    found = life.run()
    assert {one.reason for (name, _), one in found.items() if name == other} == {"orphan_guard"}
    assert "as if its endpoint led to another region" in found[other, "R3"].message
    assert not life.glances["R3"].peek(other)["os_hidden"]


def test_a_snapshot_with_provenance_handed_on_shows_no_other_region(life):
    marks = {fields.SOURCE_REGION: "R1", fields.SOURCE_ID: life.kept}
    life.create("R1", name="snapshot", **marks)
    life.hide()


@pytest.mark.parametrize("region", ["R1", "R2"])
@pytest.mark.parametrize("page", [0, 1])
def test_nothing_is_done_after_an_error_of_a_list(life, region, page):
    # It is found on the first page, and the second one fails.
    first = life.lose(id="00000000-0000-4000-8000-000000000001")
    for _ in range(5):
        life.sync(life.create("R1")["id"], targets=("R2", "R3"))
    life.glances[region].page_size = 2
    seen = []

    def fails(detail):
        if not isinstance(detail, dict) or "os_hidden" in detail or "kingbird_forced" in detail:
            return None
        seen.append(detail)
        return unavailable() if len(seen) > page else None

    life.glances[region].fail("list", fails, times=None)
    found = life.reasons()
    assert found["*", region] == "region_unavailable"
    if region == "R1":
        assert "hidden" not in found.values()
    assert not life.copy()["os_hidden"]
    assert not life.glances["R2"].peek(first)["os_hidden"]


def test_nothing_is_done_if_the_lookup_at_home_fails(life):
    life.glances["R1"].fail(
        "list", lambda detail: unavailable() if isinstance(detail, tuple) else None, times=None
    )
    assert life.of_orphan() == {}
    life.glances["R1"].heal()
    life.hide()
    life.pass_time(MONTH)
    life.glances["R1"].fail(
        "list", lambda detail: unavailable() if isinstance(detail, tuple) else None, times=None
    )
    found = life.run(DELETE)
    assert {one.reason for one in found.values()} == {"orphaned"}
    assert "could not be asked" in found[life.orphan, "R2"].message


def test_a_home_that_left_the_catalog_is_unknown(life):
    life.upload("R3")
    life.hide()
    life.pass_time(MONTH)
    one = dataclasses.replace(DELETE, sources=("R3",), targets=("R1", "R2"))
    found = life.run(one, without=("R1",))
    assert (found[life.orphan, "R2"].reason, found[life.orphan, "R2"].status) == (
        "home_unknown",
        "SKIPPED",
    )
    assert life.copy()
    items = [one for one in life.plan_sets(DELETE) if one.work]
    assert [one.action for one in items] == ["delete"]
    outcomes = [life.keep(one, life.keeper(one.target_region, without=("R1",))) for one in items]
    assert {one.reason for one in outcomes} == {"home_unknown"}
