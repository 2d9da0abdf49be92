"""Measures the speed-up of several engines in a job of many remote regions."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kingbird.db.models import Job
from kingbird.tests.functional.chaos.rows import Rows
from kingbird.tests.functional.chaos.world import World, world
from kingbird.tests.functional.deployment import Kind, deploy
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually

ENGINES = 4
#: One source and eight targets.
REGIONS = tuple(f"Far{number}" for number in range(1, 10))
#: A fourth of the images is shared.  Planning asks for the members of these.
IMAGES = 100
#: Delay of each response in milliseconds.  It is large, so that the machine is not the bottleneck.
LATENCY = 250.0


@dataclass(frozen=True)
class Run:
    """The duration and the result of a job.

    :ivar seconds: from the accepted request until the end of the job.
    :ivar creates: the number of records that each target was asked to make.
    :ivar there: the number of records that each target has.
    :ivar workers: the number of engines that took part.
    """

    seconds: float
    creates: Mapping[str, int]
    there: Mapping[str, int]
    workers: int


@dataclass(frozen=True)
class Scaling:
    """A run with one engine and one with several."""

    one: Run
    several: Run

    @property
    def ratio(self) -> float:
        """Return the speed-up of several engines."""
        return self.one.seconds / self.several.seconds

    def __str__(self) -> str:
        return (
            f"one engine, one task at a time: {self.one.seconds:.1f} s; "
            f"{ENGINES} engines: {self.several.seconds:.1f} s, {self.ratio:.1f} times as fast"
        )


def kind(engines: int) -> Kind:
    """Return a Kingbird whose engines work on one task at a time."""
    options: dict[str, dict[str, Any]] = {
        "DEFAULT": {"debug": "false"},
        "engine": {"max_tasks": 1, "poll_interval": 1},
        "sync": {"region_concurrency": 4},
    }
    return Kind("MariaDB", broker=True, engines=engines, options=options)


def fill(glances: Any, person: Person, images: int) -> list[str]:
    """Put images into the first of several remote stand-ins and empty the others.

    :param glances: see :func:`run`.
    :returns: the ids of the images.
    """
    from standin.images import image_id

    for region in glances.urls:
        glances.clear(region)
    glances.seed(next(iter(glances.urls)), images, salt="engines", project=person.project_id)
    glances.latency(None, LATENCY)
    glances.reset_counts()
    return [image_id(index, "engines") for index in range(images)]


def run(
    engines: int,
    cloud: Any,
    folder: Path,
    person: Person,
    glances: Any,
    images: int,
) -> Run:
    """Sync images of the first region of stand-ins to all others.

    :param glances: a ``standin.Standin`` whose regions are the ``internal`` endpoints of the
        catalog.
    """
    source, *targets = glances.urls
    ids = fill(glances, person, images)
    workers: set[str] = set()
    with deploy(kind(engines), cloud, folder) as kingbird:
        api, rows = KingbirdAPI(kingbird.url, person), Rows(kingbird.database_url)
        job_id = api.accepted(sync(*ids, source=source, target=targets))

        def look() -> bool:
            workers.update(rows.holders(job_id))
            return rows.has_ended(job_id)

        eventually(f"{engines} engines end a job", look, seconds=180)
        assert api.wait(job_id).status == SUCCESS
        seconds = _seconds(kingbird.database_url, job_id)
    counts, sizes = glances.counts(), glances.sizes()
    return Run(
        seconds,
        {region: counts[region]["create"] for region in targets},
        {region: sizes[region] for region in targets},
        len(workers),
    )


def _seconds(url: str, job_id: str) -> float:
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            query = sa.select(Job.created_at, Job.updated_at).where(Job.id == job_id)
            begin, end = connection.execute(query).one()
    finally:
        engine.dispose()
    assert end is not None, f"job {job_id} has not ended"
    return float((end - begin).total_seconds())


def compare(
    cloud: Any, folder: Path, person: Person, glances: Any, images: int = IMAGES
) -> Scaling:
    """Run the same job with one engine and with several.

    :param glances: see :func:`run`.
    :param images: the number of images for each region.
    """
    runs = []
    for engines in (1, ENGINES):
        room = folder / f"engines-{engines}"
        room.mkdir()
        runs.append(run(engines, cloud, room, person, glances, images))
    return Scaling(*runs)


@contextlib.contextmanager
def far_regions(made: World) -> Iterator[Any]:
    """Add stand-ins to a world, as regions of its catalog."""
    from standin import Standin

    with Standin(REGIONS, project=made.demo.project_id, roles=["member", "reader"]) as glances:
        for region, url in glances.urls.items():
            made.cloud.set_endpoint("image", region, "internal", url)
        yield glances


def main() -> None:
    """Measure and print the speed-up."""
    with (
        tempfile.TemporaryDirectory() as name,
        world(Path(name)) as made,
        far_regions(made) as glances,
    ):
        print(compare(made.cloud, Path(name), Person(made.cloud, "demo"), glances))


if __name__ == "__main__":
    main()
