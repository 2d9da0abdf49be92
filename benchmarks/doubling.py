"""Time for twice as many images."""

from collections.abc import Iterator

from benchmarks.rounds import median, spread, take_turns
from benchmarks.scene import fill, warm_up
from benchmarks.service import wildcard
from benchmarks.table import Row
from benchmarks.world import World

REGIONS = 5
MISSING = 0.01
AT_MOST = 2.1


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Sync any to any, with some images missing in each region but one."""
    count, rounds = (5_000, 1) if quick else (20_000, 5)
    with world.glances(REGIONS) as glances, world.kingbird() as kingbird:
        warm_up(world, kingbird, glances)
        person = world.person()

        def seconds(images: int) -> float:
            fill(glances, images, missing=MISSING)
            return kingbird.run(person, wildcard()).seconds

        one, two = take_turns(rounds, lambda: seconds(count), lambda: seconds(2 * count))
    yield Row(
        f"{2 * count} images against {count}, any of {REGIONS} regions to any, "
        f"{MISSING:.0%} missing in each of {REGIONS - 1}",
        median(two) / median(one),
        AT_MOST,
        f"{spread(two)}, {spread(one)}",
    )
