"""The calls of a wildcard job, against the minimum of calls."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import urllib3
from standin import Standin

from benchmarks import bare
from benchmarks.scene import SOURCE, fill, warm_up
from benchmarks.service import Service, wildcard
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.test_counts import keystone_call

REGIONS = 4
#: A trust, a token from it for the one engine, and the trust's deletion.
KEYSTONE = 3

Images = dict[str, dict[str, Any]]


def _walks(images: Images) -> int:
    """Return the number of pages of a region.  A full page may be followed by another one."""
    hidden = sum(image["os_hidden"] for image in images.values())
    return (len(images) - hidden) // 1000 + 1 + hidden // 1000 + 1


def _found(urls: Mapping[str, str], token: str) -> dict[str, Images]:
    found: dict[str, Images] = {region: {} for region in urls}
    pool = urllib3.PoolManager()
    for region, url in urls.items():
        for query in (bare.VISIBLE, bare.HIDDEN):
            for page in bare.pages(pool, url, token, query):
                found[region].update((image["id"], image) for image in page)
    return found


def floor(found: Mapping[str, Images]) -> Counter[str]:
    """Return the minimum of calls of each kind, from every region to every region.

    The members of a shared image must be listed once before it is created elsewhere, and images
    with the names of the records to create once for a hundred names.
    """
    # Images without data are not selected.
    meant = {
        image_id: image
        for images in found.values()
        for image_id, image in images.items()
        if image["status"] == "active"
    }
    missing = {region: meant.keys() - images.keys() for region, images in found.items()}
    made = set[str]().union(*missing.values())
    names = [sum(not meant[one]["os_hidden"] for one in ids) for ids in missing.values()]
    lists = sum(_walks(images) + 1 for images in found.values())
    return Counter(
        {
            "keystone": KEYSTONE,
            "list": lists + sum(-(-number // 100) for number in names),
            "create": sum(map(len, missing.values())),
            "members": sum(meant[image_id]["visibility"] == "shared" for image_id in made),
        }
    )


def _made(kingbird: Service, glances: Standin, person: Person, sync_set: Any) -> Counter[str]:
    glances.reset_counts()
    with kingbird.deployment.keystone.recording() as calls:
        job = kingbird.run(person, sync_set)
        # The trust is deleted, and forgotten, after the end of its job.
        eventually(
            "the trust is gone",
            lambda: kingbird.query(
                "SELECT 1 FROM jobs WHERE id = :id AND trust_id IS NULL", id=job.id
            ),
        )
    made = Counter({"keystone": sum(keystone_call(call) is not None for call in calls)})
    for counted in glances.counts().values():
        made.update(counted)
    return made


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Count the calls of a job that finds much to do, and of one that finds nothing."""
    count = 1200 if quick else 5000
    with world.glances(REGIONS) as glances, world.kingbird() as kingbird:
        warm_up(world, kingbird, glances)
        fill(glances, count, missing=0.1)
        person = world.person()
        one_way = floor(_found(glances.urls, person.token))
        # The source of a one-way job is no target, so its forced copies are not listed.
        one_way["list"] -= 1
        yield _row(
            f"calls: {count} images from one region to {REGIONS - 1}",
            _made(kingbird, glances, person, wildcard(SOURCE)),
            one_way,
        )
        fill(glances, count, sources=list(glances.urls), missing=0.1)
        least = floor(_found(glances.urls, person.token))
        any_to_any = _made(kingbird, glances, person, wildcard())
        yield _row(f"calls: {count} images, any of {REGIONS} regions to any", any_to_any, least)
        nothing = _made(kingbird, glances, person, wildcard())
        least = floor(_found(glances.urls, person.token))
        yield _row(f"calls: {count} images in {REGIONS} regions, all in sync", nothing, least)


def _row(what: str, made: Counter[str], least: Counter[str]) -> Row:
    kinds = [kind for kind in {**least, **made} if least[kind] or made[kind]]
    figures = ", ".join(f"{kind} {made[kind]} of {least[kind]}" for kind in kinds)
    # A call too many of one kind must not compensate for one too few of another.
    more = sum(abs(made[kind] - least[kind]) for kind in kinds)
    # Names may be too long for a list of a hundred, which makes a few more lists.
    return Row(what, (least.total() + more) / least.total(), 1.02, figures)
