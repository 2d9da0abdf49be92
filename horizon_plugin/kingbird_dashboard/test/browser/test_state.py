"""The matrix: it shows what Kingbird knows, and one acts from its cells."""

import re

import pytest
from playwright.sync_api import Page, expect

from kingbird_dashboard.test.browser.conftest import PATIENCE, Stage, wait

pytestmark = pytest.mark.usefixtures("patient")


def cell(page: Page, image: str, region: str):
    """Return the button of an image in a region."""
    return page.locator(f'button[name=cell][value="{image}|{region}"]')


def matrix(page: Page) -> dict[tuple[str, str], str]:
    """Return the kind of each cell by image and region."""
    found = {}
    for one in page.locator("button[name=cell]").all():
        image, region = (one.get_attribute("value") or "").split("|")
        kinds = re.findall(r"kb-(\w+)", (one.get_attribute("class") or "").replace("kb-cell", ""))
        found[image, region] = kinds[0]
    return found


def test_the_first_screen_is_the_matrix(page: Page, stage: Stage) -> None:
    page.goto(stage.url)
    expect(page).to_have_url(stage.page_url())
    expect(page.locator("#kingbird h1")).to_contain_text("Image Sync")
    expect(page.locator(".kb-tile")).to_have_count(5)
    # A run of the rule that looks after some images leaves what is known of the others.
    stage.run_rule("golden-everywhere")
    page.goto(stage.page_url())
    names = page.locator(".kb-matrix tbody th a")
    for name in ("alma-9-01", "ci-runner-01", "debian-13-02", "web-server-04"):
        expect(names.filter(has_text=name)).to_have_count(1)


def test_the_matrix_equals_what_kingbird_answers(page: Page, stage: Stage) -> None:
    page.goto(stage.page_url())
    shown = matrix(page)
    answer = stage.kingbird("GET", "os-sync-state?limit=50")
    kinds = {"orphan": "conflict", "importing": "busy"}
    expected = {}
    for image in answer["images"]:
        for region in stage.about["regions"]:
            found = image["cells"].get(region)
            if found:
                expected[image["id"], region] = kinds.get(found["state"], found["state"])
            elif region == image["source_region"]:
                expected[image["id"], region] = "source"
            elif answer["regions"][region]["compared_at"]:
                expected[image["id"], region] = "same"
            else:
                expected[image["id"], region] = "unseen"
    assert shown == expected
    assert {"drift", "conflict", "missing", "no_data", "source"} <= set(shown.values())
    for word, state in (("drift", "drift"), ("no_data", "no_data")):
        number = sum(figures[state] for figures in answer["regions"].values())
        expect(page.locator(f'[data-tile="{word}"] b')).to_have_text(str(number))


def test_a_tile_filters(page: Page, stage: Stage) -> None:
    page.goto(stage.page_url())
    page.click('[data-tile="drift"]')
    expect(page).to_have_url(re.compile("state=drift"))
    shown = matrix(page)
    assert {image for image, _region in shown} == {
        image for (image, _region), kind in shown.items() if kind == "drift"
    }
    expect(page.locator("#kingbird a.kb-tile[aria-current]")).to_have_attribute(
        "data-tile", "drift"
    )


def test_a_cell_says_what_differs_and_since_when(page: Page, stage: Stage) -> None:
    page.goto(stage.page_url("?state=drift"))
    page.locator("button.kb-drift").first.click()
    panel = page.locator("#kb-panel")
    expect(panel).to_be_focused()
    expect(panel).to_contain_text("differs from the one in RegionOne")
    expect(panel.locator(".kb-fields tbody tr")).to_have_text(
        re.compile("os_distro.*alma.*centos")
    )
    expect(panel).to_contain_text("Since")


def test_a_sync_from_a_cell_and_see_it_turn(page: Page, stage: Stage) -> None:
    image = stage.put_image("from-a-cell")
    stage.sync([image], "RegionOne", ["RegionTwo"], dry_run=True)
    looks_on = page.context.new_page()
    looks_on.goto(stage.page_url("?q=from-a-cell"))
    expect(cell(looks_on, image, "RegionTwo")).to_contain_text("missing")

    page.goto(stage.page_url("?q=from-a-cell"))
    cell(page, image, "RegionTwo").click()
    page.click("#kb-panel >> text=Create the record")
    expect(page.locator("#kingbird h1")).to_contain_text("Preview")
    button = page.locator("text=Do exactly this (1)")
    button.wait_for()
    assert "from-a-cell" not in stage.images("RegionTwo")
    button.click()
    expect(page.locator("#kb-job")).to_have_attribute("data-status", "SUCCESS")
    assert stage.images("RegionTwo")["from-a-cell"]["id"] == image
    # The other window was never loaded again.
    expect(cell(looks_on, image, "RegionTwo")).to_contain_text("no data yet")


