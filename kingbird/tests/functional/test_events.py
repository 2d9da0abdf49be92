"""Images spread by themselves: uploads to real Glances, a listener, engines and rules.

Notifications of Glance come over RabbitMQ.  Engines look at images within seconds.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg

from kingbird.tests.functional import listening
from kingbird.tests.functional.deployment import Deployment, Kind, deploy
from kingbird.tests.functional.kingbird_api import KingbirdAPI, wildcard
from kingbird.tests.functional.list_calls import recording
from kingbird.tests.functional.people import RAW, Image, Person, unique
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Proxy, error
from kingbird.tests.functional.snapshots import walk
from kingbird.tests.functional.test_credentials import trusts

REGIONS = ("RegionOne", "RegionTwo", "RegionThree")
DATA = b"some data"
#: An engine that is killed is noticed soon.
SOON: dict[str, dict[str, Any]] = {
    "engine": {"poll_interval": 1, "reaper_interval": 1, "lease": 6},
    "rules": {"min_interval": 1},
}
#: Seconds between two looks at rules that run every second.
POLL = 0.5
#: State, reason and message of a rule that nothing is wrong with.
WELL = ("OK", None, None)
#: Uploads of a storm, by some users at the same time.
UPLOADS, USERS = 24, 3
#: Seconds in which nothing may be written, and the fewest runs of each rule in them.
QUIET, RUNS = 20, 10


class Site:
    """A Kingbird with two engines and a listener."""

    def __init__(self, running: Deployment, cloud: Any) -> None:
        self.running = running
        self.cloud = cloud

    def rule(self, person: Person, **fields: Any) -> dict[str, Any]:
        """Make a rule from everywhere to everywhere, and wait for its first run."""
        api = KingbirdAPI(self.running.url, person)
        body = {"name": unique("rule"), "interval": 0, **wildcard(source="*", target="*")}
        answer = api.call("POST", "-rules", json={"rule": {**body, **fields}})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()["rule"]
        api.wait(made["last_job"])
        return made

    def show(self, person: Person, rule: dict[str, Any]) -> dict[str, Any]:
        """Return a rule as it is now."""
        answer = KingbirdAPI(self.running.url, person).call("GET", f"-rules/{rule['id']}")
        found: dict[str, Any] = answer.json()["rule"]
        return found

    def outcome(self, person: Person, rule: dict[str, Any]) -> tuple[str, str | None, str | None]:
        """Return the state of a rule, and what is wrong with it: a reason and a sentence."""
        shown = self.show(person, rule)
        return shown["state"], shown["reason"], shown["message"]

    def jobs(self, rule: dict[str, Any]) -> list[dict[str, Any]]:
        """Return the stored jobs of a rule that events began."""
        rows = self.running.rows()["jobs"]
        return [row for row in rows if row["rule_id"] == rule["id"] and row["trigger"] == "event"]

    def at_rest(self, person: Person, rule: dict[str, Any]) -> None:
        """Wait until nothing is left to look at."""
        eventually("no image waits", lambda: self.show(person, rule)["waiting"] == 0)

    def runs(self, person: Person, rule: dict[str, Any], times: int) -> None:
        """Wait until a rule has run some more times."""
        seen = {self.show(person, rule)["last_run_at"]}

        def look() -> bool:
            seen.add(self.show(person, rule)["last_run_at"])
            return len(seen) > times

        eventually(f"the rule has run {times} times", look)

    def count_runs(
        self, person: Person, rules: Sequence[dict[str, Any]], seconds: float
    ) -> dict[str, int]:
        """Return the number of runs of some rules in a time, by the id of the rule."""
        seen: dict[str, set[str]] = {rule["id"]: set() for rule in rules}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for rule in rules:
                seen[rule["id"]].add(self.show(person, rule)["last_run_at"])
            time.sleep(POLL)
        return {rule_id: len(times) - 1 for rule_id, times in seen.items()}

    def send(self, region: str, image: Image, **changes: Any) -> None:
        """Send what a region's Glance sends when an image has changed."""
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[])
        bus = oslo_messaging.get_notification_transport(conf, self.cloud.broker.transport_url)
        try:
            sender = oslo_messaging.Notifier(
                bus,
                publisher_id=self.cloud.broker.publisher(region),
                driver="messagingv2",
                topics=[self.cloud.broker.topic],
            )
            fields = {name: image[name] for name in ("id", "name", "owner", "status", "tags")}
            sender.info({}, "image.update", {**fields, "properties": {}, **changes})
        finally:
            bus.cleanup()


