"""Time of a job for eight distant regions with four engines, against one engine."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from standin import Standin

from benchmarks.table import Row
from benchmarks.world import World
from kingbird.tests.functional.chaos import engines as far

AT_MOST = 1 / 3


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Run the same job with one engine, whose tasks run one after another, and with four."""
    images = 24 if quick else far.IMAGES
    person = world.person("demo")
    with (
        tempfile.TemporaryDirectory(prefix="kingbird-engines-") as folder,
        Standin(far.REGIONS, project=person.project_id, roles=["member", "reader"]) as glances,
    ):
        world.publish(glances.urls)
        scaling = far.compare(world.cloud, Path(folder), world.person("demo"), glances, images)
    doubled = sum(count - images for count in scaling.several.creates.values())
    yield Row(
        f"{far.ENGINES} engines against one whose tasks run one after the other: {images} images "
        f"to {len(far.REGIONS) - 1} regions, an answer takes {far.LATENCY:.0f} ms",
        scaling.several.seconds / scaling.one.seconds,
        AT_MOST,
        f"{scaling}; {doubled} records made twice",
    )
