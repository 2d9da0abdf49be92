"""An engine runs the rules that are due, with the trust of each."""

import pytest
import sqlalchemy as sa

from kingbird import events
from kingbird.db import api as db
from kingbird.engine import reaper
from kingbird.engine.rules import begin_due_runs, begin_event_runs
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.db.rows import PROJECT, make_due, rule_row, stored_rule, sync_set
from kingbird.tests.waiting import wait_for


@pytest.fixture
def rule(scene):
    """Give a rule about every image of R1, which is not due."""
    scene.keystone.trusts.add("rule-trust")
    return stored_rule(enabled=True, interval=0, sync=sync_set(["*"], ["R1"], ["*"]))


def ran(scene, rule):
    """Wait until the full run of a rule has ended, and return the rule."""
    wait_for(lambda: scene.get(rule_row(rule).full_job_id).status != "IN_PROGRESS")
    return rule_row(rule)


def run_again(scene, rule):
    before = rule_row(rule).full_job_id
    make_due(rule)
    wait_for(lambda: rule_row(rule).full_job_id != before)
    return ran(scene, rule)


def with_data(scene, **fields):
    image = scene.image(**fields)
    scene.glances["R1"].upload(image, b"data")
    return image


def test_images_spread_with_each_run(scene, rule):
    first = with_data(scene)
    scene.engine()
    found = ran(scene, rule)
    assert (found.state, found.failures) == ("OK", 0)
    second = with_data(scene)
    found = run_again(scene, rule)
    for region in ("R2", "R3"):
        assert {first, second} <= scene.glances[region].ids
    assert scene.get(found.full_job_id).trigger == "interval"
    job = db.jobs.get(PROJECT, found.full_job_id)
    assert job.request[0]["targets"] == ["R2", "R3"], "the regions of the day"
    assert found.sync_set["targets"] == ["*"]
    assert "rule-trust" in scene.keystone.trusts


def test_the_jobs_of_a_rule_share_a_token(scene, rule):
    with_data(scene)
    engine = scene.engine()
    ran(scene, rule)
    asked = scene.keystone.calls.count("token")
    run_again(scene, rule)
    # The double counts each look at the token's catalog, so the credentials are compared.
    assert list(engine._access._rule_auths) == ["rule-trust"]
    assert scene.keystone.calls.count("token") > asked
    assert "delete" not in scene.keystone.calls


@pytest.fixture
def told():
    """Keep what is told of the states of rules, with the state that is stored by then."""
    kept = []

    def keep(event):
        if isinstance(event, events.RuleStateChanged):
            row = db.rules.get(PROJECT, event.change.rule_id)
            kept.append((*event, row.state))

    events.subscribe(keep)
    yield kept
    events.unsubscribe(keep)


def test_a_change_of_state_is_told_once_and_after_it_is_stored(scene, rule, told):
    with_data(scene)
    scene.glances["R2"].fail("create", refused(403), times=None)
    scene.engine()
    ran(scene, rule)
    assert run_again(scene, rule).failures == 2
    scene.glances["R2"].heal()
    last = run_again(scene, rule)
    run_again(scene, rule)
    wait_for(lambda: len(told) == 2)
    (failing, _, first), (again, changed_at, second) = told
    assert (first, second) == ("FAILING", "OK")
    assert (failing.before, failing.state, failing.reason) == ("OK", "FAILING", "forbidden")
    assert failing.message
    assert (again.before, again.state, again.reason) == ("FAILING", "OK", None)
    assert changed_at == db.jobs.get(PROJECT, last.full_job_id).updated_at
    assert "rule-trust" not in str(told)


def test_a_rule_that_fails_says_why_and_is_in_order_again_by_itself(scene, rule):
    with_data(scene)
    scene.glances["R2"].fail("create", refused(403), times=None)
    scene.engine()
    found = ran(scene, rule)
    assert (found.state, found.reason, found.failures) == ("FAILING", "forbidden", 1)
    scene.glances["R2"].heal()
    found = run_again(scene, rule)
    assert (found.state, found.reason, found.failures) == ("OK", None, 0)


@pytest.mark.parametrize(
    ("disabled", "reason"), [(True, "credentials_lost"), (False, "trust_gone")]
)
def test_a_rule_whose_trust_gives_no_token_says_so(scene, rule, disabled, reason):
    with_data(scene)
    scene.keystone.trusts.clear()
    if disabled:
        scene.keystone.disabled.add("rule-trust")
    scene.engine()
    found = ran(scene, rule)
    assert (found.state, found.reason) == ("NO_CREDENTIALS", reason)
    assert found.message
    # The user is enabled again: the same trust works.
    scene.keystone.trusts.enable("rule-trust")
    assert run_again(scene, rule).state == "OK"


def test_a_rule_that_leaves_no_region_says_so(scene):
    scene.keystone.trusts.add("rule-trust")
    rule = stored_rule(enabled=True, sync=sync_set(["*"], ["*"], ["*"], preferred=[]))
    scene.keystone.regions = lambda auth: {}
    scene.engine()
    found = ran(scene, rule)
    assert (found.state, found.reason) == ("FAILING", "region_unavailable")
    assert "no region" in found.message


