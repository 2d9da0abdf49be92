"""A real Horizon, and a Chromium that looks at it.

``python -m dashboard_run test`` starts both with a cloud and a Kingbird, and tells this where they
are.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

#: Seconds that a page may take beside other work on a slow machine.
PATIENCE = 60.0
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class Stage:
    """The programs that run, and the images that their regions hold.

    :ivar about: the file of ``dashboard_run``.
    """

    def __init__(self, about: dict[str, Any]) -> None:
        self.about = about
        self.url = about["url"]

    def page_url(self, path: str = "") -> str:
        return f"{self.url}/project/image_sync/{path}"

    def token(self, user: str, project: str = "demo") -> str:
        """Return a token of Keystone."""
        domain = {"id": "default"}
        identity = {"name": user, "domain": domain, "password": self.about["password"]}
        body = {
            "auth": {
                "identity": {"methods": ["password"], "password": {"user": identity}},
                "scope": {"project": {"name": project, "domain": domain}},
            }
        }
        answer = requests.post(f"{self.about['auth_url']}/auth/tokens", json=body, timeout=30)
        answer.raise_for_status()
        return answer.headers["X-Subject-Token"]

    def kingbird(self, method: str, path: str, body: Any = None, user: str = "demo") -> Any:
        """Call Kingbird as a user of the project demo."""
        url = f"{self.about['kingbird']}/{self.about['projects']['demo']}/{path}"
        headers = {"X-Auth-Token": self.token(user)}
        answer = requests.request(method, url, json=body, headers=headers, timeout=30)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def glance(self, region: str, method: str, path: str, **kwargs: Any) -> requests.Response:
        """Call a region's Glance as the user demo."""
        url = f"{self.about['glances'][region]}/v2/{path}"
        headers = {"X-Auth-Token": self.token("demo"), **kwargs.pop("headers", {})}
        return requests.request(method, url, headers=headers, timeout=30, **kwargs)

    def images(self, region: str) -> dict[str, dict[str, Any]]:
        """Return the images that the user demo sees in a region, by name."""
        found = self.glance(region, "GET", "images?limit=200").json()["images"]
        return {image["name"]: image for image in found}

    def put_image(self, name: str, region: str = "RegionOne") -> str:
        """Create an image with data, and return its id."""
        fields = {
            "name": name,
            "disk_format": "raw",
            "container_format": "bare",
            "visibility": "private",
        }
        image = self.glance(region, "POST", "images", json=fields).json()
        octets = {"Content-Type": "application/octet-stream"}
        path = f"images/{image['id']}/file"
        self.glance(region, "PUT", path, data=b"new\n", headers=octets).raise_for_status()
        return str(image["id"])

    def set_property(self, region: str, image: str, name: str, value: str) -> None:
        """Give an image a property in a region."""
        change = [{"op": "add", "path": f"/{name}", "value": value}]
        headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        answer = self.glance(region, "PATCH", f"images/{image}", json=change, headers=headers)
        answer.raise_for_status()

    def sync(self, images: list[str], source: str, target: list[str], **options: Any) -> str:
        """Have images synced, wait for the job's end, and return its id."""
        wanted = {"resource_type": "image", "resources": images, "source": source}
        body = {"resource_set": {**wanted, "target": target, **options}}
        job = self.kingbird("POST", "os-sync", body)["job_status"]["id"]
        wait(lambda: self.job(job)["sync_status"] != "IN_PROGRESS", "the job's end")
        return str(job)

    def job(self, job: str) -> dict[str, Any]:
        return self.kingbird("GET", f"os-sync/{job}")["job"]

    def rule(self, name: str) -> dict[str, Any]:
        """Return a rule of the project by its name."""
        found = self.kingbird("GET", "os-sync-rules")["rules"]
        return next(rule for rule in found if rule["name"] == name)

    def make_rule(self, name: str, **fields: Any) -> dict[str, Any]:
        """Make a rule about all images of RegionOne that does not run, and return it."""
        for rule in self.kingbird("GET", "os-sync-rules")["rules"]:
            if rule["name"] == name:
                # It is of an earlier run of the tests on the same cloud.
                self.kingbird("DELETE", f"os-sync-rules/{rule['id']}")
        wanted = {"resource_type": "image", "resources": ["*"], "source": "RegionOne"}
        body = {"name": name, **wanted, "target": ["RegionTwo"], "enabled": False, **fields}
        made: dict[str, Any] = self.kingbird("POST", "os-sync-rules", {"rule": body})["rule"]
        return made

    def run_rule(self, name: str) -> None:
        """Run a rule, and wait for the end of its run."""
        path = f"os-sync-rules/{self.rule(name)['id']}/run"
        job = self.kingbird("POST", path)["job_status"]["id"]
        wait(lambda: self.job(job)["sync_status"] != "IN_PROGRESS", "the end of the rule's run")

    def control(self, what: str) -> None:
        """Stop or start Kingbird."""
        subprocess.run([*self.about["control"], what], check=True)


def wait(holds: Callable[[], Any], what: str, page: Page | None = None) -> None:
    """Wait until something holds, and fail if it does not.

    :param page: the page whose events have to be heard meanwhile.
    """
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            pytest.fail(f"waited for {what} for {PATIENCE:.0f} s")
        if page is None:
            time.sleep(0.2)
        else:
            page.wait_for_timeout(200)


@pytest.fixture(scope="session")
def patient() -> None:
    """Give each expectation of a page as long as anything else."""
    expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="session")
def stage() -> Stage:
    return Stage(json.loads(Path(os.environ["KINGBIRD_DASHBOARD"]).read_text()))


@pytest.fixture(scope="session")
def browser(stage: Stage) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=stage.about["browser"], args=list(FLAGS)
        )
        yield found
        found.close()


@pytest.fixture(scope="session")
def logged_in(stage: Stage, browser: Browser) -> Callable[..., BrowserContext]:
    """Return a function that makes a browser's window for a user, with one login each."""
    states: dict[str, Any] = {}

    def make(user: str, **options: Any) -> BrowserContext:
        if user not in states:
            context = browser.new_context()
            page = context.new_page()
            log_in(page, stage, user)
            states[user] = context.storage_state()
            context.close()
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = browser.new_context(storage_state=states[user], **options)
        context.set_default_timeout(PATIENCE * 1000)
        return context

    return make


def log_in(page: Page, stage: Stage, user: str) -> None:
    """Log a user in by Horizon's form."""
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{stage.url}/auth/login/")
    page.fill("#id_username", user)
    page.fill("#id_password", stage.about["password"])
    page.click("#loginBtn")
    page.wait_for_url("**/project/**")


@pytest.fixture
def page(logged_in: Callable[..., BrowserContext]) -> Iterator[Page]:
    """A page of the user demo.  A script's error, or a dialog, fails the test."""
    context = logged_in("demo")
    found = context.new_page()
    faults: list[str] = []
    found.on("pageerror", lambda error: faults.append(str(error)))
    found.on("dialog", lambda dialog: faults.append(dialog.message))
    yield found
    context.close()
    assert faults == []
