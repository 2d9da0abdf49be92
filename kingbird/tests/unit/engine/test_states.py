"""The stored state equals what a fresh comparison finds, whatever jobs and users did before."""

import random
import threading
from collections import Counter
from datetime import datetime
from unittest import mock

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kingbird import exception
from kingbird.db import api as db
from kingbird.engine import states, worker
from kingbird.sync.plan import coverage, wildcard
from kingbird.sync.request import Requester, SyncSet
from kingbird.tests.doubles.glance import AFTER, unavailable
from kingbird.tests.unit.db.rows import PROJECT, accepted_job, sync_set
from kingbird.tests.unit.engine.jobs import active, counts, wildcard_job
from kingbird.tests.unit.sync.scene import ALL3
from kingbird.tests.unit.sync.scene import Scene as Regions
from kingbird.tests.waiting import PATIENCE


def stored():
    """Return the stored states, with the values that differ."""
    with db.get_engine().connect() as bind:
        rows = bind.execute(sa.select(db.ImageState.__table__)).mappings()
        return {
            (row["image_id"], row["region"]): (row["state"], row["differences"] or {})
            for row in rows
        }


def compared(scene, *sets):
    """Return what a comparison of all regions finds now, past the database."""
    regions = Regions()
    regions.glances = scene.glances
    regions.unusable = {
        region: db.tombstones.find(PROJECT, region, ids)
        for region, ids in regions.contents.items()
    }
    everything = SyncSet(("*",), ALL3, ALL3, dry_run=True)
    regions.plan_sets(*(sets or (everything,)), caller=Requester(PROJECT))
    findings, _ = regions.planner.findings.take()
    return {
        (one.image_id, one.region): (one.kept, dict(one.differences))
        for one in findings
        if one.kept is not None
    }


def run(scene, *sets):
    job_id = wildcard_job(scene, *sets)
    scene.engines or scene.engine()
    scene.ended(job_id)
    return job_id


def named(scene, ids, **options):
    trust_id = scene.keystone.trusts.make()
    request = [sync_set(sorted(ids), ALL3, ALL3, preferred=[], **options)]
    job_id = accepted_job(trust_id=trust_id, request=request)
    scene.engines or scene.engine()
    scene.ended(job_id)


def test_a_plan_and_its_outcomes_are_one_state(scene):
    image = active(scene, name="one")
    run(scene, {"dry_run": True})
    assert stored() == {(image, "R2"): ("missing", {}), (image, "R3"): ("missing", {})}
    job_id = run(scene)
    assert stored() == {(image, "R2"): ("no_data", {}), (image, "R3"): ("no_data", {})}
    assert stored() == compared(scene)
    scene.glances["R2"].upload(image, b"data")
    job_id = run(scene)
    assert stored() == {(image, "R3"): ("no_data", {})}
    # A record is what was asked for.
    assert scene.get(job_id).status == "SUCCESS"
    assert counts(scene, job_id) == ({"SUCCESS": 3}, {"in_sync": 2, "no_data": 1})


def test_a_dry_run_has_items_of_copies_without_data(scene):
    image = active(scene)
    run(scene)
    items = scene.items(run(scene, {"dry_run": True}))
    assert {(one.target_region, one.status, one.reason) for one in items} == {
        ("R2", "PLANNED", "no_data"),
        ("R3", "PLANNED", "no_data"),
    }
    named(scene, [image])
    assert stored() == compared(scene)


def test_drift_tells_both_values(scene):
    image = active(scene, name="one", tags=["b", "a"])
    run(scene)
    copies = scene.glances["R2"].images_for(PROJECT)
    copies.update(image, [{"op": "replace", "path": "/name", "value": "u" * 255}])
    copies.update(image, [{"op": "add", "path": "/min_ram", "value": 5}])
    copies.update(image, [{"op": "replace", "path": "/tags", "value": ["c"]}])
    (item,) = scene.items(run(scene))
    values = {
        "name": {"source": "one", "target": "u" * 255},
        "min_ram": {"source": "0", "target": "5"},
        "tags": {"source": "a, b", "target": "c"},
    }
    assert item.differences == values
    assert stored()[image, "R2"] == ("drift", values)
    run(scene, {"on_drift": "update"})
    assert (
        stored()
        == compared(scene)
        == {
            (image, "R2"): ("no_data", {}),
            (image, "R3"): ("no_data", {}),
        }
    )


