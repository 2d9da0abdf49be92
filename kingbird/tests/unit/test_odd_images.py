"""No text that Glance accepts fails a job, or reaches an answer as a control character."""

import functools
import random
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import requests
from hypothesis import settings
from hypothesis import strategies as st

from kingbird.clients.refusals import words_of
from kingbird.sync import compare, patch
from kingbird.sync.image import properties, record_for
from kingbird.tests.api.world import PROJECT, World
from kingbird.tests.doubles.glance import refused
from kingbird.tests.doubles.odd_images import PAIRS, QUOTA, Body, bodies, draw, texts
from kingbird.tests.functional.chaos.copies import RULES
from kingbird.tests.unit.api.conftest import JOBS, caller, request_body
from kingbird.tests.unit.step_by_step import Keystone, engine, work
from kingbird.text import CONTROL

#: Another value repeats a run.
SEED = random.randrange(10**6)
#: The bytes that a message can have in MariaDB.
MOST = 65_535
#: Names and tags that are used in filters, each in a job of its own.
FILTERED = 8

Image = dict[str, Any]


@functools.cache
def drawn() -> list[tuple[Body, Body]]:
    """Return images, and their versions in another region."""
    pairs = draw(st.tuples(bodies(), bodies()), settings().max_examples, SEED)
    return [*PAIRS, *pairs]


class Cloud:
    """Three regions, an API and an engine.

    :ivar images: those of the first region, by id.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.call = caller(world.application)
        self.engine = engine(world, Keystone(world))
        for glance in world.glances.values():
            glance.clear()
        self.images: dict[str, Image] = {}

    def make(self, region: str, body: Body, image_id: str) -> Image:
        """Make an image of the caller's project."""
        return self.world.glances[region].images_for(PROJECT).create({**body, "id": image_id})

    def differing(self, region: str) -> dict[str, set[str]]:
        """Return the fields in which copies differ from their sources, by image."""
        found = {}
        for name, image in self.images.items():
            copy = self.world.glances[region].peek(name)
            if copy is not None:
                record = record_for(image, "RegionOne", RULES, image_id=name)
                extra = compare.extra_fields(record, copy, RULES)
                found[name] = {*compare.differing_fields(record, copy), *extra}
        return {name: fields for name, fields in found.items() if fields}

    def run(self, **changes: Any) -> dict[str, Any]:
        """Run a job, and return what the API shows of it."""
        body = request_body(**{"resources": ["*"], "filters": {"status": "queued"}, **changes})
        answer = self.call(JOBS, "POST", body=body)
        assert answer.status_int == 200, answer.text
        return self.go_on(answer.json["job_status"]["id"])

    def go_on(self, job_id: str) -> dict[str, Any]:
        """Let the engine work, and return what the API shows of a job."""
        work(self.engine)
        shown = self.call(f"{JOBS}/{job_id}?limit=1000").json
        assert shown["job"]["sync_status"] != "IN_PROGRESS", "the engine's log tells more"
        for item in shown["job_set"]:
            message = item["message"] or ""
            assert not CONTROL.search(message)
            assert len(message.encode()) <= MOST
        return shown

    def check(self, shown: dict[str, Any], expected: Mapping[str, str], *regions: str) -> None:
        """Check the reasons of a job's items.

        :param expected: the reason of each image, the same in all regions.
        """
        ends = {(one["resource"], one["target_region"]): one["reason"] for one in shown["job_set"]}
        wanted = {(name, region): expected[name] for name in expected for region in regions}
        pairs = [
            pair for pair in wanted.keys() | ends.keys() if wanted.get(pair) != ends.get(pair)
        ]
        wrong = [(ends.get(pair), wanted.get(pair), self.images[pair[0]]) for pair in pairs]
        assert not wrong, f"SEED {SEED}: {wrong[:2]}"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    """Give a cloud whose first region has many images."""
    with World() as world:
        made = Cloud(world)
        for body, _ in drawn():
            image = made.make("RegionOne", body, str(uuid.uuid4()))
            made.images[image["id"]] = image
        yield made
        made.engine._pools.shutdown()


