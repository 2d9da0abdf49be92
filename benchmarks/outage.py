"""Items that fail as a region's Glance restarts while a large job writes to it."""

import time
from collections.abc import Iterator

from benchmarks.scene import SOURCE, fill, warm_up
from benchmarks.service import Service, wildcard
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.tests.functional.programs import eventually

TARGET = "RegionTwo"
IMAGES = 50_000
#: Seconds for which nobody answers at the target.
OUTAGE = 70.0
#: Kingbird's defaults, in seconds.  Functional tests are less patient.
PATIENCE = {"retry_timeout": 60, "region_patience": 1800}
#: Records that are there before the outage begins.
BEFORE = 1_000


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Close a region in the middle of a job, and open it again."""
    images = 5_000 if quick else IMAGES
    with world.glances(2) as glances, world.kingbird(sync=PATIENCE) as kingbird:
        warm_up(world, kingbird, glances)
        fill(glances, images, missing=1)
        glances.reset_counts()
        job_id = kingbird.start(world.person(), wildcard(SOURCE, [TARGET]))
        eventually("records are made", lambda: _written(kingbird, job_id) >= BEFORE)
        glances.close(TARGET)
        time.sleep(OUTAGE)
        written = _written(kingbird, job_id)
        glances.open(TARGET)
        job = kingbird.wait(job_id, expected=None)
        reasons = kingbird.reasons(job_id)
    yield Row(
        f"{images} images for a region that is away for {OUTAGE:.0f} s meanwhile: items that fail",
        images - reasons.get("created", 0),
        0,
        f"{job.status} after {job.seconds:.0f} s; {written} had ended when the region came back; "
        + ", ".join(f"{number} {reason}" for reason, number in sorted(reasons.items())),
        unit="of them",
    )


def _written(kingbird: Service, job_id: str) -> int:
    return kingbird.reasons(job_id).get("created", 0)