@pytest.mark.parametrize("is_slow", [True, False])
def test_a_copy_that_was_mended_while_others_compare_is_in_order(scene, is_slow):
    """The comparison has listed the copy, and ends before its repair does, or after it."""
    image = active(scene, name="one", visibility="private")
    run(scene, {"targets": ["R2"]})
    scene.glances["R2"].upload(image, b"data")
    change = [{"op": "replace", "path": "/name", "value": "other"}]
    scene.glances["R2"].images_for(PROJECT).update(image, change)
    run(scene, {"targets": ["R2"]})
    assert stored()[image, "R2"][0] == "drift"
    scene.conf.set_override("slow_region_timeout", 2 * PATIENCE, group="sync")
    listed, mended = threading.Event(), threading.Event()

    def note(detail):
        listed.set()

    def wait(detail):
        if is_slow:
            mended.wait(PATIENCE)

    scene.glances["R2"].fail("list", note, when=AFTER)
    scene.glances["R3"].fail("list", wait)
    comparison = wildcard_job(scene, {"dry_run": True})
    scene.engines[0].wake()
    assert listed.wait(PATIENCE)
    if not is_slow:
        scene.ended(comparison)
    repair = [sync_set([image], ["R1"], ["R2"], on_drift="update")]
    repair_id = accepted_job(trust_id=scene.keystone.trusts.make(), request=repair)
    scene.engines[0].wake()
    assert scene.ended(repair_id) == "SUCCESS"
    mended.set()
    assert scene.ended(comparison) == "SUCCESS"
    assert (image, "R2") not in stored()
    scene.glances["R2"].heal()
    scene.glances["R3"].heal()
    assert stored() == compared(scene)


def test_a_region_that_is_away_keeps_its_states(scene):
    image = active(scene)
    scene.glances["R3"].fail("list", unavailable(), times=None)
    run(scene)
    run(scene)
    assert stored() == {(image, "R2"): ("no_data", {})}
    away = db.state_figures.figures(PROJECT)["R3"]
    assert away.away_since is not None
    named(scene, [image])
    assert stored()[image, "R3"] == ("away", {})
    scene.glances["R3"].heal()
    run(scene)
    assert stored() == compared(scene)
    assert db.state_figures.figures(PROJECT)["R3"].away_since is None


def test_an_image_that_is_gone_has_no_state(scene):
    image, other = active(scene), active(scene)
    run(scene)
    for region in ALL3:
        scene.glances[region].delete(image)
    named(scene, [image])
    assert {pair[0] for pair in stored()} == {other}
    scene.glances["R1"].delete(other)
    run(scene)
    # Its copies are left, until they are deleted.
    orphans = {(other, region): ("orphan", {}) for region in ("R2", "R3")}
    assert stored() == orphans
    for region in ("R2", "R3"):
        scene.glances[region].delete(other)
    run(scene)
    assert stored() == compared(scene) == {}


def test_a_region_that_is_mostly_empty_keeps_figures(scene, monkeypatch):
    monkeypatch.setattr(states, "BULK", 3)
    for _ in range(5):
        active(scene)
    run(scene, {"dry_run": True})
    assert stored() == {}
    figures = db.state_figures.figures(PROJECT)
    assert [figures[name].bulk for name in ALL3] == [{}, {"missing": 5}, {"missing": 5}]
    assert [figures[name].images for name in ALL3] == [5, 5, 5]
    run(scene)
    figures = db.state_figures.figures(PROJECT)
    assert figures["R2"].bulk == {"no_data": 5}
    assert stored() == {}
    for image in sorted(scene.glances["R2"].ids)[1:]:
        scene.glances["R2"].upload(image, b"data")
    run(scene)
    assert len(stored()) == 1
    assert stored().keys() == {pair for pair in compared(scene) if pair[1] == "R2"}


