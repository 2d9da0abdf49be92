"""Images in several regions, not all in order, so that there is something to look at.

The project demo owns them; one id in RegionThree belongs to the project other.
"""

from __future__ import annotations

import time
from typing import Any

import requests
from demo.errors import DemoError
from demo.glance import Glance
from minicloud.cloud import Cloud

_RAW = {"disk_format": "raw", "container_format": "bare", "visibility": "private"}
#: Names that other people chose.  None of them may do anything but be shown.
HOSTILE = (
    "<img src=x onerror=window.kbHostile=1>",
    "{$constructor.constructor('window.kbHostile=2')()$}",
    '"><script>window.kbHostile=3</script>',
    "{{constructor.constructor('window.kbHostile=4')()}}",
    "turned \u202eround\u202c and \u200bhidden",
    "=HYPERLINK(1)",
)
DRIFTING, CONFLICTING = "alma-9-01", "ci-runner-01"
MISSING = ("debian-13-02", "web-server-04")
GOOD = tuple(f"golden-{number:02}" for number in range(1, 9))
TAG = "golden"
RULE = "golden-everywhere"
_SECONDS = 60.0


def put(cloud: Cloud, service_url: str, *, hostile: bool = True) -> None:
    """Create the images once, and have them compared.

    The records are made in all regions first.  Then one of them is changed, some are new, and one
    id is taken.

    :param hostile: whether some have names that try to do something.
    :raises DemoError: a service refuses.
    """
    first, *others = cloud.regions
    owner, token = cloud.projects["demo"], cloud.token("demo")
    glances = {region: Glance(cloud.glance_urls[region], token) for region in cloud.regions}
    if any(image["name"] == DRIFTING for image in glances[first].images(owner).values()):
        return
    call = _Calls(service_url, owner, token)
    ids = {}
    for name in (DRIFTING, *GOOD):
        ids[name] = glances[first].create(
            {**_RAW, "name": name, "os_distro": "alma", "os_version": "9", "tags": [TAG]}
        )["id"]
        glances[first].upload(ids[name], b"what it boots from\n" * 64)
    call.sync(list(ids.values()), first, others)
    for region in others:
        for name, image_id in ids.items():
            if name != GOOD[-1]:
                glances[region].upload(image_id, b"what it boots from\n" * 64)
    last = others[-1]
    glances[last].replace(ids[DRIFTING], "os_distro", "centos")
    taken = glances[first].create({**_RAW, "name": CONFLICTING})["id"]
    glances[first].upload(taken, b"of one\n")
    stranger = Glance(cloud.glance_urls[last], cloud.token("other"))
    own = {**_RAW, "name": "somebody's own", "visibility": "community"}
    stranger.create({**own, "id": taken})
    for name in (*MISSING, *(HOSTILE if hostile else ())):
        image_id = glances[first].create({**_RAW, "name": name})["id"]
        glances[first].upload(image_id, b"new\n")
    call.sync(["*"], first, others, dry_run=True)
    call.make_rule(first)


class _Calls:
    """Calls of Kingbird as the user demo."""

    def __init__(self, url: str, project: str, token: str) -> None:
        self._url = f"{url}/{project}/os-sync"
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers["X-Auth-Token"] = token

    def make_rule(self, source: str) -> None:
        """Make the rule that looks after the golden images."""
        rule = {
            "name": RULE,
            "description": "Golden images in all regions",
            "resource_type": "image",
            "resources": ["*"],
            "source": source,
            "target": ["*"],
            "filters": {"tag": [TAG]},
            "interval": 300,
        }
        answer = self._session.post(f"{self._url}-rules", json={"rule": rule}, timeout=60)
        if not answer.ok:
            raise DemoError(f"Kingbird answers {answer.status_code}: {answer.text}")

    def sync(self, images: list[str], source: str, target: list[str], **options: Any) -> None:
        """Have images synced, and wait for the job's end."""
        wanted = {"resource_type": "image", "resources": images, "source": source}
        body = {"resource_set": {**wanted, "target": target, **options}}
        answer = self._session.post(self._url, json=body, timeout=60)
        if not answer.ok:
            raise DemoError(f"Kingbird answers {answer.status_code}: {answer.text}")
        job = answer.json()["job_status"]["id"]
        deadline = time.monotonic() + _SECONDS
        while True:
            shown = self._session.get(f"{self._url}/{job}", timeout=60).json()["job"]
            if shown["sync_status"] != "IN_PROGRESS":
                return
            if time.monotonic() > deadline:
                raise DemoError(f"the job {job} has not ended in {_SECONDS:.0f} s")
            time.sleep(0.2)
