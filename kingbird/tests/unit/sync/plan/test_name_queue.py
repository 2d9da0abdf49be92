"""A walk asks a target for names by the hundred, however often it stores what it has found."""

from collections import Counter

import pytest

from kingbird.sync.plan import name_queue, wildcard
from kingbird.tests.doubles.glance import unavailable
from kingbird.tests.unit.sync.plan.wildcards import active, copied
from kingbird.tests.unit.sync.plan.wildcards import wildcard as one_set
from kingbird.tests.unit.sync.scene import DEMO, Scene

TARGETS = ("R2", "R3")


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def often(monkeypatch):
    """Store what is found as soon as eight images wait."""
    monkeypatch.setattr(wildcard, "BATCH", 4)
    monkeypatch.setattr(wildcard, "CHECKED", 8)


def id_of(number):
    """Return an id, so that images come in the order in which they are made."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def plan(scene, *sets):
    """Return the batches of a plan, the findings of which are taken as an engine takes them."""
    batches = []
    for batch in scene.batches(*sets):
        batches.append((batch, *scene.planner.findings.take()))
    return batches


def items_of(batches):
    return [item for batch, _, _ in batches for item in batch]


def names_asked(scene, region):
    """Return how many names each call has named."""
    calls = [what for name, what in scene.glances[region].calls if name == "list"]
    asked = [what["name"][0] for what in calls if isinstance(what, dict) and "name" in what]
    return [one.count('"') // 2 if one.startswith("in:") else 1 for one in asked]


def calls_for(number):
    """Return the numbers of names that the fewest calls have."""
    return [100] * (number // 100) + [number % 100] * (number % 100 > 0)


@pytest.mark.parametrize(
    ("missing", "in_sync"), [(30, 10), (100, 0), (101, 60), (230, 100), (99, 20)]
)
def test_names_fill_calls(scene, often, missing, in_sync):
    for n in range(missing):
        active(scene, id=id_of(2 * n), name=f"n{n}")
    for n in range(in_sync):
        image = active(scene, id=id_of(2 * n + 1))
        for region in TARGETS:
            copied(scene, image, region)
    batches = plan(scene, one_set(targets=TARGETS))
    for region in TARGETS:
        assert names_asked(scene, region) == calls_for(missing)
    assert len(items_of(batches)) == 2 * missing
    assert sum(bool(stretches) for _, _, stretches in batches) > (missing + in_sync) // 12


def test_each_target_has_full_calls_of_its_own(scene, often):
    """One lacks every image, and the other one in ten."""
    for n in range(250):
        image = active(scene, id=id_of(n), name=f"n{n}")
        if n % 10:
            copied(scene, image, "R3")
    items = items_of(plan(scene, one_set(targets=TARGETS)))
    assert Counter(item.target_region for item in items) == {"R2": 250, "R3": 25}
    assert names_asked(scene, "R2") == [100, 100, 50]
    assert names_asked(scene, "R3") == [25]


def test_what_is_found_is_stored_while_names_wait(scene, often):
    """Each stretch that is stored says which findings of its images come later."""
    for n in range(60):
        image = active(scene, id=id_of(n))
        if n % 3:
            copied(scene, image)
    batches = [one for one in plan(scene, one_set()) if one[2]]
    assert len(batches) > 4
    made = items_of(batches)
    assert len(made) == 20
    for batch, findings, (stretch,) in batches[:-1]:
        assert batch == []
        assert len(findings) <= 12
        passed = {(one.resource, "R2", DEMO) for one in made if one.resource < stretch.end}
        assert passed <= stretch.awaited
    assert len(stretch.awaited) > 15


def test_all_that_is_left_is_in_the_last_stretch(scene, often):
    for _ in range(30):
        active(scene)
    ((batch, _, (stretch,)),) = [one for one in plan(scene, one_set()) if one[0]]
    assert len(batch) == 30
    assert not stretch.awaited


def test_long_names_fill_calls_too(scene, often):
    """The length of a query is bounded."""
    for n in range(40):
        active(scene, name=f"{n:03}" + "x" * 147)
    plan(scene, one_set())
    # Quotes and a comma are escaped, and take nine characters.
    each = 3500 // (150 + 9)
    assert names_asked(scene, "R2") == [each, 40 - each]


@pytest.mark.parametrize("held", [25, 45])
def test_no_more_items_wait_than_memory_is_meant_for(scene, often, monkeypatch, held):
    """The target with most of them is asked before its call is full."""
    monkeypatch.setattr(name_queue, "HELD", held)
    for n in range(60):
        image = active(scene, id=id_of(n))
        if n % 6:
            copied(scene, image, "R3")
    batches = plan(scene, one_set(targets=TARGETS))
    waiting = [len(one.awaited) for _, _, stretches in batches for one in stretches]
    assert held - 12 <= max(waiting) <= held
    assert names_asked(scene, "R3") == [10]
    assert sum(names_asked(scene, "R2")) == 60
    assert len(names_asked(scene, "R2")) > 60 // held


def test_images_of_one_name_wait_in_bounds(scene, often, monkeypatch):
    """One name never fills a call."""
    monkeypatch.setattr(name_queue, "HELD", 20)
    for n in range(60):
        active(scene, name="Debian", data=b"%d" % n)
    batches = plan(scene, one_set())
    waiting = [len(one.awaited) for _, _, stretches in batches for one in stretches]
    assert max(waiting) <= 20
    assert len(names_asked(scene, "R2")) == 3


def test_the_first_image_of_a_name_is_made(scene, often):
    """The others have the same data, and are in later batches."""
    ids = sorted(active(scene, name="Debian")["id"] for _ in range(30))
    items = {item.resource: item for item in items_of(plan(scene, one_set(skips_same_name=True)))}
    assert [one for one in ids if items[one].action == "create"] == ids[:1]
    assert {items[one].target_resource for one in ids[1:]} == {ids[0]}


def test_what_needs_no_name_does_not_wait(scene, often):
    for _ in range(40):
        active(scene, os_hidden=True)
    batches = plan(scene, one_set())
    assert not any(one.awaited for _, _, stretches in batches for one in stretches)
    assert names_asked(scene, "R2") == []
    assert len(items_of(batches)) == 40


def test_a_name_that_has_a_call_of_its_own_does_not_wait(scene, often):
    for n in range(20):
        active(scene, name=f'q"{n}')
    batches = plan(scene, one_set())
    assert not any(one.awaited for _, _, stretches in batches for one in stretches)
    assert names_asked(scene, "R2") == [1] * 20


def test_a_region_that_lists_no_names_ends_the_items_that_waited(scene, often):
    scene.glances["R2"].fail(
        "list",
        lambda asked: unavailable() if isinstance(asked, dict) and "name" in asked else None,
        times=None,
    )
    for _ in range(30):
        active(scene)
    items = items_of(plan(scene, one_set(targets=TARGETS, skips_same_name=True)))
    found = Counter((item.target_region, item.action) for item in items)
    assert found == {("R2", "none"): 30, ("R3", "create"): 30}