def test_a_forced_copy_is_the_images_copy(scene):
    image = active(scene)
    scene.glances["R2"].images_for(PROJECT).create({"id": image})
    scene.glances["R2"].delete(image)
    run(scene, {"targets": ["R2"]})
    assert stored() == {(image, "R2"): ("missing", {})}
    for _ in range(2):
        run(scene, {"targets": ["R2"], "force": True})
        assert stored() == {(image, "R2"): ("no_data", {})}
    (copy,) = scene.glances["R2"].ids
    scene.glances["R2"].upload(copy, b"data")
    run(scene, {"targets": ["R2"]})
    assert stored() == {}


def test_a_forced_copy_beside_the_images_own_changes_nothing(scene):
    image = active(scene, name="one")
    own = {"id": image, "name": "other", "disk_format": "raw", "container_format": "bare"}
    scene.glances["R2"].images_for(PROJECT).create({**own, "visibility": "private"})
    run(scene, {"targets": ["R2"]})
    before = stored()
    assert before[image, "R2"][0] == "drift"
    named(scene, [image], force=True)
    assert stored()[image, "R2"] == before[image, "R2"]
    assert len(scene.glances["R2"].ids) == 2


def statements_on_states(scene, *sets):
    """Return how many statements of each kind a job makes about the states of images."""
    engine = db.get_engine()
    seen = Counter()

    def note(connection, cursor, statement, *_):
        if "image_states" in statement:
            seen[statement.split()[0]] += 1

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        # On a busy machine a batch would be written before it is full.
        with mock.patch.object(worker, "FLUSH_SECONDS", 3600):
            run(scene, *sets)
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return seen


def test_statements_are_as_few_as_batches(scene):
    """No image has a transaction, or a statement, of its own."""
    for _ in range(30):
        active(scene)
    seen = statements_on_states(scene)
    # The plan has one batch, and the stretch that it covers, which is looked at ahead too.  Each
    # region's outcomes are one batch.
    plan = {"SELECT": 3, "INSERT": 1}
    assert seen == Counter(plan) + Counter({"SELECT": 2, "UPDATE": 2})


def test_copies_that_are_only_counted_make_no_batches(scene, monkeypatch):
    """Where nearly all copies lack data, nothing but their number is kept of them."""
    for _ in range(40):
        active(scene)
    run(scene)
    monkeypatch.setattr(states, "BULK", 3)
    monkeypatch.setattr(wildcard, "BATCH", 2)
    monkeypatch.setattr(wildcard, "CHECKED", 4)
    seen = statements_on_states(scene)
    figures = db.state_figures.figures(PROJECT)
    assert [figures[name].images for name in ALL3] == [40, 40, 40]
    assert [figures[name].bulk for name in ALL3] == [{}, {"no_data": 40}, {"no_data": 40}]
    assert stored() == {}
    # The first batch looks for its copies, and each one for what else it covers, ahead and as it
    # is stored: after the second it is known how many there are, and the third has the other 36
    # images.  The rows of two regions are looked for at the end.
    assert seen["SELECT"] == 1 + 3 * 2 + 2


@pytest.fixture
def ages(scene, monkeypatch):
    """Give twenty images old states before plans of many batches, and tell whether all are old."""
    monkeypatch.setattr(wildcard, "BATCH", 2)
    monkeypatch.setattr(wildcard, "CHECKED", 4)
    old = datetime(2001, 1, 1)
    for n in range(20):
        active(scene, name=f"one {n}")
    run(scene, {"dry_run": True})
    with db.get_engine().begin() as bind:
        bind.execute(sa.update(db.ImageState).values(since=old))

    def ages():
        with db.get_engine().connect() as bind:
            return Counter(bind.scalars(sa.select(db.ImageState.since == old)))

    return ages


