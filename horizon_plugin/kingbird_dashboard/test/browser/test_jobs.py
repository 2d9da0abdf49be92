"""Jobs: one looks at them as they run, and ends them or tries again."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from kingbird_dashboard.test.browser.conftest import PATIENCE, Stage, wait

pytestmark = pytest.mark.usefixtures("patient")


@contextlib.contextmanager
def silent(stage: Stage, region: str) -> Iterator[None]:
    """Keep a region's Glance from answering in the block, so that a job takes its time."""
    pid = stage.about["pids"][f"glance-{region}"]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def begin(stage: Stage, images: list[str], target: list[str]) -> str:
    wanted = {"resource_type": "image", "resources": images, "source": "RegionOne"}
    body = {"resource_set": {**wanted, "target": target}}
    return str(stage.kingbird("POST", "os-sync", body)["job_status"]["id"])


def test_a_live_job(page: Page, stage: Stage) -> None:
    image = stage.put_image("live-job")
    loads: list[str] = []
    with silent(stage, "RegionThree"):
        job = begin(stage, [image], ["RegionTwo", "RegionThree"])
        page.goto(stage.page_url(f"jobs/{job}/"))
        expect(page.locator("#kb-job")).to_have_attribute("data-status", "IN_PROGRESS")
        expect(page.locator("text=Cancel")).to_be_visible()
        page.on("request", lambda request: loads.append(request.url))
        wait(lambda: any("/live/" in one for one in loads), "the page to ask", page)
    expect(page.locator("#kb-job")).to_have_attribute("data-status", "SUCCESS")
    expect(page.locator(f'[data-cell="{image}|RegionThree"]')).to_contain_text("created")
    expect(page.locator("text=Cancel")).to_have_count(0)
    # A job that has ended is not asked for any more.
    loads.clear()
    page.wait_for_timeout(4000)
    assert loads == []


def test_an_answer_that_is_known_is_not_sent_again(page: Page, stage: Stage) -> None:
    image = stage.put_image("known-answer")
    codes: list[int] = []
    with silent(stage, "RegionThree"):
        job = begin(stage, [image], ["RegionThree"])
        page.on("response", lambda one: codes.append(one.status))
        page.goto(stage.page_url(f"jobs/{job}/"))
        wait(lambda: 304 in codes, "a 304", page)
        page.click("text=Cancel")


