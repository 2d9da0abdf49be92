"""Measure the first screen with many regions and many stored states.

The regions are names in Keystone's catalog, and the states are rows in Kingbird's database: the
page asks no Glance.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo.stage import Stage

REGIONS = 100
ROWS = 100_000
#: Seconds to the first paint of a page of 50 rows and 100 regions.
BOUND = 1.0
_STATES = ("missing", "drift", "no_data", "conflict")


def fill(stage: Stage, regions: int = REGIONS, rows: int = ROWS) -> None:
    """Give the catalog so many regions, and the project demo so many states.

    :param stage: a stage whose Kingbird runs.
    """
    urls = dict(stage.cloud.glance_urls)
    first = next(iter(urls))
    names = [*urls, *(f"Region{number:03}" for number in range(len(urls), regions))]
    stage.cloud.register_service(
        "image", "glance", {name: urls.get(name, urls[first]) for name in names}
    )
    now = datetime.now(UTC).replace(tzinfo=None)
    targets = [name for name in names if name != first]
    database = sqlite3.connect(stage.service.folder / "kingbird.sqlite", timeout=60)
    with database:
        database.execute("DELETE FROM image_states")
        database.execute("DELETE FROM region_states")
        database.executemany(
            "INSERT INTO image_states (image_id, region, project_id, name, source_region, state,"
            " reason, job_id, since, compared_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            _rows(stage.cloud.projects["demo"], first, targets, rows, now),
        )
        database.executemany(
            "INSERT INTO region_states (project_id, region, images, bulk_missing, bulk_no_data,"
            " compared_at) VALUES (?, ?, ?, 0, 0, ?)",
            [(stage.cloud.projects["demo"], name, 5000, str(now)) for name in targets],
        )
    database.close()


def _rows(project: str, source: str, targets: list[str], rows: int, now: datetime) -> Any:
    job = str(uuid.uuid4())
    for number in range(rows):
        image, region = divmod(number, len(targets))
        state = _STATES[(image + region) % len(_STATES)]
        since = now - timedelta(seconds=image * 60 + region)
        yield (
            str(uuid.UUID(int=image + 1)),
            targets[region],
            project,
            f"image-{image:05}",
            source,
            state,
            "owner_conflict" if state == "conflict" else state,
            job,
            str(since),
            str(now),
        )


def measure(python: Path, script: Path, about: Path) -> dict[str, float]:
    """Return the seconds of a page's parts, as a browser measures them; the median of five."""
    done = subprocess.run(
        (str(python), str(script), str(about)), check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
