"""Engines as the API shows them."""

from datetime import UTC, datetime
from typing import Any

from kingbird.api.views.sync_jobs import format_time
from kingbird.db import api as db


def render_engine(engine: db.Engine, alive: bool) -> dict[str, Any]:
    """Return an engine; its times are those of the database's clock.

    :param alive: whether its last sign of life is recent.
    """
    seen = datetime.fromtimestamp(engine.seen / 1000, UTC).replace(tzinfo=None)
    return {
        "id": engine.id,
        "host": engine.host,
        "pid": engine.pid,
        "version": engine.version,
        "started_at": format_time(engine.started_at),
        "last_seen": format_time(seen),
        "alive": alive,
    }
