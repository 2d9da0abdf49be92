"""Four engines share a job of eight regions, and make each record once."""

from pathlib import Path

from kingbird.tests.functional import services
from kingbird.tests.functional.chaos.engines import ENGINES, compare, far_regions
from kingbird.tests.functional.chaos.world import World
from kingbird.tests.functional.people import Person

#: Fewer than a measurement takes: here it is counts that matter.
IMAGES = 24


def test_engines_share_regions(chaos_world: World, tmp_path: Path) -> None:
    services.require("MariaDB", "RabbitMQ")
    with far_regions(chaos_world) as glances:
        demo = Person(chaos_world.cloud, "demo")
        scaling = compare(chaos_world.cloud, tmp_path, demo, glances, IMAGES)
    # Seconds are for people: a machine that is busy has others.
    print(scaling)
    for each in (scaling.one, scaling.several):
        assert set(each.creates.values()) == {IMAGES}
        assert set(each.there.values()) == {IMAGES}
    assert (scaling.one.workers, scaling.several.workers) == (1, ENGINES)
