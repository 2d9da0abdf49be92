"""Rules: made with a preview, run, paused and deleted."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from kingbird_dashboard.test.browser.conftest import Stage, wait

pytestmark = pytest.mark.usefixtures("patient")


def test_a_rule_is_made_with_a_preview_while_one_types(page: Page, stage: Stage) -> None:
    image = stage.put_image("ruled-1")
    jobs = {job["id"] for job in stage.kingbird("GET", "os-sync")["job_set"]}
    page.goto(stage.page_url("rules/new/"))
    preview = page.locator("#kb-preview")
    expect(preview).to_have_text(re.compile(r"\d+ images match, "))
    page.fill("#id_name_prefix", "ruled-")
    page.select_option("#id_source", "RegionOne")
    page.select_option("#id_target", "RegionTwo")
    expect(preview).to_have_text(
        "1 image matches, 1 record would be created, 0 differ, 0 conflicts."
    )
    assert {job["id"] for job in stage.kingbird("GET", "os-sync")["job_set"]} == jobs
    assert "ruled-1" not in stage.images("RegionTwo")

    page.fill("#id_name", "ruled images")
    page.select_option("#id_interval", "0")
    page.click("text=Create the rule")
    row = page.locator("tr[data-rule]", has_text="ruled images")
    expect(row).to_contain_text("name_prefix: ruled-")
    # Making a rule begins with a full run.
    wait(lambda: "ruled-1" in stage.images("RegionTwo"), "the record of the rule")
    assert stage.images("RegionTwo")["ruled-1"]["id"] == image

    row.locator("text=Pause").click()
    expect(row).to_contain_text("paused")
    row.locator("text=Enable").click()
    expect(row).not_to_contain_text("paused")
    wait(lambda: _is_idle(stage), "the end of the rule's run")
    page.goto(stage.page_url("rules/"))
    row.locator("text=Run now").click()
    expect(page).to_have_url(re.compile("/jobs/"))
    page.goto(stage.page_url("rules/"))
    row.locator("text=Delete").click()
    expect(page.locator("tr[data-rule]", has_text="ruled images")).to_have_count(0)
    assert "ruled-1" in stage.images("RegionTwo")


def test_a_rule_is_changed_with_a_preview_while_one_types(page: Page, stage: Stage) -> None:
    for name in ("edited-1", "edited-2"):
        stage.put_image(name)
    rule = stage.make_rule("to edit", interval=7200, filters={"name_prefix": "edited-1"})
    page.goto(stage.page_url("rules/"))
    row = page.locator("tr[data-rule]", has_text="to edit")
    row.locator("text=Change").click()
    expect(page.locator("#id_name_prefix")).to_have_value("edited-1")
    expect(page.locator("#id_interval")).to_have_value("7200")
    preview = page.locator("#kb-preview")
    expect(preview).to_have_text(re.compile("1 image matches, 1 record would be created"))
    page.fill("#id_name_prefix", "edited-")
    expect(preview).to_have_text(re.compile("2 images match, 2 records would be created"))
    assert stage.rule("to edit")["filters"] == {"name_prefix": "edited-1"}
    page.select_option("#id_interval", "86400")
    page.click("text=Change the rule")
    expect(row).to_contain_text("name_prefix: edited-")
    changed = stage.rule("to edit")
    assert changed == {
        **rule,
        "filters": {"name_prefix": "edited-"},
        "interval": 86400,
        **{name: changed[name] for name in ("hears", "updated_at")},
    }
    assert not {"edited-1", "edited-2"} & stage.images("RegionTwo").keys()


def test_an_admin_sees_the_rules_of_every_project_and_deletes_one(
    logged_in: Callable[..., BrowserContext], stage: Stage
) -> None:
    stage.make_rule("stray")
    context = logged_in("admin")
    page = context.new_page()
    page.goto(f"{stage.url}/admin/image_sync/rules/")
    row = page.locator("tr[data-rule]", has_text="stray")
    expect(row).to_contain_text(stage.about["projects"]["demo"])
    expect(row.locator("button, .kb-button")).to_have_text(["Delete"])
    row.locator("text=Delete").click()
    expect(page.locator("tr[data-rule]", has_text="golden-everywhere")).to_have_count(1)
    expect(row).to_have_count(0)
    assert "stray" not in [one["name"] for one in stage.kingbird("GET", "os-sync-rules")["rules"]]
    context.close()


def _is_idle(stage: Stage) -> bool:
    return not stage.kingbird("GET", "os-sync/active")["job_set"]


def test_a_rule_that_is_refused_says_why(page: Page, stage: Stage) -> None:
    page.goto(stage.page_url("rules/new/"))
    page.fill("#id_name", "in a circle")
    page.select_option("#id_source", "RegionOne")
    page.select_option("#id_target", "RegionOne")
    page.click("text=Create the rule")
    expect(page.locator("#kingbird [role=alert]").first).to_contain_text("RegionOne")
    expect(page.locator("#id_name")).to_have_value("in a circle")
