"""Simulate engines with costs that are easy to reckon with."""

import dataclasses
import math
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from benchmarks.simulation import figures, options, scenario
from benchmarks.simulation.costs import Cost, Costs
from benchmarks.simulation.run import Simulation
from benchmarks.simulation.scenario import JobRequest
from benchmarks.simulation.stations import Region
from benchmarks.simulation.waiting import Waiting
from kingbird.db import api as db
from kingbird.db import turns
from kingbird.engine.service import Engine
from kingbird.tests.unit.db.rows import LEASE, accepted_job, planned_job, row, sync_set

REGIONS = [f"R{n}" for n in range(1, 7)]
TRANSACTIONS = [
    field.name for field in dataclasses.fields(Costs) if field.name not in ("item", "token")
]
COSTS = Costs(**dict.fromkeys(TRANSACTIONS, Cost(0.004, 0.002, 4, 1)), item=0.003, token=0.05)
FREE = Costs(**dict.fromkeys(TRANSACTIONS, Cost(0, 0, 0, 0)), item=0.0, token=0.0)
#: Glances that work on as many calls at a time as an engine makes, and on any number.
CLOUD = scenario.Cloud(REGIONS, record=0.1, page=0.05, workers=8)
FAST = scenario.Cloud(REGIONS, record=0.1, page=0.05, workers=math.inf)


def jobs(seed=1, images=300, number=20):
    return scenario.jobs(seed, images, number, 5, REGIONS, within=10)


def run(requests, engines=3, cloud=CLOUD, costs=COSTS, **changed):
    return Simulation(requests, engines, cloud, costs, options.options(**changed)).run()


def test_a_seed_gives_the_same_figures_and_another_one_others():
    assert figures.figures(run(jobs())) == figures.figures(run(jobs()))
    assert figures.figures(run(jobs())) != figures.figures(run(jobs(seed=2)))


def test_the_requests_name_all_images_and_no_project_asks_for_too_much():
    asked = scenario.jobs(1, 100_000, 1_000, 15, REGIONS, within=10)
    assert sum(one.images for one in asked) == 100_000
    by_project = [sum(one.project == name for one in asked) for name in {o.project for o in asked}]
    assert len(by_project) == 15
    assert max(by_project) == 100


@pytest.mark.parametrize("engines", [1, 7])
@pytest.mark.parametrize("max_tasks", [1, 2, 16])
def test_every_item_is_written_once(engines, max_tasks):
    done = run(jobs(), engines, max_tasks=max_tasks)
    assert done.written == 300 * 5
    assert done.tasks_done == 20 * 5
    assert not len(done.tasks)
    assert not len(done.jobs)
    posted = sum(region.calls for region in done.regions.values())
    members = sum(len(job.read_by) * round(0.25 * job.request.images) for job in done.all_jobs)
    lists = sum(
        1 + 5 * options.lists_of_target(one.images)[0] for one in jobs() if one.images <= 100
    )
    assert posted == 300 * 5 + members + lists
    for engine in done.engines:
        assert engine.slots.claimable().full_projects == []


def test_the_jobs_in_progress_are_as_many_as_their_rate_and_time_say():
    done = run(jobs())
    waited = sum(job.ended_at - job.request.at for job in done.all_jobs)
    assert done.open_seconds == pytest.approx(waited)


def test_a_job_alone_takes_the_time_of_its_calls():
    only = [JobRequest(0, "p", 40, "R1", ["R2", "R3"])]
    done = run(only, 1, FAST, FREE)
    # Four lists in a row, and forty records by eight at a time.
    assert done.all_jobs[0].ended_at == pytest.approx(4 * 0.05 + 5 * 0.1)


def test_no_region_gives_more_than_it_has():
    done = run([JobRequest(0, "p", 1000, "R1", REGIONS[1:])] * 4, 6, CLOUD, FREE)
    least = 4 * 1000 * CLOUD.record / CLOUD.workers
    assert least <= figures.figures(done).seconds <= 1.2 * least


def test_twice_the_engines_are_twice_as_fast_until_the_regions_are_not():
    many = [JobRequest(0, f"p{n}", 200, "R1", REGIONS[1:]) for n in range(80)]
    one, two = (figures.figures(run(many, n, FAST, FREE)).seconds for n in (1, 2))
    assert one / two == pytest.approx(2, rel=0.2)
    one, two = (figures.figures(run(many, n, CLOUD, FREE)).seconds for n in (2, 4))
    assert one / two == pytest.approx(1, rel=0.1)


