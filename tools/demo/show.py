"""The demonstration: six images, one sync by the published client, a check, data, and a rule."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from demo import data, rules
from demo.check import problems, records_not_same, wrong_rows
from demo.client import Client
from demo.glance import Glance, Image
from demo.scene import SCENE, put
from demo.stage import RUN, Stage, alone, uninterrupted
from demo.table import image_table

USER = "demo"
JOB_SECONDS = 60.0


@dataclass
class Clock:
    """A clock that prints headings with the elapsed time."""

    began: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def say(self, text: str) -> None:
        print(f"\n[{self.seconds:3.0f} s] {text}\n")


def run() -> int:
    """Run the demonstration from start to end, and leave nothing running.

    :returns: 0 if every record is correct and the job succeeded, otherwise 1.
    """
    clock = Clock()
    refusal = f"a demo runs already in {RUN}; wait until it has ended"
    with alone("demo", refusal):
        stage = Stage("demo-", free_ports=True)
        found: list[str] = []
        try:
            clock.say("Starting a Keystone, three Glances and kingbird-standalone")
            stage.start(fresh=True)
            _print_processes(stage)
            found = _play(stage, clock)
        except Exception:
            if stage.service.log.exists():
                print(stage.service.tail())
            raise
        finally:
            with uninterrupted():
                clock.say("Stopping everything")
                print("ended:", ", ".join(stage.stop()) or "nothing else was running")
        if found:
            print(stage.service.tail())
            clock.say(f"FAILED: {len(found)} problems, listed above")
            return 1
        clock.say("Done: every record is in every region, and is what it should be")
        return 0


def _play(stage: Stage, clock: Clock) -> list[str]:
    """Run everything between the start and the end of the processes.

    :returns: the problems, a line each.
    """
    cloud = stage.cloud
    token, owner = cloud.token(USER), cloud.projects["demo"]
    glances = {region: Glance(url, token) for region, url in cloud.glance_urls.items()}
    source, *targets = cloud.regions

    clock.say(
        f"As the user {USER}: putting {len(SCENE)} images into {source} "
        "(an AMI, its kernel and its ramdisk are three)"
    )
    ids = put(glances[source], owner, cloud.projects)
    for item in SCENE:
        print(f"  {item.name:<15} {item.what}")
    print()
    before = {region: glance.images(owner) for region, glance in glances.items()}
    print(image_table(ids, before, {}))

    clock.say("Asking Kingbird what a sync of whole regions would do; nothing is written")
    rows = _difference(stage)
    print("\nWhole regions take images that have data; the two without are synced by their ids.")
    found = wrong_rows(rows, {ids[item.name] for item in SCENE if item.data}, source, targets)
    for line in found:
        print(f"PROBLEM: {line}")

    clock.say("Syncing them with the published client, python-kingbirdclient")
    client = Client(cloud.credentials(USER))
    words = ["sync", "create", "--resource_type", "image", "--source", source]
    words += [word for region in targets for word in ("--target", region)]
    words += [word for image_id in ids.values() for word in ("--resources", image_id)]
    job = client.show(*words)[0]["ID"]
    print()
    found += _follow(client, job, expected=len(ids) * len(targets))

    clock.say("Asking each Glance, not Kingbird, what is there now")
    after = {region: glance.images(owner) for region, glance in glances.items()}
    found += _compare(ids, after)

    clock.say("Asking Kingbird again")
    rows = _difference(stage)
    lacking = {ids[item.name] for item in SCENE if item.data}
    if wrong := records_not_same(rows, lacking, cloud.regions):
        found.append(f"{len(wrong)} images are not in sync by what Kingbird says")
        print(f"PROBLEM: {found[-1]}")
    openstack = Client(cloud.credentials(USER), "openstack")
    found += data.play(openstack, glances, ids["web-server"], clock.say)
    return found + rules.play(cloud, openstack, glances, clock.say)


def _difference(stage: Stage) -> list[dict[str, str]]:
    """Print the matrix of images and regions, and return its rows."""
    client = Client(stage.cloud.credentials(USER), "openstack")
    return client.show("image", "sync", "diff", "--all")


def _follow(client: Client, job: str, expected: int) -> list[str]:
    """Wait for the job, and check its items."""
    found = []
    client.wait_until_done(job, JOB_SECONDS)
    print()
    columns = [word for name in ("RESOURCE", "TARGET_REGION", "STATUS") for word in ("-c", name)]
    items = client.show("sync", "show", job, *columns)
    print()
    jobs = {row["ID"]: row["STATUS"] for row in client.show("sync", "list")}
    if jobs.get(job) != "SUCCESS":
        found.append(f"job {job} is {jobs.get(job, 'not in the list')}, not SUCCESS")
    if len(items) != expected:
        found.append(f"job {job} shows {len(items)} items, not {expected}")
    found += [
        f"job {job}: {item['RESOURCE']} in {item['TARGET_REGION']} is {item['STATUS']}"
        for item in items
        if item["STATUS"] != "SUCCESS"
    ]
    for line in found:
        print(f"PROBLEM: {line}")
    return found


def _compare(ids: Mapping[str, str], regions: Mapping[str, Mapping[str, Image]]) -> list[str]:
    """Print the table of the comparison, and the problems."""
    source, *targets = regions
    originals = {image_id: regions[source][image_id] for image_id in ids.values()}
    found = [
        problem
        for region in targets
        for problem in problems(source, originals, region, regions[region])
    ]
    wrong = {(problem.region, problem.image_id) for problem in found}
    expected = [(region, image_id) for region in targets for image_id in originals]
    marks = {
        (region, image_id): "DIFFERS" if (region, image_id) in wrong else "same"
        for region, image_id in expected
        if image_id in regions[region]
    }
    print(image_table(ids, regions, marks))
    right = sum(record not in wrong for record in expected)
    print("\nA record that is queued waits for its data, for which nobody has asked yet.")
    print(f"Compared field by field: {right} of {len(expected)} records are what they should be.")
    for problem in found:
        print(f"PROBLEM: {problem}")
    return [str(problem) for problem in found]


def _print_processes(stage: Stage) -> None:
    for status in stage.cloud.status():
        print(f"  {status.process:<20} {status.url}")
    print(f"  {'kingbird-standalone':<20} {stage.service.url}")