@pytest.fixture(scope="module")
def site(
    cloud: Any, glances: dict[str, Proxy], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    folder: Path = tmp_path_factory.mktemp("events")
    kind = Kind("MariaDB", broker=True, engines=2, options=SOON)
    with (
        deploy(kind, cloud, folder) as running,
        listening.listener(running, cloud, REGIONS),
    ):
        yield Site(running, cloud)


def in_all(person: Person, image_id: str, regions: Sequence[str]) -> bool:
    """Return whether some regions have an image."""
    return all(person.images(region).get(image_id) for region in regions)


def everywhere(person: Person, image_id: str) -> bool:
    """Return whether all regions have an image."""
    return in_all(person, image_id, REGIONS)


def test_an_upload_anywhere_is_a_record_everywhere(site: Site, newcomer: Person) -> None:
    rule = site.rule(newcomer)
    for home in REGIONS:
        image = newcomer.make(home, DATA, tags=["golden"], os_distro="debian", min_ram=64)
        eventually("it is in all regions", partial(everywhere, newcomer, image["id"]))
        for region in {*REGIONS} - {home}:
            copy = newcomer.see(region, image["id"])
            assert (copy["tags"], copy["os_distro"], copy["min_ram"]) == (["golden"], "debian", 64)
            assert copy["kingbird_source_region"] == home
    site.at_rest(newcomer, rule)
    shown = site.show(newcomer, rule)
    assert (shown["state"], shown["lag"]) == ("OK", None)
    assert all(shown["hears"][region] for region in REGIONS)


def test_what_kingbird_makes_begins_nothing(
    site: Site, newcomer: Person, glances: dict[str, Proxy]
) -> None:
    """Let two opposite rules that update come to rest, and count Glance's writes after that."""
    one = site.rule(newcomer, source=["RegionOne"], target=["RegionTwo"], on_drift="update")
    other = site.rule(newcomer, source=["RegionTwo"], target=["RegionOne"], on_drift="update")
    image = newcomer.make("RegionOne", DATA)
    eventually("it is copied", lambda: newcomer.images("RegionTwo").get(image["id"]))
    site.at_rest(newcomer, one)
    site.at_rest(newcomer, other)
    with recording(glances) as calls:
        # Each rule looks at the image once more, and at its copy.
        for region in ("RegionOne", "RegionTwo"):
            site.send(region, image)
        later = newcomer.make("RegionOne", DATA)
        eventually("a later one is copied", lambda: newcomer.images("RegionTwo").get(later["id"]))
        site.at_rest(newcomer, one)
        site.at_rest(newcomer, other)
    assert {region: calls.writes(region) for region in REGIONS} == {
        "RegionOne": [],
        "RegionTwo": ["POST /v2/images"],
        "RegionThree": [],
    }


def test_opposite_rules_that_update_come_to_rest(
    site: Site, newcomer: Person, glances: dict[str, Proxy]
) -> None:
    """Let each side drift, and count Glance's writes over many runs after that."""
    regions = ("RegionOne", "RegionTwo")
    rules = [
        site.rule(newcomer, source=[source], target=[target], on_drift="update", interval=1)
        for source, target in (regions, regions[::-1])
    ]
    images = {home: newcomer.make(home, DATA) for home in regions}
    for image in images.values():
        eventually("it is in both", partial(in_all, newcomer, image["id"], regions))
        for region in regions:
            change = [{"op": "add", "path": "/os_version", "value": region}]
            newcomer.images(region).update(image["id"], change)

    def is_as_at_home() -> bool:
        return all(
            newcomer.see(region, image["id"]).get("os_version") == home
            for home, image in images.items()
            for region in regions
        )

    eventually("each copy is as at home", is_as_at_home)
    for rule in rules:
        site.at_rest(newcomer, rule)
        site.runs(newcomer, rule, 1)
    with recording(glances) as calls:
        for home, image in images.items():
            site.send(home, image)
        seen = site.count_runs(newcomer, rules, QUIET)
        for rule in rules:
            site.at_rest(newcomer, rule)
    assert calls.all_writes == []
    assert min(seen.values()) >= RUNS
    assert is_as_at_home()
    assert {site.outcome(newcomer, rule) for rule in rules} == {WELL}


def test_a_storm(site: Site, admin: Person) -> None:
    """Upload many images at once: each is there, no job failed, and no image took two jobs."""
    people = [admin.with_new_project("demo") for _ in range(USERS)]
    rules = [site.rule(person) for person in people]

    def upload(number: int) -> tuple[Person, str]:
        person = people[number % USERS]
        image: Image = person.make(REGIONS[number % len(REGIONS)], DATA)
        return person, image["id"]

    with ThreadPoolExecutor(USERS) as pool:
        made = list(pool.map(upload, range(UPLOADS)))
    for person, image_id in made:
        eventually("it is everywhere", partial(everywhere, person, image_id))
    for person, rule in zip(people, rules, strict=True):
        site.at_rest(person, rule)
        for region in REGIONS:
            names = [
                image["name"]
                for image in walk(person, region, hidden=False)
                if image["owner"] == person.project_id
            ]
            assert len(names) == len(set(names)) == UPLOADS // USERS
    keys = {job["pk"] for rule in rules for job in site.jobs(rule)}
    failed = [
        (row["reason"], row["message"])
        for row in site.running.rows()["items"]
        if row["job_pk"] in keys and row["status"] == "FAILURE"
    ]
    # Glances on SQLite refuse some writes at the same time; those images come back.
    assert {reason for reason, _ in failed} <= {"region_unavailable"}, failed
    # How many images a job has depends on how fast they come.
    assert sum(len(site.jobs(rule)) for rule in rules) <= UPLOADS + len(failed)


def test_messages_twice_out_of_order_and_before_their_commit(site: Site, newcomer: Person) -> None:
    rule = site.rule(newcomer)
    image = newcomer.make("RegionTwo", DATA)
    gone = newcomer.make("RegionTwo", DATA)
    newcomer.delete("RegionTwo", gone["id"])
    early = newcomer.images("RegionTwo").create({"name": unique(), **RAW})
    for _ in range(3):
        site.send("RegionTwo", image)
        site.send("RegionTwo", image, name="an earlier name")
    # Glance does not know the first any more, and has no data of the second.
    site.send("RegionTwo", gone)
    site.send("RegionTwo", early, status="active")
    eventually("it is in all regions", lambda: everywhere(newcomer, image["id"]))
    site.at_rest(newcomer, rule)
    assert newcomer.images("RegionOne").get(early["id"]) is None
    assert site.outcome(newcomer, rule) == WELL
    newcomer.upload("RegionTwo", early["id"], DATA)
    eventually("the second follows", lambda: everywhere(newcomer, early["id"]))


def test_an_engine_that_is_killed_loses_no_image(
    site: Site, newcomer: Person, glances: dict[str, Proxy]
) -> None:
    rule = site.rule(newcomer)
    made = [newcomer.make(region, DATA)["id"] for region in REGIONS]
    eventually("an event run has begun", lambda: site.jobs(rule))
    victim = site.running.engines[0]
    victim.kill()
    made += [newcomer.make(region, DATA)["id"] for region in REGIONS]
    for image_id in made:
        eventually("it is everywhere", partial(everywhere, newcomer, image_id))
    site.at_rest(newcomer, rule)
    # If the full run before met a busy cloud, it is repeated; the outcome tells why.
    print(site.outcome(newcomer, rule))
    eventually("all is well", lambda: site.outcome(newcomer, rule) == WELL)


def test_a_region_that_is_away_is_caught_up(
    site: Site, newcomer: Person, glances: dict[str, Proxy]
) -> None:
    rule = site.rule(newcomer, interval=1)
    with glances["RegionThree"].broken(error(503)):
        image = newcomer.make("RegionOne", DATA)
        eventually("it is in the other", lambda: newcomer.images("RegionTwo").get(image["id"]))
        eventually(
            "the rule says why",
            lambda: site.show(newcomer, rule)["reason"] == "region_unavailable",
        )
    eventually("it is everywhere", lambda: everywhere(newcomer, image["id"]))
    eventually("all is well", lambda: site.show(newcomer, rule)["state"] == "OK")


def test_a_rule_that_is_deleted_leaves_nothing(
    site: Site, newcomer: Person, admin: Person, cloud: Any
) -> None:
    before = {trust["id"] for trust in trusts(admin, cloud)}
    rule = site.rule(newcomer)
    newcomer.make("RegionOne", DATA)
    answer = KingbirdAPI(site.running.url, newcomer).call("DELETE", f"-rules/{rule['id']}")
    assert answer.status_code == 204
    eventually(
        "its trust is gone", lambda: {trust["id"] for trust in trusts(admin, cloud)} <= before
    )
    rows = site.running.rows()
    assert rule["id"] not in {row["id"] for row in rows["rules"]}
    assert {row["rule_pk"] for row in rows["marks"]} <= {row["pk"] for row in rows["rules"]}
