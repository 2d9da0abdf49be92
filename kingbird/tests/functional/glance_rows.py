"""Rows of a real Glance that no call of its API can change."""

import contextlib
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from minicloud.layout import DEFAULT_HOME, Home

from kingbird.tests.functional.programs import environment


def _update(cloud: Any, region: str, statement: str, values: Sequence[str]) -> int:
    """Change rows of a region's Glance, and return their number."""
    database = cloud.state.database(f"glance-{region}")
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        return connection.execute(statement, values).rowcount


def set_status(cloud: Any, region: str, image_id: str, status: str) -> None:
    """Set the status of an image, also to one that only old releases gave.

    :param cloud: a :class:`minicloud.cloud.Cloud`.
    """
    changed = _update(
        cloud, region, "UPDATE images SET status = ? WHERE id = ?", (status, image_id)
    )
    assert changed == 1, f"{region} has no image {image_id}"


def let_lock_expire(cloud: Any, region: str, task_id: str) -> None:
    """Let the last change of a task be two hours old, so that its lock binds no more."""
    statement = "UPDATE tasks SET updated_at = datetime('now', '-2 hours') WHERE id = ?"
    assert _update(cloud, region, statement, (task_id,)) == 1, f"{region} has no task {task_id}"


def purge(cloud: Any, region: str) -> None:
    """Forget deleted images in a region, rows and ids, however young they are."""
    process = f"glance-{region}"
    with (
        contextlib.closing(sqlite3.connect(cloud.state.database(process), timeout=30)) as rows,
        rows,
    ):
        for table in ("images", "image_locations", "image_members", "image_properties"):
            rows.execute(
                f"UPDATE {table} SET deleted_at = datetime('now', '-9 days') WHERE deleted"
            )
        rows.execute("UPDATE image_tags SET deleted_at = datetime('now', '-9 days') WHERE deleted")
    program = Home(DEFAULT_HOME).venv("glance") / "bin" / "glance-manage"
    config = cloud.state.etc(process) / "glance-api.conf"
    for command in ("purge", "purge_images_table"):
        subprocess.run(
            [program, "--config-file", config, "db", command, "--age_in_days", "7"],
            env={**environment(), "PYTHONPATH": ""},
            check=True,
            capture_output=True,
        )


@contextlib.contextmanager
def reinstalled(cloud: Any, region: str) -> Iterator[None]:
    """Run a region's Glance with an empty database for the length of a block."""
    process = f"glance-{region}"
    database: Path = cloud.state.database(process)
    kept = database.with_suffix(".kept")
    cloud.stop(process)
    database.rename(kept)
    try:
        cloud.start(process)
        yield
    finally:
        cloud.stop(process)
        kept.replace(database)
        cloud.start(process)
