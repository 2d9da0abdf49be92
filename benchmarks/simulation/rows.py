"""The rows of the simulation: checked against real engines, and far beyond this machine."""

import math
from collections.abc import Iterator

from benchmarks.simulation import checked, figures, measured, scenario
from benchmarks.simulation.checked import Shape
from benchmarks.simulation.costs import Costs
from benchmarks.simulation.options import options
from benchmarks.simulation.run import Simulation
from benchmarks.table import Row
from benchmarks.world import World

#: Engines of the runs that the simulation is checked against, and what they work on.
ENGINES = (1, 2, 4)
CHECK, QUICK = Shape(12, 40, 9, 1000.0), Shape(4, 10, 5, 500.0)
#: One engine writes many records into one region, for its processor time.
COUNTED, QUICKLY_COUNTED = Shape(2, 500, 3, 20.0), Shape(2, 100, 3, 20.0)
#: How far the simulated time may be from the measured one.
DEVIATION = 0.25
SEED = 14
#: Calls that a real Glance works on at a time, and seconds of a record and of a list by ids: one
#: process made 40 records a second (the row "real Glance"), and four make what a region has.
WORKERS, RECORD, LIST = 4, 0.025, 0.1
#: Jobs that an API with two workers accepts a second (the row "POST").
ACCEPTED = 61
#: Images, regions, jobs, projects and engines.
PLANS = (
    (1_000, 3, 100, 50, 2),
    (1_000, 20, 100, 50, 2),
    (1_000, 100, 100, 50, 2),
    (100_000, 3, 1_000, 500, 2),
    (100_000, 20, 1_000, 500, 4),
    (100_000, 100, 1_000, 500, 20),
    (1_000_000, 3, 10_000, 500, 4),
    (1_000_000, 20, 10_000, 500, 10),
    (1_000_000, 100, 10_000, 500, 50),
)


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Measure costs and real runs, and simulate these and larger ones."""
    if not world.is_complete:
        return
    counted = checked.run(world, 1, QUICKLY_COUNTED if quick else COUNTED)
    records = sum(job.images * len(job.targets) for job in counted.requests)
    costs = measured.measure(
        "MariaDB", item=counted.cpu / records, token=checked.token_seconds(world)
    )
    shape = QUICK if quick else CHECK
    for engines in ENGINES:
        yield _check(world, engines, shape, costs)
    for plan in PLANS[:3] if quick else PLANS:
        yield _plan(costs, *plan)


def _check(world: World, engines: int, shape: Shape, costs: Costs) -> Row:
    real = checked.run(world, engines, shape)
    source, targets = real.requests[0].source, real.requests[0].targets
    seconds = shape.latency / 1000
    cloud = scenario.Cloud(
        [source, *targets], seconds, seconds, math.inf, databases=2, keystones=2
    )
    settings = options(poll_interval=60)
    found = figures.figures(Simulation(real.requests, engines, cloud, costs, settings).run())
    statements = found.statements * found.seconds
    return Row(
        f"simulated against measured: {shape.jobs} jobs of {shape.images} images for "
        f"{shape.regions - 1} regions, an answer takes {shape.latency:.0f} ms, {engines} engines",
        abs(found.seconds / real.seconds - 1),
        DEVIATION,
        f"simulated {found.seconds:.1f} s, measured {real.seconds:.1f} s; statements "
        f"{statements:.0f}, {real.spent.statements}; calls a region {found.calls:.0f}, "
        f"{real.calls:.0f}; lists of members {found.members:.0f}, {real.members}; processor "
        f"time of the engines {found.engines * found.seconds * engines:.1f} s, {real.cpu:.1f} s",
    )


def _plan(costs: Costs, images: int, regions: int, jobs: int, projects: int, engines: int) -> Row:
    names = [f"R{number:03}" for number in range(regions)]
    cloud = scenario.Cloud(names, RECORD, LIST, WORKERS)
    asked = scenario.jobs(SEED, images, jobs, projects, names, jobs / ACCEPTED)
    found = figures.figures(Simulation(asked, engines, cloud, costs, options()).run())
    return Row(
        f"simulated: {images:,} images for {regions} regions, {jobs:,} jobs of {projects} "
        f"projects at once, {engines} engines",
        found.seconds,
        None,
        str(found),
        unit="s",
    )
