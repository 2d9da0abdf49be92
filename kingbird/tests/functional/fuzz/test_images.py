"""Images with any text that Glance accepts come out alike, whatever the database.

Many images make one job, because a job of each would take hours.
"""

import os
import random
import threading
import uuid
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kingbird.sync import image as fields
from kingbird.sync import patch
from kingbird.tests.doubles.odd_images import PAIRS, QUOTA, Body, bodies, draw
from kingbird.tests.functional.chaos.copies import RULES
from kingbird.tests.functional.chaos.logs import tracebacks
from kingbird.tests.functional.deployment import Deployment, Kind, Options
from kingbird.tests.functional.kingbird_api import Job, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Image, Person
from kingbird.tests.functional.proxy import Answer, Call, Proxy, hold
from kingbird.tests.functional.snapshots import copied_fields, snapshot
from kingbird.text import CONTROL

#: ``make fuzz`` sets both.
IMAGES, SEED = "KINGBIRD_FUZZ_IMAGES", "KINGBIRD_FUZZ_SEED"
USUAL_IMAGES = 60

#: A Glance on SQLite takes long for hundreds of tags and properties, and refuses several changes
#: at a time.
OPTIONS: Options = {"sync": {"region_concurrency": 1, "retry_timeout": 60}}

#: The region of the images, that of copies, and one that stays as it is.
HOME, AWAY, UNTOUCHED = "RegionOne", "RegionTwo", "RegionThree"
#: The part of the images that differ in the other region before the first job.
DIFFERENT = 0.4
#: Names and tags that are used in filters, and images of a job that is refused and cancelled.
FILTERED, REFUSED = 8, 20


@pytest.fixture
def seed() -> int:
    """Return the seed of all random choices, which is shown if a test fails."""
    chosen = int(os.environ.get(SEED) or random.randrange(10**6))
    print(f"{SEED}={chosen} does the same again")
    return chosen


def make(who: Person, region: str, wanted: Mapping[str, Body]) -> None:
    """Make images by their ids."""
    images = who.images(region)
    for image_id, body in wanted.items():
        try:
            images.create({**body, "id": image_id})
        except Exception as error:
            raise AssertionError(f"{region} does not take {body!r}: {error}") from error


def shown(image: Image) -> dict[str, object]:
    """Return the fields that a copy has to have."""
    return {name: value for name, value in copied_fields(image).items() if value is not None}


def differing(image: Image, copy: Image, *, prune: bool = True) -> set[str]:
    """Return the fields in which a copy differs.

    :param prune: include properties that only the copy has.
    """
    one, other = shown(image), shown(copy)
    names = {*one, *fields.COPIED, *(other if prune else ())}
    return {name for name in names if one.get(name) != other.get(name)}


class Scene:
    """Images of a project in one region, some of which differ in another one.

    :ivar home: the images, by id.
    :ivar away: the images with the same ids in the other region.
    """

    def __init__(self, who: Person, seed: int) -> None:
        self._who = who
        drawn = draw(bodies(), int(os.environ.get(IMAGES) or USUAL_IMAGES), seed)
        number = int(len(drawn) * DIFFERENT)
        pairs = [*PAIRS, *zip(drawn[:number], reversed(drawn[:number]), strict=True)]
        every = [*(one for one, _ in pairs), *drawn[number:]]
        self.bodies = {str(uuid.uuid4()): body for body in every}
        different = dict(zip(self.bodies, (other for _, other in pairs), strict=False))
        # Each Glance gets one call at a time, because SQLite refuses several.
        with ThreadPoolExecutor(2) as pool:
            for made in (
                pool.submit(make, who, HOME, self.bodies),
                pool.submit(make, who, AWAY, different),
            ):
                made.result()
        self.look()
        assert self.home.keys() == self.bodies.keys()

    def look(self) -> None:
        """Read both regions."""
        there = snapshot(self._who, (HOME, AWAY))
        self.home, self.away = (
            {name: image for name, image in there[region].items() if name in self.bodies}
            for region in (HOME, AWAY)
        )

    def differing(self, *, prune: bool) -> dict[str, set[str]]:
        """Return the fields in which copies differ, by image."""
        found = {
            name: differing(self.home[name], copy, prune=prune) for name, copy in self.away.items()
        }
        return {name: names for name, names in found.items() if names}

    def check(self, job: Job, region: str = AWAY, **reasons: Collection[str]) -> None:
        """Check the reasons of a job's items, and that no message moves a terminal's cursor."""
        for item in job.items:
            assert not CONTROL.search(item["message"] or ""), item
        wanted = {(name, region): reason for reason, names in reasons.items() for name in names}
        pairs = wanted.keys() | job.reasons.keys()
        wrong = [pair for pair in pairs if wanted.get(pair) != job.reasons.get(pair)]
        told = [(wanted.get(pair), job.reasons.get(pair), self.bodies[pair[0]]) for pair in wrong]
        assert not told, f"{told[:3]!r}"