def test_a_copy_with_its_data(page: Page, stage: Stage) -> None:
    image = stage.put_image("with-data")
    stage.sync([image], "RegionOne", ["RegionTwo"], dry_run=True)
    page.goto(stage.page_url("?q=with-data"))
    cell(page, image, "RegionTwo").click()
    page.click("#kb-panel >> text=Copy it with its data")
    page.click("text=Do exactly this (1)")
    expect(page.locator("#kb-job")).to_have_attribute("data-status", "SUCCESS")
    expect(page.locator(f'[data-cell="{image}|RegionTwo"]')).to_contain_text("with data")
    assert stage.images("RegionTwo")["with-data"]["status"] == "active"
    # The next comparison finds nothing left to do about it.
    stage.sync([image], "RegionOne", ["RegionTwo"], dry_run=True)
    page.goto(stage.page_url("?q=with-data"))
    expect(cell(page, image, "RegionTwo")).to_have_count(0)


def test_taking_the_sources_values(page: Page, stage: Stage) -> None:
    image = stage.put_image("to-be-updated")
    stage.sync([image], "RegionOne", ["RegionTwo"])
    stage.set_property("RegionOne", image, "os_version", "13")
    stage.sync([image], "RegionOne", ["RegionTwo"], dry_run=True)
    page.goto(stage.page_url("?q=to-be-updated"))
    cell(page, image, "RegionTwo").click()
    page.click("#kb-panel >> text=Take the source's values")
    page.click("text=Do exactly this (1)")
    expect(page.locator("#kb-job")).to_have_attribute("data-status", "SUCCESS")
    assert stage.images("RegionTwo")["to-be-updated"]["os_version"] == "13"


def test_a_conflict_is_left_alone(page: Page, stage: Stage) -> None:
    page.goto(stage.page_url("?state=conflict"))
    button = page.locator("button.kb-conflict").first
    image, region = (button.get_attribute("value") or "").split("|")
    before = stage.glance(region, "GET", f"images/{image}").json()
    button.click()
    panel = page.locator("#kb-panel")
    expect(panel).to_contain_text("belongs to another project's image")
    expect(panel.locator("form button")).to_have_text(["Copy it under another id…"])
    panel.locator("form button").click()
    page.click("text=Do exactly this (1)")
    expect(page.locator("#kb-job")).to_have_attribute("data-status", "SUCCESS")
    assert stage.glance(region, "GET", f"images/{image}").json() == before
    copies = [
        one
        for one in stage.glance(region, "GET", "images?limit=200").json()["images"]
        if one.get("kingbird_source_id") == image
    ]
    assert [one["id"] != image for one in copies] == [True]


def test_bring_in_order_is_previewed_then_exactly_that(page: Page, stage: Stage) -> None:
    first = stage.put_image("in-order-1")
    stage.sync([first], "RegionOne", ["RegionTwo", "RegionThree"], dry_run=True)
    page.goto(stage.page_url())
    page.click("text=Bring in order")
    page.click("button >> text=Preview")
    apply = page.locator("text=Do exactly this")
    apply.wait_for()
    # This one came after the preview, and has to wait for the next one.
    stage.put_image("in-order-2")
    apply.click()
    wait(lambda: "in-order-1" in stage.images("RegionThree"), "the record in RegionThree")
    expect(page.locator("#kb-job")).not_to_have_attribute(
        "data-status", "IN_PROGRESS", timeout=PATIENCE * 1000
    )
    assert "in-order-2" not in stage.images("RegionThree")


def test_one_image_in_every_region_now(page: Page, stage: Stage) -> None:
    image = stage.images("RegionOne")["alma-9-01"]["id"]
    page.goto(stage.page_url(f"find/?q={image}"))
    expect(page).to_have_url(stage.page_url(f"images/{image}/"))
    expect(page.locator('[data-region="RegionOne"]')).to_contain_text("source")
    there = page.locator('[data-region="RegionThree"]')
    expect(there).to_contain_text("centos")
    expect(there.locator("dl")).to_contain_text("active")


def test_the_tab_of_an_images_own_page(page: Page, stage: Stage) -> None:
    image = stage.images("RegionOne")["alma-9-01"]["id"]
    page.goto(f"{stage.url}/project/images/{image}/?tab=image_details__kingbird_regions")
    expect(page.locator('#kingbird [data-region="RegionThree"]')).to_contain_text("centos")


def test_a_file_for_a_spreadsheet(page: Page, stage: Stage) -> None:
    page.goto(stage.page_url())
    with page.expect_download() as download:
        page.click("text=CSV")
    text = download.value.path().read_text()
    assert "id,name,source,region,state" in text
    assert ",alma-9-01,RegionOne,RegionThree,drift,drift,os_distro," in text
    assert ",'=HYPERLINK(1)," in text