def test_a_limit_of_all_engines_together_is_shared():
    for engines in (1, 3, 50):
        settings = options.options(region_concurrency_total=24)
        conf = SimpleNamespace(
            sync=SimpleNamespace(region_concurrency=8, region_concurrency_total=24)
        )
        real = SimpleNamespace(_conf=conf, _number_of_engines=engines)
        assert settings.calls_at_a_time(engines) == Engine._calls_at_a_time(real)


def test_engines_share_a_region_and_each_has_a_limit():
    events = []
    region = Region(4, 6, lambda *event: events.append(event))
    ended = {}

    def begin(now, engine, calls, name):
        region.begin(now, engine, calls, 1.0, lambda: ended.setdefault(name, clock[0]))

    clock = [0.0]
    begin(0.0, 1, 8, "alone")
    begin(0.0, 2, 12, "first of two")
    begin(0.0, 2, 6, "second of two")
    while events:
        events.sort(key=lambda event: event[0])
        time, function, *arguments = events.pop(0)
        clock[0] = time
        function(time, *arguments)
    # Three calls each at a time, until the first engine has nothing left; then four.
    assert ended["alone"] == pytest.approx(8 / 3)
    assert ended["second of two"] == pytest.approx(8 / 3 + 1)
    assert ended["first of two"] == pytest.approx(8 / 3 + 1 + 6 / 4)


@pytest.fixture
def moment(database, monkeypatch):
    """Let all work come at the same moment."""
    monkeypatch.setattr(turns, "now_ms", lambda: sa.literal(1_000))
    return database


@pytest.fixture
def still():
    """Make a simulation in which no engine looks for work."""
    made = Simulation([], 1, CLOUD, FREE, options.options())
    made.engines[0].wake = lambda now: None
    return made


def accept(still, project, images, targets):
    """Let a simulation accept a job one second after its beginning, and return it."""
    still._accept(1.0, JobRequest(1.0, project, images, "R1", targets))
    return still.all_jobs[-1]


#: Projects with the numbers of images of their jobs.
ASKED = [("a", 500), ("a", 1), ("b", 40), ("a", 3), ("c", 900), ("b", 1), ("c", 2), ("a", 700)]


def test_jobs_are_taken_in_the_order_of_the_database(moment, still):
    names = {}
    for number, (project, images) in enumerate(ASKED, start=1):
        wanted = sync_set([f"i{n}" for n in range(images)], ["R1"])
        names[accepted_job(project=32 * project, request=[wanted])] = number
        accept(still, project, images, ["R2"])
    found = []
    while claim := db.leases.claim_job("e", LEASE):
        found.append(names[claim.job.id])
    assert [still.jobs.take().number for _ in ASKED] == found
    assert still.jobs.take() is None


@pytest.mark.parametrize("full_regions", [(), ("R3",)])
def test_tasks_are_taken_in_the_order_of_the_database(moment, still, full_regions):
    plans = [("a", ["R2", "R3"]), ("b", ["R3"]), ("a", ["R2", "R4"]), ("c", ["R2", "R3", "R4"])]
    names = {}
    for number, (project, regions) in enumerate(plans, start=1):
        items = [row("i1", region) for region in regions]
        names[planned_job(*items, project=32 * project, targets=regions)] = number
        for task in still.tasks_of(1.0, accept(still, project, 1, regions)):
            still.add_task(task)
    found = []
    while claim := db.leases.claim_task("e", LEASE, excluded_regions=full_regions):
        found.append((names[claim.job.id], claim.task.region))
    taken = []
    while (work := still.tasks.take(full_regions=full_regions)) is not None:
        taken.append((work.job.number, work.region))
    assert taken == found
    assert len(found) == (5 if full_regions else 8)


def test_a_full_project_is_passed_by():
    waiting = Waiting()
    for turn, project, region in ((1, "a", "R1"), (2, "a", "R2"), (3, "b", "R1"), (4, "b", "R2")):
        waiting.add(turn, project, region, turn)
    assert waiting.take(["a"], ["R1"]) == 4
    assert waiting.take(["a", "b"]) is None
    assert [waiting.take(), waiting.take(), waiting.take()] == [1, 2, 3]
    assert waiting.take() is None
