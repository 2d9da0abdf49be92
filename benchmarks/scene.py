"""What the stand-ins hold before a job."""

from collections.abc import Sequence

from standin import Standin

from benchmarks.service import Service, whole
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
) -> None:
    """Put images into all regions, in the place of those that were there.

    :param count: images in all; each has its data in one region, and copies in the others.
    :param sources: the regions that have the data, each of as many images.
    :param missing: the share of images that each region lacks of the others' ones.
    :param drifted: the share of them that differs there.
    """
    for region in glances.urls:
        glances.clear(region)
        for source in sources:
            each = count // len(sources)
            if region == source:
                glances.seed(region, each, salt=source)
            else:
                glances.seed(
                    region, each, salt=source, source=source, missing=missing, drifted=drifted
                )


def warm_up(world: World, kingbird: Service, glances: Standin) -> None:
    """Let Kingbird ask now for what it asks for once in its life, such as its own token."""
    fill(glances, 10, missing=0.5)
    kingbird.run(world.person(), whole())