def test_a_run_goes_on_with_the_old_trust_and_deletes_it_at_its_end(scene, rule):
    with_data(scene)
    scene.keystone.trusts.add("new-trust")
    db.rules.update(
        rule,
        user_id=rule.user_id,
        is_admin=False,
        trust_id="new-trust",
        request_id=None,
        sync_set=rule.sync_set,
        **{name: getattr(rule, name) for name in db.rules.FIELDS},
    )
    scene.engine()
    assert scene.tidied(rule_row(rule).full_job_id) == "SUCCESS"
    assert scene.keystone.trusts == {"new-trust"}


def test_the_trust_of_a_deleted_rule_goes_with_its_last_run(scene, rule):
    with_data(scene)
    (job_id,) = db.rules.delete(rule)
    scene.engine()
    assert scene.tidied(job_id) == "CANCELLED"
    assert scene.keystone.trusts == set()


def test_the_reaper_leaves_the_trusts_of_rules(scene, rule, monkeypatch):
    monkeypatch.setattr(reaper, "ORPHANED_FOR", 0)
    scene.keystone.trusts.add("nobody's")
    engine = scene.engine(start=False)
    for _ in range(3):
        engine._reap()
    assert scene.keystone.trusts == {"rule-trust"}


def test_a_run_that_finds_nothing_to_do_keeps_no_row(scene, rule):
    with_data(scene)
    engine = scene.engine()
    ran(scene, rule)
    idle = run_again(scene, rule).full_job_id
    wait_for(lambda: scene.get(idle).trust_id is None)
    engine._reap()
    assert db.jobs.get(PROJECT, idle) is None
    assert [job.trigger for job in db.jobs.list_for_project(PROJECT)] == ["created"]


@pytest.mark.parametrize(
    ("as_service", "all_projects", "state"),
    [(True, True, "OK"), (True, False, "NO_CREDENTIALS"), (False, True, "NO_CREDENTIALS")],
)
def test_rules_about_every_project_may_outlive_their_admin(scene, as_service, all_projects, state):
    """Run with the service user's rights where an operator wants it."""
    scene.conf.set_override("run_as_service", as_service, group="rules")
    one = sync_set(["*"], ["R1"], ["*"], all_projects=all_projects)
    rule = stored_rule(enabled=True, is_admin=True, sync=one)
    image = with_data(scene)
    scene.engine()
    assert ran(scene, rule).state == state
    assert (image in scene.glances["R2"].ids) is (state == "OK")


# Events.


def heard(rule, *ids):
    assert db.marks.add([(rule.pk, one) for one in ids], settle=0.1) == len(ids)


def left(rule):
    """Return the number of marks that wait."""
    return db.marks.waiting([rule.pk]).get(rule.pk, (0, None))[0]


def event_jobs():
    jobs = db.jobs.list_for_project(PROJECT)
    return [job for job in jobs if job.trigger == "event"]


def test_an_image_that_an_event_named_spreads(scene, rule):
    engine = scene.engine()
    ran(scene, rule)
    image = with_data(scene)
    heard(rule, image, "gone")
    engine.look_at_rules()
    wait_for(lambda: left(rule) == 0)
    for region in ("R2", "R3"):
        assert image in scene.glances[region].ids
    (job,) = event_jobs()
    assert (job.status, job.rule_id) == ("SUCCESS", rule.id)
    assert {item.resource for item in db.jobs.list_items(job)} == {image}
    assert rule_row(rule).state == "OK"
    assert "delete" not in scene.keystone.calls


def test_an_image_comes_back_when_its_region_does(scene, rule, monkeypatch):
    monkeypatch.setattr(db.marks, "FIRST_RETURN", 100)
    scene.engine()
    ran(scene, rule)
    scene.glances["R2"].fail("create", unavailable(), times=None)
    image = with_data(scene)
    heard(rule, image)
    wait_for(lambda: rule_row(rule).state == "FAILING")
    assert rule_row(rule).reason == "region_unavailable"
    assert image in scene.glances["R3"].ids
    scene.glances["R2"].heal()
    wait_for(lambda: left(rule) == 0)
    assert image in scene.glances["R2"].ids
    wait_for(lambda: rule_row(rule).state == "OK")


def test_an_event_run_that_finds_all_in_order_keeps_no_row(scene, rule):
    image = with_data(scene)
    engine = scene.engine()
    ran(scene, rule)
    heard(rule, image)
    wait_for(lambda: left(rule) == 0)
    (job,) = event_jobs()
    wait_for(lambda: scene.get(job.id).trust_id is None)
    engine._reap()
    assert event_jobs() == []


def test_a_rule_with_too_many_marks_runs_in_full(scene, rule):
    scene.conf.set_override("max_marks", 2, group="rules")
    engine = scene.engine()
    first = ran(scene, rule).full_job_id
    with db.get_engine().begin() as bind:
        # Its marks wait for the full run, which is far away.
        bind.execute(sa.update(db.Rule).values(state="NO_CREDENTIALS", interval=86400))
    heard(rule, "a", "b", "c")
    engine._reap()
    assert left(rule) == 0
    wait_for(lambda: rule_row(rule).full_job_id != first)


def test_an_idle_round_asks_twice(database, scene, monkeypatch):
    stored_rule(enabled=True)
    readers = []
    plain = db.rule_runs.connection.reader
    monkeypatch.setattr(db.rule_runs.connection, "reader", lambda: readers.append(1) or plain())
    assert begin_due_runs() == 0
    assert begin_event_runs() == (0, False)
    assert len(readers) == 2