def all_of(cloud: Cloud, reason: str) -> dict[str, str]:
    return dict.fromkeys(cloud.images, reason)


def test_images_are_brought_to_others(cloud: Cloud) -> None:
    both = ["RegionTwo", "RegionThree"]
    named: dict[str, Any] = {"resources": [*cloud.images], "filters": None, "target": both}
    cloud.check(cloud.run(**named, dry_run=True), all_of(cloud, "missing"), *both)
    cloud.check(cloud.run(**{**named, "target": both[:1]}), all_of(cloud, "created"), both[0])
    cloud.check(cloud.run(target=both), all_of(cloud, "created"), both[1])
    assert [cloud.differing(region) for region in both] == [{}, {}]
    assert cloud.run(target=both)["job"]["outcomes"] == {"in_sync": 2 * len(cloud.images)}
    cloud.check(cloud.run(**named, force=True), all_of(cloud, "created"), *both)


def test_images_that_differ_are_told_and_updated(cloud: Cloud) -> None:
    for name, (_, other) in zip(cloud.images, drawn(), strict=True):
        cloud.make("RegionTwo", other, name)
    update: dict[str, Any] = {"target": ["RegionTwo"], "on_drift": "update", "prune": True}
    drift = dict.fromkeys(cloud.differing("RegionTwo"), "drift")
    cloud.check(cloud.run(**update, dry_run=True), drift, "RegionTwo")
    cloud.run(**update)
    left = {}
    for name, fields in cloud.differing("RegionTwo").items():
        stay = {field for field in fields if not patch.can_be_named(field)}
        left[name] = "drift" if fields == stay else "quota"
        # Properties that are not removed may leave no room for others.
        image, copy = cloud.images[name], cloud.world.glances["RegionTwo"].peek(name)
        stay |= RULES.dropped & (copy or {}).keys()
        needed = len(properties(image, RULES).keys() | stay)
        assert left[name] == "drift" or needed > QUOTA, (SEED, image)
    cloud.check(cloud.run(**update), left, "RegionTwo")
    for glance in cloud.world.glances.values():
        owners = {made["owner"] for name in glance.ids if (made := glance.peek(name))}
        assert owners <= {PROJECT}


def test_filters_find_what_they_name(cloud: Cloud) -> None:
    fields = [
        (field, value)
        for image in cloud.images.values()
        for field, value in (("name", image["name"]), *(("tag", tag) for tag in image["tags"][:1]))
        if value
    ]
    for field, value in random.Random(SEED).sample(fields, FILTERED):
        shown = cloud.run(dry_run=True, filters={"status": "queued", field: value})
        found = {
            name
            for name, one in cloud.images.items()
            if (value in one["tags"] if field == "tag" else value == one["name"])
        }
        cloud.check(shown, dict.fromkeys(found, "missing"), "RegionTwo")


def test_refusals_quote_any_text(cloud: Cloud) -> None:
    quoted = draw(texts(), len(cloud.images), SEED)
    errors = {}
    for name, text in zip(cloud.images, quoted, strict=False):
        response = requests.Response()
        response.status_code, response._content = 400, f"Invalid value '{text}'".encode()
        errors[name] = refused(400, words_of(response))
    glance = cloud.world.glances["RegionTwo"]
    glance.fail("create", lambda body: errors.pop(body["id"], None), times=None)
    failed = dict.fromkeys(errors, "invalid")
    shown = cloud.run()
    cloud.check(shown, {**all_of(cloud, "created"), **failed}, "RegionTwo")
    job_id = shown["job"]["id"]
    assert cloud.call(f"{JOBS}/{job_id}/retry", "POST").status_int == 202
    cloud.check(cloud.go_on(job_id), all_of(cloud, "created"), "RegionTwo")
