"""Print how long the first screen takes: python first_paint.py ABOUT."""

import json
import statistics
import sys
import time
from pathlib import Path

import requests
from playwright.sync_api import sync_playwright

from kingbird_dashboard.test.browser.conftest import FLAGS, Stage, log_in

_TIMES = """() => {
    const [page] = performance.getEntriesByType("navigation");
    const [paint] = performance.getEntriesByName("first-contentful-paint");
    return {
        server: page.responseStart / 1000,
        first_paint: paint.startTime / 1000,
        loaded: page.loadEventEnd / 1000,
        cells: document.querySelectorAll("button[name=cell]").length,
    };
}"""
_LOOKS = 5


def main() -> None:
    """Log in, look at the page some times, and print the medians as JSON."""
    stage = Stage(json.loads(Path(sys.argv[1]).read_text()))
    with sync_playwright() as playwright:
        token = stage.token("demo")
        browser = playwright.chromium.launch(
            executable_path=stage.about["browser"], args=list(FLAGS)
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        log_in(page, stage, "demo")
        found = []
        calls = []
        # The first look compiles templates and reads policies.
        for _look in range(_LOOKS + 1):
            page.goto(stage.page_url())
            page.wait_for_timeout(500)
            found.append(page.evaluate(_TIMES))
            calls.append(_seconds_of_call(stage, token))
        browser.close()
    medians = {name: statistics.median(one[name] for one in found[1:]) for name in found[0]}
    print(json.dumps({"kingbird": statistics.median(calls[1:]), **medians}))


def _seconds_of_call(stage: Stage, token: str) -> float:
    """Return what the page's main call takes by itself."""
    began = time.monotonic()
    url = f"{stage.about['kingbird']}/{stage.about['projects']['demo']}/os-sync-state?limit=50"
    requests.get(url, headers={"X-Auth-Token": token}, timeout=60).raise_for_status()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