def test_states_keep_their_ages_while_names_wait(scene, ages):
    """The images of a stretch are covered before the findings of those that wait are stored."""
    before = stored()
    seen = statements_on_states(scene, {"dry_run": True})
    assert seen["SELECT"] > 10, "there are several batches"
    assert seen["DELETE"] == seen["INSERT"] == 0
    assert stored() == before
    assert ages() == {True: 40}


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_a_plan_that_is_broken_off_while_names_wait_is_made_anew(scene, monkeypatch, ages, batch):
    """Another engine plans all of it; what waited was stored nowhere, and keeps its age."""
    held = []
    hold = db.plans.PlanWriter.hold

    def break_off(plan, *args):
        hold(plan, *args)
        held.append(plan)
        if len(held) == batch:
            plan.flush()
            raise exception.Unavailable("The engine stops; another one plans the job")

    monkeypatch.setattr(db.plans.PlanWriter, "hold", break_off)
    job_id = run(scene, {"dry_run": True})
    assert len({id(one) for one in held}) == 2
    assert len(scene.items(job_id)) == 40
    assert stored() == compared(scene)
    assert ages() == {True: 40}


def test_a_region_that_kept_no_rows_gets_none_before_it_has_to(scene, monkeypatch):
    """Otherwise each comparison would store the first of them, and delete them at its end."""
    monkeypatch.setattr(states, "BULK", 3)
    monkeypatch.setattr(states, "AT_ONCE", 2)
    monkeypatch.setattr(wildcard, "BATCH", 2)
    monkeypatch.setattr(wildcard, "CHECKED", 4)
    for _ in range(9):
        active(scene)
    run(scene)
    assert "INSERT" not in statements_on_states(scene)
    assert db.state_figures.figures(PROJECT)["R2"].bulk == {"no_data": 9}
    assert stored() == {}
    for image in sorted(scene.glances["R2"].ids)[:4]:
        scene.glances["R2"].upload(image, b"data")
    # Those that are left in R2 are not nearly all of its images any more.
    run(scene)
    assert db.state_figures.figures(PROJECT)["R2"].bulk == {}
    assert {region for _, region in stored()} == {"R2"}
    assert stored() == {pair: one for pair, one in compared(scene).items() if pair[1] == "R2"}


#: An image that does not exist.
GONE = "eeeeeeee-0000-4000-8000-00000000000e"
#: The changes of a user by hand, and the jobs that may follow.
HANDS = ("create", "rename", "delete", "upload", "nothing")
WALKS: tuple[dict[str, object], ...] = (
    {},
    {"on_drift": "update"},
    {"dry_run": True},
    {"force": True},
)
#: A rule from one region to others, whose source lists what is selected alone.
ONE_WAY = {"sources": ["R1"], "targets": ["R2", "R3"], "filters": {"name": "a"}}
JOBS = ("named", "forced", "updated", "filtered", "other filter", "one way", "one region")


def by_hand(scene, choose, what):
    """Change something in one region."""
    there = [(name, image) for name in ALL3 for image in sorted(scene.glances[name].ids)]
    if what == "create" or not there:
        active(scene, choose.choice(ALL3), name=choose.choice("ab"))
        return
    region, image = choose.choice(there)
    glance = scene.glances[region]
    if what == "rename":
        change = [{"op": "replace", "path": "/name", "value": choose.choice("abc")}]
        glance.images_for(PROJECT).update(image, change)
    elif what == "delete":
        glance.delete(image)
    elif what == "upload" and glance.peek(image)["status"] == "queued":
        glance.upload(image, choose.choice([b"data", b"other"]))


def some_job(scene, choose, what):
    """Run a job that compares some of the images."""
    ids = sorted({image for name in ALL3 for image in scene.glances[name].ids})
    some = choose.sample(ids, choose.randint(0, len(ids))) or [
        "eeeeeeee-0000-4000-8000-00000000000e"
    ]
    if what == "named":
        named(scene, some)
    elif what == "forced":
        named(scene, some, force=True)
    elif what == "updated":
        named(scene, some, on_drift="update")
    elif what == "filtered":
        run(scene, {"filters": {"name": "a"}})
    elif what == "other filter":
        run(scene, {"filters": {"name": "b"}, "on_drift": "update"})
    elif what == "one way":
        run(scene, ONE_WAY)
    else:
        run(scene, {"targets": [choose.choice(ALL3)]})


def states_of(region):
    return {pair: found for pair, found in stored().items() if pair[1] == region}


