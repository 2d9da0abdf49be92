"""Time of a job that finds nothing to do, against a bare loop of the same lists."""

from collections.abc import Iterator

from standin import Standin

from benchmarks import bare
from benchmarks.rounds import median, spread, take_turns
from benchmarks.scene import fill, warm_up
from benchmarks.service import Service, wildcard
from benchmarks.table import Row
from benchmarks.work import CountedEngine
from benchmarks.world import World

REGIONS = 10
#: Milliseconds for a page of 1000 images: the time of a real Glance, and a fourth of it.
GLANCE, FASTER = 470, 100
#: Without latency only processor time is compared, of which the stand-in uses a part.
NONE = 0
AT_MOST = 1.15
#: Microseconds of processor time for an image in a region that is in order.
CPU = 15


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Measure jobs and the bare loop in turns."""
    count, rounds = (4_000, 1) if quick else (20_000, 3)
    with world.glances(REGIONS) as glances, world.kingbird(engines=0) as kingbird:
        engine = CountedEngine(kingbird)
        warm_up(world, kingbird, glances)
        compared = count * REGIONS * rounds
        for with_data in (True, False):
            fill(glances, count, with_data=with_data)
            # The first comparison stores, or deletes, what the next ones find as it was.
            kingbird.run(world.person(), wildcard())
            for latency in (GLANCE, FASTER, NONE):
                before = engine.work()
                yield _row(
                    world,
                    kingbird,
                    glances,
                    count=count,
                    rounds=rounds,
                    latency=latency,
                    with_data=with_data,
                )
                used = engine.work().since(before)
            yield Row(
                f"{_what(count, with_data=with_data)}, a page takes no time: processor time of "
                "the engine, an image compared",
                1e6 * used.seconds / compared,
                CPU,
                used.text(compared, "an image"),
                unit="µs",
            )


def _what(count: int, *, with_data: bool) -> str:
    """Say what is compared: an image without data has a state, so that it takes more work."""
    data = "all of them with data" if with_data else "with data in one of them"
    return f"nothing to do: {count} images in {REGIONS} regions, {data}"


def _row(
    world: World,
    kingbird: Service,
    glances: Standin,
    *,
    count: int,
    rounds: int,
    latency: int,
    with_data: bool,
) -> Row:
    person = world.person()
    glances.latency(None, latency)
    calls: list[object] = []

    def job() -> float:
        glances.reset_counts()
        done = kingbird.run(person, wildcard())
        calls.append(glances.counts())
        if kingbird.reasons(done.id):
            raise RuntimeError(f"There was something to do: {kingbird.reasons(done.id)}")
        return done.seconds

    def loop() -> float:
        glances.reset_counts()
        seconds = bare.list_all(glances.urls, person.token)
        calls.append(glances.counts())
        return seconds

    jobs, loops = take_turns(rounds, job, loop)
    if any(one != calls[0] for one in calls):
        raise RuntimeError(f"These are not the same calls: {calls}")
    return Row(
        f"{_what(count, with_data=with_data)}, any to any, "
        + (f"a page takes {latency} ms" if latency else "a page takes no time"),
        median(jobs) / median(loops),
        AT_MOST if latency == GLANCE else None,
        f"job {spread(jobs)}, bare loop {spread(loops)}",
    )
