"""The pages that only admins have: the programs that do the work, and the regions."""

from collections import defaultdict
from typing import Any

from django.utils.translation import gettext_lazy

from kingbird_dashboard.api import engines, state
from kingbird_dashboard.content import ages, matrix, page


class EnginesView(page.Page):
    """The engines and listeners, and what they work on."""

    template_name = "kingbird/engines.html"
    page_title = gettext_lazy("Engines of Image Sync")
    tab = "engines"

    def read(self) -> dict[str, Any]:
        found = engines.list_all(self.request)
        return {
            "engines": [_shown(one) for one in found["engines"]],
            "listeners": [_shown(one) for one in found["listeners"]],
        }


def _shown(program: dict[str, Any]) -> dict[str, Any]:
    tasks = [{**task, "age": ages.since(task["since"])} for task in program.get("tasks") or ()]
    heard = [
        (name, one["connected"], ages.since(one["heard"]))
        for name, one in sorted((program.get("regions") or {}).items())
    ]
    return {
        **program,
        "seen": ages.since(program["last_seen"]),
        "up": ages.since(program["started_at"]),
        "work": tasks,
        "hears": heard,
    }


class RegionsView(page.Page):
    """The regions: how they stand, and which engine leaves one alone."""

    template_name = "kingbird/regions.html"
    page_title = gettext_lazy("Regions of Image Sync")
    tab = "regions"

    def read(self) -> dict[str, Any]:
        figures = state.list_images(self.request, limit=1, **self.scope_query)["regions"]
        programs = engines.list_all(self.request)
        failing: dict[str, list[str]] = defaultdict(list)
        for engine in programs["engines"]:
            for region, one in (engine.get("failing_regions") or {}).items():
                text = f"{engine['id']}: {one['breaker'].replace('_', '-')}"
                failing[region].append(f"{text}, {ages.since(one['away_since'])}")
        heard: dict[str, list[str]] = defaultdict(list)
        for listener in programs["listeners"]:
            for region, one in listener["regions"].items():
                if one["connected"]:
                    heard[region].append(ages.since(one["heard"]) or "-")
        return {
            "regions": [
                {
                    "name": name,
                    "head": matrix.region_head(name, one),
                    "compared": ages.since(one["compared_at"]),
                    "away": ages.since(one["away_since"]),
                    "failing": failing[name],
                    "heard": heard[name],
                }
                for name, one in sorted(figures.items())
            ]
        }