def test_nobody_asks_while_nobody_looks(page: Page, stage: Stage) -> None:
    image = stage.put_image("nobody-looks")
    asked: list[str] = []
    with silent(stage, "RegionThree"):
        job = begin(stage, [image], ["RegionThree"])
        page.goto(stage.page_url(f"jobs/{job}/"))
        page.evaluate(
            """() => {
                Object.defineProperty(document, "hidden", { value: true, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        page.wait_for_timeout(500)
        page.on("request", lambda one: asked.append(one.url))
        page.wait_for_timeout(5000)
        assert asked == []
        page.evaluate(
            """() => {
                Object.defineProperty(document, "hidden", { value: false, configurable: true });
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        wait(lambda: asked, "a question", page)
        page.click("text=Cancel")


def test_cancel(page: Page, stage: Stage) -> None:
    image = stage.put_image("to-be-cancelled")
    with silent(stage, "RegionThree"):
        job = begin(stage, [image], ["RegionThree"])
        page.goto(stage.page_url("jobs/"))
        expect(page.locator(f'[data-job="{job}"]')).to_have_attribute("data-status", "IN_PROGRESS")
        page.click(f'[data-job="{job}"] th a')
        page.click("text=Cancel")
        wait(lambda: stage.job(job)["sync_status"] == "CANCELLED", "the job's end")
    expect(page.locator("#kb-job")).to_have_attribute("data-status", "CANCELLED")
    assert "to-be-cancelled" not in stage.images("RegionThree")


def test_retry_of_one_region(page: Page, stage: Stage) -> None:
    taken = stage.put_image("to-be-retried")
    other = {"X-Auth-Token": stage.token("other", "other")}
    fields = {"id": taken, "name": "mine", "visibility": "community"}
    stage.glance("RegionThree", "POST", "images", json=fields, headers=other).raise_for_status()
    job = stage.sync([taken], "RegionOne", ["RegionTwo", "RegionThree"])
    page.goto(stage.page_url(f"jobs/{job}/"))
    expect(page.locator("#kb-job")).to_have_attribute("data-status", "FAILURE")
    expect(page.locator("text=ask the id's owner")).to_be_visible()
    page.click('[data-progress="RegionThree"] >> text=Retry this region')
    wait(lambda: stage.job(job)["runs"] == 2, "the second run")
    expect(page.locator("#kb-job")).to_have_attribute(
        "data-status", "FAILURE", timeout=PATIENCE * 1000
    )
    assert stage.glance("RegionThree", "GET", f"images/{taken}").json()["name"] == "mine"


def test_a_job_is_deleted_and_its_records_stay(page: Page, stage: Stage) -> None:
    image = stage.put_image("record-stays")
    job = stage.sync([image], "RegionOne", ["RegionTwo"])
    page.goto(stage.page_url(f"jobs/{job}/"))
    page.click("button >> text=Delete")
    expect(page).to_have_url(stage.page_url("jobs/"))
    expect(page.locator(f'[data-job="{job}"]')).to_have_count(0)
    assert stage.images("RegionTwo")["record-stays"]["id"] == image


def test_undo(page: Page, stage: Stage) -> None:
    undone, changed, updated = (
        stage.put_image(name) for name in ("to-be-undone", "changed-since", "to-get-back")
    )
    stage.sync([updated], "RegionOne", ["RegionTwo"])
    stage.set_property("RegionOne", updated, "os_version", "13")
    job = stage.sync([undone, changed, updated], "RegionOne", ["RegionTwo"], on_drift="update")
    assert stage.images("RegionTwo")["to-get-back"]["os_version"] == "13"
    # Glance tells times of images in seconds: one that is changed in the second of its creation
    # seems not to be.
    time.sleep(1.1)
    stage.set_property("RegionTwo", changed, "os_version", "7")

    page.goto(stage.page_url(f"jobs/{job}/"))
    page.click("#kingbird >> text=Undo…")
    # The page tells the writes before anything is written.
    told = page.locator("#kingbird ul:not(.kb-tabs)")
    expect(told).to_contain_text("2 records that the job created are hidden.")
    expect(told).to_contain_text("1 image that the job updated gets its old values back.")
    assert "to-be-undone" in stage.images("RegionTwo")
    page.click("text=Undo it (3)")
    expect(page.locator("#kingbird h1")).to_contain_text("Undo")
    expect(page.locator("#kb-job")).to_have_attribute("data-status", "SUCCESS")
    expect(page.locator(f'[data-cell="{undone}|RegionTwo"]')).to_contain_text("undone")
    kept = page.locator("tr", has=page.locator(f'[data-cell="{changed}|RegionTwo"]'))
    expect(kept).to_contain_text("kept")
    expect(kept).to_contain_text("It was changed since")
    expect(page.locator("text=Retry")).to_have_count(0)
    there = stage.images("RegionTwo")
    assert "to-be-undone" not in there
    assert there["changed-since"]["os_version"] == "7"
    assert "os_version" not in there["to-get-back"]
    assert stage.glance("RegionTwo", "GET", f"images/{undone}").json()["os_hidden"] is True

    page.click("text=The job that this one undoes")
    expect(page.locator("text=Undone by another job")).to_be_visible()
    expect(page.locator("text=Undo…")).to_have_count(0)


def test_fields_that_others_changed_are_left(page: Page, stage: Stage) -> None:
    image = stage.put_image("touched-since")
    stage.sync([image], "RegionOne", ["RegionTwo"])
    for name in ("os_version", "os_distro"):
        stage.set_property("RegionOne", image, name, "13")
    job = stage.sync([image], "RegionOne", ["RegionTwo"], on_drift="update")
    stage.set_property("RegionTwo", image, "os_distro", "other")
    page.goto(stage.page_url(f"jobs/{job}/before-undo/"))
    page.click("text=Undo it (1)")
    row = page.locator("tr", has=page.locator(f'[data-cell="{image}|RegionTwo"]'))
    expect(row).to_contain_text("kept in part")
    expect(row).to_contain_text("Changed by others since, and left: os_distro")
    there = stage.images("RegionTwo")["touched-since"]
    assert (there.get("os_version"), there["os_distro"]) == (None, "other")
