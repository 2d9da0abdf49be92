"""Data that the target's Glance imports, on real Glances."""

import json
import os
import struct
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kingbird.sync import arrival
from kingbird.sync.arrival import Arrival
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.glance_config import configured
from kingbird.tests.functional.kingbird_api import (
    FAILURE,
    PLANNED,
    SUCCESS,
    Job,
    KingbirdAPI,
    sync,
)
from kingbird.tests.functional.people import RAW, Image, Person
from kingbird.tests.functional.programs import run
from kingbird.tests.functional.proxy import Call, Proxy, hold
from kingbird.tests.waiting import eventually

API = Callable[[Person], KingbirdAPI]
TARGETS = ["RegionTwo", "RegionThree"]
#: The answers of Glance that the unit tests read.
RECORDED = Path(__file__).parents[1] / "unit" / "sync" / "recorded_imports.json"
#: Set it to have the answers recorded anew.
RECORD = "KINGBIRD_RECORD_IMPORTS"
#: The fields of an answer that are recorded.
KEPT = ("status", arrival.LOCK, arrival.FAILED_STORES, "os_glance_importing_to_stores", "size")


def qcow2(data: bytes) -> bytes:
    """Return data with the header of a qcow2 file, which Glance inspects."""
    sizes = (0, 0, 16, 2**30, 0, 2, 0x30000, 0x10000, 1, 0, 0)
    header = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 3, *sizes)
    header += struct.pack(">QQQII", 0, 0, 0, 4, 104)
    return header.ljust(0x40000, b"\0") + data


def make_images(demo: Person, other: Person) -> dict[str, Image]:
    """Make 30 images of all kinds in RegionOne."""
    made: dict[str, Image] = {}

    def make(kind: str, data: bytes | None = None, **fields: Any) -> None:
        made[kind] = demo.make("RegionOne", data, **{"visibility": "private", **fields})

    for number, size in enumerate((1, 10_000, 100_000, 300_000, 1_000_000, 2_000_000)):
        make(f"raw {number}", os.urandom(size))
    for number in range(4):
        make(f"qcow2 {number}", qcow2(os.urandom(100_000 * number)), disk_format="qcow2")
    for number in range(2):
        make(f"empty {number}", b"")
        make(f"protected {number}", os.urandom(5000), protected=True)
        make(f"hidden {number}", os.urandom(5000), os_hidden=True)
        make(f"shared {number}", os.urandom(5000), visibility="shared")
        demo.share("RegionOne", made[f"shared {number}"]["id"], other.project_id)
        make(f"without data {number}")
    make("community", os.urandom(5000), visibility="community")
    make("tags", os.urandom(5000), tags=["a", "b"], os_distro="debian", hw_disk_bus="scsi")
    parts = {"kernel_id": "aki", "ramdisk_id": "ari"}
    for kind in parts.values():
        make(kind, kind.encode(), disk_format=kind, container_format=kind)
    refers = {name: made[kind]["id"] for name, kind in parts.items()}
    make("ami", b"machine", disk_format="ami", container_format="ami", **refers)
    make("deactivated", b"closed")
    # The largest one comes last.
    make("deleted meanwhile", os.urandom(3_000_000))
    make("same data", b"same")
    make("same data again", b"same")
    return made


#: Kinds of images without data to import, and what the items say of it.
SILENT = {
    "without data 0": "has no data",
    "without data 1": "has no data",
    "deactivated": "deactivated",
}


