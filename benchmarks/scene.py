"""Prepare the images of the stand-ins before a job."""

from collections.abc import Sequence

from standin import Standin

from benchmarks.service import Service, wildcard
from benchmarks.world import World

#: The first region.
SOURCE = "RegionOne"


def fill(
    glances: Standin,
    count: int,
    *,
    sources: Sequence[str] = (SOURCE,),
    missing: float = 0.0,
    drifted: float = 0.0,
    with_data: bool = False,
) -> None:
    """Replace the images of all regions.

    :param count: the number of images; each has its data in one region, and copies in the others.
    :param sources: the regions with the data, each of the same number of images.
    :param missing: the share of the others' images that each region lacks.
    :param drifted: the share of the others' images that differ in each region.
    :param with_data: whether the copies have data too.
    """
    for region in glances.urls:
        glances.clear(region)
        for source in sources:
            each = count // len(sources)
            if region == source:
                glances.seed(region, each, salt=source)
            else:
                origin = None if with_data else source
                glances.seed(
                    region, each, salt=source, source=origin, missing=missing, drifted=drifted
                )


def warm_up(world: World, kingbird: Service, glances: Standin) -> None:
    """Run a small job, so that Kingbird makes the calls that it makes only once."""
    fill(glances, 10, missing=0.5)
    kingbird.run(world.person(), wildcard())
