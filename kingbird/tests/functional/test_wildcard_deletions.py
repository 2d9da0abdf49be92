"""Images are deleted and made while a job lists their regions by pages."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from kingbird.tests.functional.kingbird_api import SKIPPED, SUCCESS, KingbirdAPI, wildcard
from kingbird.tests.functional.list_calls import is_walk
from kingbird.tests.functional.people import Person, unique
from kingbird.tests.functional.proxy import Answer, Call, Proxy, capped
from kingbird.tests.functional.removals import PAGE, Removals
from kingbird.tests.functional.snapshots import Snapshot, check_copy, owned_by, snapshot
from kingbird.tests.functional.wildcard_expected import REGIONS

API = Callable[[Person], KingbirdAPI]

#: Records without data suffice and are made faster.
QUEUED = {"filters": {"status": "queued"}}


def scatter(who: Person, rng: random.Random, count: int) -> None:
    """Make images, each in one or two regions, some of them hidden."""
    plans: dict[str, list[dict[str, object]]] = {region: [] for region in REGIONS}
    for number in range(count):
        image_id = f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}"
        record = {"id": image_id, "name": unique(), "os_hidden": number % 4 == 0}
        record["visibility"] = ("private", "shared")[number % 2]
        for region in rng.sample(REGIONS, rng.choice((1, 1, 2))):
            plans[region].append(record)

    def fill(region: str) -> None:
        for record in plans[region]:
            who.images(region).create(record)

    with ThreadPoolExecutor(len(REGIONS)) as pool:
        list(pool.map(fill, REGIONS))


@pytest.mark.parametrize("turn", range(2))
def test_images_go_and_come_at_random(
    turn: int, newcomer: Person, admin: Person, api: API, glances: dict[str, Proxy]
) -> None:
    seed = random.SystemRandom().getrandbits(32)
    # Shown if the test fails.
    print(f"seed {seed}")
    rng = random.Random(seed)
    scatter(newcomer, rng, 60)
    before = owned_by(newcomer.project_id, snapshot(newcomer, REGIONS))
    with ExitStack() as stack:
        removals = {}
        for region in REGIONS:
            own = random.Random(rng.random())
            fault = Removals(region, newcomer, admin, {*before[region]}, own)
            removals[region] = fault
            stack.enter_context(glances[region].broken(fault))
        job = api(newcomer).run(wildcard(**QUEUED))
    after = owned_by(newcomer.project_id, snapshot(newcomer, REGIONS))

    print(
        {region: (one.markers, len(one.gone), len(one.came)) for region, one in removals.items()}
    )
    assert job.status == SUCCESS, job
    assert {item["sync_status"] for item in job.items} <= {SUCCESS, SKIPPED}
    assert {item["reason"] for item in job.items} <= {"created", "id_taken"}
    assert len(job.reasons) == len(job.items)
    check_nothing_is_missing(before, after, removals)
    check_nothing_is_there_twice(after)


def check_nothing_is_missing(
    before: Snapshot, after: Snapshot, removals: dict[str, Removals]
) -> None:
    """Check that each image that stayed in its region is in all regions."""
    for region, images in before.items():
        for image_id in images.keys() - removals[region].gone:
            assert after[region][image_id] == images[image_id]
            for other in REGIONS:
                if image_id not in before[other]:
                    source = after[other][image_id]["kingbird_source_region"]
                    check_copy(before[source][image_id], source, after[other][image_id])


def check_nothing_is_there_twice(there: Snapshot) -> None:
    """Check that no name occurs twice.  Names are unique, and a copy has the same name."""
    for images in there.values():
        names = [image["name"] for image in images.values()]
        assert len(names) == len({*names})


def test_all_that_was_listed_is_deleted(
    newcomer: Person, api: API, glances: dict[str, Proxy]
) -> None:
    """If all listed images are deleted, no marker remains, and the list begins anew."""
    ids = sorted(newcomer.make("RegionOne", visibility="private")["id"] for _ in range(4 * PAGE))
    gone: list[str] = []

    def clear(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        marker = call.query.get("marker", "")
        if not gone and marker in ids[PAGE:]:
            gone.extend(name for name in ids if name <= marker)
            for image_id in gone:
                newcomer.delete("RegionOne", image_id)
        return forward(capped(call, PAGE))

    with glances["RegionOne"].broken(clear, is_walk):
        job = api(newcomer).run(wildcard(source="RegionOne", target=["RegionTwo"], **QUEUED))
    assert job.status == SUCCESS
    assert len(gone) >= 2 * PAGE
    # Images that were listed before their deletion are copied all the same.
    assert job.reasons == {(image_id, "RegionTwo"): "created" for image_id in ids}
    there = owned_by(newcomer.project_id, snapshot(newcomer, ["RegionTwo"]))
    assert there["RegionTwo"].keys() == {*ids}