# A simpler example takes minutes to find, as each one is a row of jobs.
@settings(
    max_examples=12,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(
    st.integers(0, 2**32),
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(HANDS), max_size=3),
            st.sampled_from((None, None, *ALL3)),
            st.sampled_from(WALKS),
            st.lists(st.sampled_from(JOBS), max_size=2),
        ),
        min_size=1,
        max_size=3,
    ),
)
def test_the_state_is_what_a_comparison_finds(scene, seed, rounds):
    choose = random.Random(seed)
    for glance in scene.glances.values():
        glance.clear()
    with db.get_engine().begin() as bind:
        for model in (db.ImageState, db.RegionState, db.Job):
            bind.execute(sa.delete(model))
    active(scene, name="a")
    for hands, away, walk, jobs in rounds:
        for what in hands:
            by_hand(scene, choose, what)
        if away is not None:
            scene.glances[away].fail("list", unavailable(), times=None)
            before = states_of(away)
            run(scene, walk)
            assert states_of(away) == before
            scene.glances[away].heal()
        run(scene, walk)
        assert stored() == compared(scene), walk
        # These jobs tell their changes, and images that they do not look at have not changed.
        for what in jobs:
            some_job(scene, choose, what)
            assert stored() == compared(scene), what


def test_an_image_that_is_not_selected_keeps_its_state(scene):
    """The source's list leaves it out, as it does with an image that is gone."""
    images = {name: active(scene, name=name) for name in "abc"}
    run(scene, {"dry_run": True})
    run(scene, ONE_WAY)
    missing = {image for (image, _region), (state, _) in stored().items() if state == "missing"}
    assert missing == {images["b"], images["c"]}
    assert stored() == compared(scene)
    scene.glances["R1"].delete(images["b"])
    run(scene, ONE_WAY)
    assert stored() == compared(scene)


def test_an_orphan_that_is_not_selected_keeps_its_state(scene):
    orphan = active(scene, name="b")
    run(scene)
    scene.glances["R1"].delete(orphan)
    run(scene, {"dry_run": True})
    before = stored()
    assert before == {(orphan, region): ("orphan", {}) for region in ("R2", "R3")}
    run(scene, ONE_WAY)
    assert stored() == before == compared(scene)


def test_a_copy_is_in_order_while_another_region_is_decided_about_later(scene):
    """Forced copies are looked for at the end of the walk, in the region without the image."""
    image = active(scene)
    run(scene, {"targets": ["R3"]})
    assert stored() == {(image, "R3"): ("no_data", {})}
    scene.glances["R3"].upload(image, b"data")
    run(scene, {"force": True})
    assert stored() == {(image, "R2"): ("no_data", {})} == compared(scene)


def test_a_source_that_has_failed_is_not_asked_what_is_gone(scene):
    active(scene, name="b")
    run(scene, {"dry_run": True})
    before, asked = stored(), []

    def walks(detail):
        if isinstance(detail, dict):
            return unavailable()
        asked.append(detail)
        return None

    scene.glances["R1"].fail("list", walks, times=None)
    run(scene, ONE_WAY)
    assert asked == []
    assert stored() == before


def test_what_is_not_asked_for_keeps_its_state(scene, monkeypatch):
    gone = active(scene, name="b")
    run(scene, {"dry_run": True})
    scene.glances["R1"].delete(gone)
    before = stored()
    monkeypatch.setattr(coverage, "ASKED", 0)
    run(scene, ONE_WAY)
    assert stored() == before
    monkeypatch.undo()
    # Calls that name ids fail.
    by_ids = lambda detail: None if isinstance(detail, dict) else unavailable()  # noqa: E731
    scene.glances["R1"].fail("list", by_ids, times=None)
    run(scene, ONE_WAY)
    assert stored() == before
    scene.glances["R1"].heal()
    run(scene, ONE_WAY)
    assert stored() == {}


@pytest.mark.parametrize("filters", [{"name": "a"}, {"name": "b"}])
def test_a_walk_with_filters_deletes_what_it_finds_in_order(scene, filters):
    """A rule may be all that ever looks."""
    images = {name: active(scene, name=name) for name in "ab"}
    run(scene)
    for image in images.values():
        scene.glances["R2"].upload(image, b"data")
    run(scene, {"filters": filters})
    left = {pair for pair in stored() if pair[1] == "R2"}
    assert left == {(image, "R2") for name, image in images.items() if name != filters["name"]}
