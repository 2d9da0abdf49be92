"""Rows of a real Glance that no call of its API can change."""

import contextlib
import sqlite3
from typing import Any


def set_status(cloud: Any, region: str, image_id: str, status: str) -> None:
    """Set the status of an image, also to one that only old releases gave.

    :param cloud: a :class:`minicloud.cloud.Cloud`.
    """
    database = cloud.state.database(f"glance-{region}")
    with contextlib.closing(sqlite3.connect(database, timeout=30)) as connection, connection:
        found = connection.execute("UPDATE images SET status = ? WHERE id = ?", (status, image_id))
        assert found.rowcount == 1, f"{region} has no image {image_id}"