def test_data_of_all_kinds_of_images(
    demo: Person, other: Person, admin: Person, api: API, glances: dict[str, Proxy]
) -> None:
    images = make_images(demo, other)
    admin.deactivate("RegionOne", images["deactivated"]["id"])
    # An earlier run has made a record.
    images["made before"] = early = demo.make("RegionOne", b"made before", visibility="private")
    assert len(images) == 30
    assert api(demo).run(sync(early["id"])).outcome == (SUCCESS, "created")
    assert demo.see("RegionTwo", early["id"])["status"] == "queued"
    wanted = sync(*(image["id"] for image in images.values()), target=TARGETS, data="import")
    dry = api(demo).run({**wanted, "dry_run": True})
    coming = {name: image for name, image in images.items() if name not in SILENT}
    size = sum(image["size"] for image in coming.values())
    planned = dry.overview["regions"]["RegionTwo"]["data"]["pending"]
    assert planned == {"items": len(coming), "bytes": size}
    assert dry.item(early["id"], "RegionTwo")["reason"] == "no_data"
    assert dry.item(early["id"], "RegionTwo")["sync_status"] == PLANNED

    doomed = coming.pop("deleted meanwhile")
    job = run_without(doomed, wanted, demo, api, glances)
    assert job.status == FAILURE, job.items
    for region in TARGETS:
        item = job.item(doomed["id"], region)
        assert (item["sync_status"], item["reason"]) == (FAILURE, "source_gone")
        assert (item["data"], "RegionOne" in item["message"]) == ("failed", True)
        assert demo.see(region, doomed["id"])["status"] == "queued"
        for name, words in SILENT.items():
            item, copy = job.item(images[name]["id"], region), demo.see(region, images[name]["id"])
            assert (copy["status"], item["data"]) == ("queued", "none"), name
            assert (item["sync_status"], words in item["message"]) == (SUCCESS, True), name
        for name, image in coming.items():
            item, copy = job.item(image["id"], region), demo.see(region, image["id"])
            was_there = (name, region) == ("made before", "RegionTwo")
            assert item["reason"] == ("imported" if was_there else "created"), name
            assert (copy["status"], item["data"]) == ("active", "active"), name
            assert copy["os_hash_value"] == image["os_hash_value"], name
            assert item["bytes"] == copy["size"] == image["size"], name
            for field in ("disk_format", "protected", "os_hidden", "visibility"):
                assert copy[field] == image[field], name
            assert {*copy["tags"]} == {*image["tags"]}, name
            assert item["data_seconds"] >= 0, name
    size -= doomed["size"]
    assert job.overview["data"]["active"] == {"items": 2 * len(coming), "bytes": 2 * size}

    with glances["RegionTwo"].recording() as two, glances["RegionThree"].recording() as three:
        again = api(demo).run(sync(*(one["id"] for one in coming.values()), target=TARGETS))
    assert (again.status, set(again.reasons.values())) == (SUCCESS, {"in_sync"})
    assert [call for call in (*two, *three) if call.writes] == []


def run_without(
    doomed: Image, wanted: Any, demo: Person, api: API, glances: dict[str, Proxy]
) -> Job:
    """Run a job, and delete an image at its source when its records have been made."""
    gate = threading.Event()

    def asks(call: Call) -> bool:
        return call.method == "POST" and call.path.endswith("/import")

    with ExitStack() as stack:
        for region in TARGETS:
            stack.enter_context(glances[region].broken(hold(gate), asks))
        stack.callback(gate.set)
        job_id = api(demo).accepted(wanted)

        def all_wait() -> bool:
            items = [one for one in api(demo).items(job_id) if one["resource"] == doomed["id"]]
            made = [demo.images(region).get(doomed["id"]) for region in TARGETS]
            return all(made) and [one["data"] for one in items] == ["pending"] * len(TARGETS)

        eventually("the records are made", all_wait)
        demo.delete("RegionOne", doomed["id"])
        gate.set()
        return api(demo).wait(job_id)


