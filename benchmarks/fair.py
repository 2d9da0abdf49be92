"""Time of one project's only image while another project has much waiting."""

from collections.abc import Iterator

from standin.images import image_id

from benchmarks.scene import SOURCE
from benchmarks.service import Service
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.tests.functional.kingbird_api import sync
from kingbird.tests.functional.people import Person

#: The first project's jobs, their target regions, and the images of each.
JOBS, TARGETS, IMAGES = 20, 10, 200
#: Engines in each measurement, one or several processes.
ENGINES = (1, 4)
#: Milliseconds of an answer of the stand-ins, and seconds that the image may take.
LATENCY, AT_MOST = 20, 5


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Let one project start many jobs, then another one a job of one image."""
    images = 20 if quick else IMAGES
    for engines in ENGINES if world.is_complete else ENGINES[:1]:
        yield _measure(world, engines, images)


def _measure(world: World, engines: int, images: int) -> Row:
    busy, other = Person(world.cloud, "demo"), Person(world.cloud, "other")
    with (
        world.glances(
            TARGETS + 1, keystone=world.cloud.auth_url, token=world.person().token
        ) as glances,
        world.kingbird(engines=engines) as kingbird,
    ):
        source, *targets = glances.urls
        assert source == SOURCE
        glances.seed(source, JOBS * images, salt="busy", project=busy.project_id)
        glances.seed(source, 1, salt="other", project=other.project_id)
        glances.latency(None, LATENCY)
        ids = [image_id(number, "busy") for number in range(JOBS * images)]
        started = [
            kingbird.start(busy, sync(*ids[begin : begin + images], source=source, target=targets))
            for begin in range(0, len(ids), images)
        ]
        wanted = sync(image_id(0, "other"), source=source, target=targets[:1])
        one = kingbird.run(other, wanted)
        left = _open(kingbird, started)
        ((taken, begun),) = kingbird.query(
            "SELECT j.claimed_at, t.claimed_at FROM jobs j JOIN tasks t ON t.job_pk = j.pk "
            "WHERE j.id = :id",
            id=one.id,
        )
    return Row(
        f"one image of a project while another one has {JOBS} jobs of {images} images for "
        f"{TARGETS} regions waiting, {engines} engines",
        one.seconds,
        AT_MOST,
        f"{left} of the {JOBS} jobs had not ended then; an engine took it up after "
        f"{taken / 1000 - one.created:.1f} s, had a plan after {one.planned - one.created:.1f} s "
        f"and began its task after {begun / 1000 - one.created:.1f} s",
        unit="s",
    )


def _open(kingbird: Service, job_ids: list[str]) -> int:
    rows = kingbird.query("SELECT id FROM jobs WHERE status = 'IN_PROGRESS'")
    return len({row[0] for row in rows}.intersection(job_ids))