@pytest.mark.parametrize("database", ["SQLite", "MariaDB", "PostgreSQL"])
def test_any_text_of_glance(
    newcomer: Person,
    deploy_own: Callable[[Kind], Deployment],
    glances: dict[str, Proxy],
    seed: int,
    database: str,
) -> None:
    deployment = deploy_own(Kind(database, broker=database != "SQLite", options=OPTIONS))
    kingbird = KingbirdAPI(deployment.url, newcomer)
    scene = Scene(newcomer, seed)
    rng = random.Random(seed)
    check_copies(kingbird, scene)
    check_updates(kingbird, scene)
    check_filters(kingbird, scene, rng)
    check_refusals(kingbird, scene, rng.sample([*scene.home], REFUSED), glances[AWAY])
    for log in deployment.logs:
        assert not list(tracebacks(log.read_text(errors="replace")))


def everything(**options: Any) -> dict[str, Any]:
    return wildcard(source=HOME, **{"target": [AWAY], "filters": {"status": "queued"}, **options})


def check_copies(kingbird: KingbirdAPI, scene: Scene) -> None:
    missing, drift = scene.home.keys() - scene.away.keys(), scene.differing(prune=False)
    scene.check(kingbird.run(everything(dry_run=True)), missing=missing, drift=drift)
    scene.check(kingbird.run(everything()), created=missing, drift=drift)
    scene.look()
    for name in missing:
        home, away = scene.home[name], scene.away[name]
        assert not differing(home, away), (home, away)
        if fields.SOURCE_ID in away:
            assert away[fields.SOURCE_ID] in (name, home.get(fields.SOURCE_ID))


def check_updates(kingbird: KingbirdAPI, scene: Scene) -> None:
    update = everything(on_drift="update", prune=True)
    drift = scene.differing(prune=True)
    scene.check(kingbird.run({**update, "dry_run": True}), drift=drift)
    job = kingbird.run(update)
    scene.look()
    stay: set[str] = set()
    full: set[str] = set()
    for name, found in scene.differing(prune=True).items():
        unnamed = {field for field in found if not patch.can_be_named(field)}
        (stay if found == unnamed else full).add(name)
        # Properties that are not removed may leave no room for others.
        unnamed |= RULES.dropped & scene.away[name].keys()
        needed = len(fields.properties(scene.home[name], RULES).keys() | unnamed)
        told = f"{job.item(name)}, differs in {found!r} from {scene.home[name]!r}"
        assert name in stay or needed > QUOTA, told
    scene.check(job, updated=drift.keys() - stay - full, drift=stay, quota=full)
    scene.check(kingbird.run(update), drift=stay, quota=full)


def check_filters(kingbird: KingbirdAPI, scene: Scene, rng: random.Random) -> None:
    fields_of = [
        (field, value)
        for image in scene.home.values()
        for field, value in (("name", image["name"]), *(("tag", tag) for tag in image["tags"][:1]))
        if value
    ]
    for field, value in rng.sample(fields_of, FILTERED):
        filters = {"status": "queued", field: value}
        job = kingbird.run(everything(target=[UNTOUCHED], filters=filters, dry_run=True))
        found = {
            name
            for name, one in scene.home.items()
            if (value in one["tags"] if field == "tag" else value == one["name"])
        }
        scene.check(job, UNTOUCHED, missing=found)


def check_refusals(
    kingbird: KingbirdAPI, scene: Scene, some: Collection[str], glance: Proxy
) -> None:
    """Let Glance quote a text in its refusal, then cancel and retry the job."""

    def refuse(call: Call, forward: Callable[[Call], Answer]) -> Answer:
        text = f"<p>Invalid value '{call.json.get('name')}'</p>".encode(errors="replace")
        return Answer(400, [("Content-Type", "text/html")], text)

    def is_post(call: Call) -> bool:
        return call.method == "POST"

    def retry() -> None:
        answer = kingbird.call("POST", f"/{job_id}/retry")
        assert answer.status_code == 202, answer.text

    with glance.broken(refuse, is_post):
        job_id = kingbird.accepted(sync(*some, source=HOME, target=AWAY, force=True))
        scene.check(kingbird.wait(job_id), invalid=some)
    gate = threading.Event()
    with glance.broken(hold(gate), is_post):
        retry()
        assert kingbird.call("POST", f"/{job_id}/cancel").status_code == 202
        gate.set()
        cancelled = kingbird.wait(job_id)
    assert {item["reason"] for item in cancelled.items} <= {"created", "cancelled"}
    if cancelled.status != "SUCCESS":
        retry()
    scene.check(kingbird.wait(job_id), created=some)