class Recorder:
    """The answers of a real Glance about one import after the other."""

    def __init__(self, demo: Person) -> None:
        self._demo = demo
        self.answers: list[dict[str, Any]] = []

    def ask(self, source: Image, **fields: Any) -> Image:
        """Ask for an import into a new record, and return the record."""
        record = self._demo.make("RegionTwo", **RAW, **fields)
        self._demo.images("RegionTwo").import_data(
            record["id"], region="RegionOne", source_id=source["id"], interface="public"
        )
        return record

    def see(self, scene: str, image: Image, means: Arrival, *, asked: bool = True) -> None:
        """Wait for an answer that means something, and keep it with Glance's last task."""

        def look() -> tuple[Image, dict[str, Any] | None] | None:
            images = self._demo.images("RegionTwo")
            tasks = images.list_import_tasks(image["id"])
            (shown,) = images.list_by_ids([image["id"]])
            task = max(tasks, key=lambda one: str(one["created_at"]), default=None)
            found = arrival.classify(shown, asked=asked, task=task)
            has_ended = task is None or task["status"] in ("success", "failure")
            waits = means in (Arrival.EARLY_FAILURE, Arrival.LATE_FAILURE) and not has_ended
            return (shown, task) if found is means and not waits else None

        shown, task = eventually(scene, look, poll=0)
        kept = {name: shown[name] for name in KEPT if name in shown}
        answer = {"scene": scene, "means": means, "asked": asked, "image": kept}
        if task is not None:
            answer["task"] = {name: task[name] for name in ("id", "status", "message")}
        self.answers.append(answer)


def test_answers_about_imports(demo: Person, cloud: Any) -> None:
    """Glance answers as it did when its answers were recorded."""
    data = os.urandom(2_000_000)
    source = demo.make("RegionOne", data, visibility="private")
    recorder = Recorder(demo)
    record = demo.make("RegionTwo", **RAW)
    recorder.see("no import was asked for", record, Arrival.IDLE, asked=False)
    with configured(cloud, "RegionTwo", DEFAULT={"image_size_cap": "1000"}):
        late = recorder.ask(source)
        recorder.see("the data are over a limit", late, Arrival.LATE_FAILURE)
        refused = pytest.raises(Exception, match="active task")
        with refused:
            demo.images("RegionTwo").import_data(
                late["id"], region="RegionOne", source_id=source["id"], interface="public"
            )
    early = recorder.ask({"id": record["id"]})
    recorder.see("there is no source", early, Arrival.EARLY_FAILURE)
    arrived = recorder.ask(source)
    recorder.see("the data have arrived", arrived, Arrival.ARRIVED)
    demo.upload("RegionTwo", record["id"], b"data")
    recorder.see("somebody has uploaded data", record, Arrival.ARRIVED, asked=False)
    if RECORD in os.environ:
        RECORDED.write_text(json.dumps(recorder.answers, indent=1) + "\n")
    known = {one["scene"]: one for one in json.loads(RECORDED.read_text())}
    for answer in recorder.answers:
        before = known[answer["scene"]]
        # Glance frees an image a moment after its data have arrived.
        differing = set(answer["image"]) ^ set(before["image"])
        assert differing <= {arrival.LOCK}, answer["scene"]
        for name in ("status", arrival.FAILED_STORES):
            assert answer["image"].get(name) == before["image"].get(name), answer["scene"]


def test_what_operators_see_of_regions(deployment: Deployment, cloud: Any) -> None:
    disabled = {"enabled_import_methods": "[glance-direct,web-download]"}
    with configured(cloud, "RegionTwo", DEFAULT=disabled):
        done = run("kingbird-manage", "--config-file", deployment.config, "regions")
        checked = run("kingbird-status", "--config-file", deployment.config, "upgrade", "check")
    assert done.returncode == 0, done.stderr
    shown: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        if not line.startswith(" "):
            shown[line] = []
        else:
            shown[[*shown][-1]].append(line.strip())
    assert list(shown) == sorted(cloud.regions)
    for region, lines in shown.items():
        is_off = region == "RegionTwo"
        assert lines[0].split() == ["fetches", "data:", "no" if is_off else "yes"]
        url = cloud.glance_urls[region]
        assert lines[1] == f"data are read at {url} (public)"
        assert any("enabled_import_methods" in line for line in lines) is is_off
        # Glances refuse other ports than 80 and 443 unless they are told.
        port = str(urlsplit(url).port)
        assert any("allowed_ports" in line and port in line for line in lines)
        assert any("allowed_hosts" in line for line in lines), "loopback"
    assert "RegionTwo: its enabled_import_methods does not name" in " ".join(
        checked.stdout.replace("|", " ").split()
    )
