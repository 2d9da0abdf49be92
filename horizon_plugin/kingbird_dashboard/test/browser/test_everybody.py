"""The pages for everybody: other people's names, no JavaScript, a keyboard, a narrow window."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from kingbird_dashboard.test.browser.conftest import Stage

pytestmark = pytest.mark.usefixtures("patient")

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


def test_hostile_names_run_nothing_and_are_seen(page: Page, stage: Stage) -> None:
    images = stage.images("RegionOne")
    ids = [images[name]["id"] for name in stage.about["hostile"]]
    job = stage.sync(ids, "RegionOne", ["RegionTwo"], dry_run=True)
    paths = ["", f"jobs/{job}/", "jobs/", *(f"images/{one}/" for one in ids)]
    paths += [f"?cell={one}%7CRegionTwo" for one in ids]
    paths += [
        "?q=%3Cscript%3Ewindow.kbHostile=5%3C/script%3E",
        "?q={$constructor.constructor('window.kbHostile=6')()$}",
    ]
    for path in paths:
        page.goto(stage.page_url(path))
        page.wait_for_load_state("networkidle")
        assert page.evaluate("window.kbHostile") is None, path
    page.goto(stage.page_url())
    table = page.locator(".kb-matrix")
    expect(table).to_contain_text("<img src=x onerror=window.kbHostile=1>")
    expect(table).to_contain_text('"><script>window.kbHostile=3</script>')
    # Nothing turns round or hides.
    text = table.inner_text()
    assert not {"\u202e", "\u200b"} & set(text)
    assert "[U+200B]hidden" in text
    assert page.locator("#kingbird img, #kingbird script").count() == 0
    # The live view writes names as texts too.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_load_state("networkidle")
    assert page.evaluate("window.kbHostile") is None


def test_all_of_it_without_javascript(
    logged_in: Callable[..., BrowserContext], stage: Stage
) -> None:
    image = stage.put_image("without-javascript")
    stage.sync([image], "RegionOne", ["RegionTwo"], dry_run=True)
    context = logged_in("demo", java_script_enabled=False)
    page = context.new_page()
    page.goto(stage.page_url())
    page.fill("input[name=q]", "without-javascript")
    page.click("#kingbird >> text=Show")
    page.click(f'button[value="{image}|RegionTwo"]')
    page.click("#kb-panel >> text=Create the record")
    for _look in range(100):
        if page.locator("text=Do exactly this (1)").count():
            break
        page.wait_for_timeout(300)
        page.reload()
    page.click("text=Do exactly this (1)")
    for _look in range(100):
        if page.locator('#kb-job[data-status="SUCCESS"]').count():
            break
        page.wait_for_timeout(300)
        page.reload()
    assert stage.images("RegionTwo")["without-javascript"]["id"] == image
    page.goto(stage.page_url("rules/new/"))
    page.fill("#id_name", "x")
    page.fill("#id_name_prefix", "without-")
    page.select_option("#id_source", "RegionOne")
    page.select_option("#id_target", "RegionThree")
    page.click("button >> text=Preview")
    for _look in range(100):
        if not page.locator("text=Look again").count():
            break
        page.wait_for_timeout(300)
        page.click("text=Look again")
    expect(page.locator("#kb-preview")).to_contain_text("1 record would be created")
    expect(page.locator("#id_name_prefix")).to_have_value("without-")
    context.close()


def test_a_keyboard_alone(page: Page, stage: Stage) -> None:
    page.goto(stage.page_url())
    first = page.locator("tbody tr").nth(0).locator("td button")
    second = page.locator("tbody tr").nth(1).locator("td button")
    for _tab in range(80):
        page.keyboard.press("Tab")
        if first.nth(0).evaluate("one => one === document.activeElement"):
            break
    expect(first.nth(0)).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(first.nth(1)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(second.nth(1)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(second.nth(0)).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#kb-panel")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#kb-panel :focus")).to_have_count(1)


def every_path(stage: Stage) -> list[str]:
    """Return the paths of all pages, with something to show on each."""
    image = stage.images("RegionOne")["alma-9-01"]["id"]
    newest = stage.kingbird("GET", "os-sync/detail?limit=100")["job_set"]
    job = next(one["id"] for one in newest if one["outcomes"].get("created"))
    preview = next(one["id"] for one in newest if one["dry_run"])
    rule = stage.kingbird("GET", "os-sync-rules")["rules"][0]["id"]
    return [
        *("", "jobs/", f"jobs/{job}/", f"jobs/{job}/before-undo/", f"jobs/{preview}/"),
        *("rules/", "rules/new/", f"rules/{rule}/edit/", "order/", f"images/{image}/"),
        f"?state=drift&cell={image}%7CRegionThree",
    ]


ADMIN_PATHS = ("", "jobs/", "rules/", "engines/", "regions/")


def test_a_narrow_window(logged_in: Callable[..., BrowserContext], stage: Stage) -> None:
    found = []
    for user, paths in (("demo", every_path(stage)), ("admin", ADMIN_PATHS)):
        context = logged_in(user, viewport={"width": 400, "height": 800})
        page = context.new_page()
        for path in paths:
            page.goto(_url(stage, user, path))
            page.locator("#kingbird h1").wait_for()
            found += page.evaluate(
                """() => [...document.querySelectorAll('#kingbird, #kingbird > *')]
                    .filter(one => one.scrollWidth > one.clientWidth + 1 && one.clientWidth)
                    .filter(one => getComputedStyle(one).overflowX !== "auto")
                    .map(one => location.pathname + " " + one.outerHTML.slice(0, 80))"""
            )
        context.close()
    assert found == []


def test_axe_finds_no_fault(logged_in: Callable[..., BrowserContext], stage: Stage) -> None:
    found = []
    for user, paths in (("demo", every_path(stage)), ("admin", ADMIN_PATHS)):
        context = logged_in(user)
        page = context.new_page()
        for path in paths:
            page.goto(_url(stage, user, path))
            page.locator("#kingbird h1").wait_for()
            expect(page.locator("#kingbird [role=alert]")).to_have_count(1)
            expect(page.locator("#kingbird [role=alert]")).to_be_hidden()
            result = Axe().run(page, context="#kingbird", options=RULES).response
            assert result["passes"], path
            found += [
                (user, path, fault["id"], node["html"][:120])
                for fault in result["violations"]
                for node in fault["nodes"][:2]
            ]
        context.close()
    assert found == []


def _url(stage: Stage, user: str, path: str) -> str:
    return f"{stage.url}/admin/image_sync/{path}" if user == "admin" else stage.page_url(path)


def test_pictures_for_the_documentation(page: Page, stage: Stage) -> None:
    folder = Path(stage.about["pictures"])
    folder.mkdir(parents=True, exist_ok=True)
    image = stage.images("RegionOne")["alma-9-01"]["id"]
    preview = stage.sync(["*"], "RegionOne", ["RegionTwo", "RegionThree"], dry_run=True)
    pictures = {
        "state": "",
        "cell": f"?state=drift&cell={image}%7CRegionThree",
        "preview": f"jobs/{preview}/",
        "image": f"images/{image}/",
        "rule": "rules/new/",
    }
    for name, path in pictures.items():
        page.set_viewport_size({"width": 1200, "height": 900 if name == "rule" else 700})
        page.goto(stage.page_url(path))
        if name == "rule":
            expect(page.locator("#kb-preview")).to_have_text(re.compile("match"))
        page.screenshot(path=folder / f"dashboard-{name}.png")
        assert (folder / f"dashboard-{name}.png").stat().st_size > 10_000
