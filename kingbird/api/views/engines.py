"""The view of engines."""

from typing import Any

from kingbird.api.views.sync_jobs import format_ms, format_time
from kingbird.db import api as db


def render_engine(engine: db.Engine, alive: bool) -> dict[str, Any]:
    """Return an engine as JSON.  Its times are those of the database's clock."""
    return {
        "id": engine.id,
        "host": engine.host,
        "pid": engine.pid,
        "version": engine.version,
        "started_at": format_time(engine.started_at),
        "last_seen": format_ms(engine.seen),
        "alive": alive,
    }
