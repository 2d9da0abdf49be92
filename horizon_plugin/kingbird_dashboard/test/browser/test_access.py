"""Test rights on the pages, and their sentences when a service is away."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from kingbird_dashboard.test.browser.conftest import Stage, log_in

pytestmark = pytest.mark.usefixtures("patient")

PAGES = ("", "jobs/", "rules/")


def test_a_reader_sees_all_and_has_no_button(
    logged_in: Callable[..., BrowserContext], stage: Stage
) -> None:
    context = logged_in("reader")
    page = context.new_page()
    for path in PAGES:
        page.goto(stage.page_url(path))
        expect(page.locator("#kingbird h1")).to_be_visible()
        expect(page.locator("#kingbird form[method=post]")).to_have_count(0)
        expect(page.locator("#kingbird .kb-go")).to_have_count(0)
    page.goto(stage.page_url("?state=drift"))
    page.locator("button.kb-drift").first.click()
    expect(page.locator("#kb-panel")).to_contain_text("alma")
    expect(page.locator("#kingbird form[method=post]")).to_have_count(0)
    page.goto(stage.page_url("jobs/"))
    page.locator("tr[data-job] th a").first.click()
    expect(page.locator("#kb-job")).to_be_visible()
    expect(page.locator("#kingbird form[method=post]")).to_have_count(0)
    context.close()


def test_another_project_sees_nothing_of_this_one(browser: Browser, stage: Stage) -> None:
    context = browser.new_context()
    page = context.new_page()
    log_in(page, stage, "other")
    page.goto(stage.page_url())
    expect(page.locator("#kingbird")).not_to_contain_text("alma-9-01")
    job = stage.kingbird("GET", "os-sync")["job_set"][0]["id"]
    page.goto(stage.page_url(f"jobs/{job}/"))
    expect(page.locator("#kingbird [role=alert]")).to_contain_text(job)
    expect(page.locator("#kb-job")).to_have_count(0)
    context.close()


def test_kingbird_stopped_is_a_sentence(page: Page, stage: Stage) -> None:
    page.goto(stage.page_url())
    expect(page.locator(".kb-tile")).to_have_count(5)
    stage.control("stop")
    try:
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        note = page.locator("#kingbird [data-live-note]")
        expect(note).to_contain_text("Kingbird does not answer")
        # Nothing of what was known is taken away.
        expect(page.locator(".kb-tile")).to_have_count(5)
        for path in PAGES:
            page.goto(stage.page_url(path))
            expect(page.locator("#kingbird [role=alert]")).to_contain_text(
                "Kingbird does not answer"
            )
    finally:
        stage.control("start")
    page.goto(stage.page_url())
    expect(page.locator(".kb-tile")).to_have_count(5)
    expect(page.locator("#kingbird [data-live-note]")).to_be_hidden()


def test_a_session_that_has_expired_leads_to_the_login(browser: Browser, stage: Stage) -> None:
    context = browser.new_context()
    page = context.new_page()
    log_in(page, stage, "demo")
    page.goto(stage.page_url())
    cookie = next(one for one in context.cookies() if one["name"] == "sessionid")
    (Path(stage.about["sessions"]) / f"sessionid{cookie['value']}").unlink()
    # The page that somebody looks at notices it by itself.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_url(re.compile("/auth/login/"))
    assert "next=/project/image_sync/" in page.url
    context.close()


def test_another_region_is_chosen(browser: Browser, stage: Stage) -> None:
    context = browser.new_context()
    page = context.new_page()
    log_in(page, stage, "demo")
    page.goto(f"{stage.url}/auth/switch_services_region/RegionTwo/?next=/project/image_sync/")
    expect(page.locator(".kb-tile")).to_have_count(5)
    expect(page.locator(".topbar")).to_contain_text("RegionTwo")
    expect(page.locator(".kb-matrix thead")).to_contain_text("RegionOne")
    context.close()


def test_an_admin_sees_every_project_engines_and_regions(
    logged_in: Callable[..., BrowserContext], stage: Stage
) -> None:
    context = logged_in("admin")
    page = context.new_page()
    admin = f"{stage.url}/admin/image_sync/"
    page.goto(admin)
    expect(page.locator("#kingbird")).to_contain_text("every project")
    expect(page.locator("#kingbird tbody")).to_contain_text("alma-9-01")
    page.click("#kingbird >> text=Jobs")
    expect(page.locator("#kingbird tbody")).to_contain_text(stage.about["projects"]["demo"])
    page.click("tr[data-job] th a >> nth=0")
    expect(page.locator("#kb-job")).to_be_visible()
    page.click("#kingbird >> text=Engines")
    expect(page.locator("tr[data-engine]").first).to_contain_text("alive")
    page.click("#kingbird nav >> text=Regions")
    expect(page.locator("tr[data-region]")).to_have_count(3)
    context.close()


def test_a_member_has_no_admin_panel(page: Page, stage: Stage) -> None:
    page.goto(f"{stage.url}/admin/image_sync/engines/")
    expect(page.locator("tr[data-engine]")).to_have_count(0)
