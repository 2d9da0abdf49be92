"""The view of engines and listeners."""

from collections.abc import Sequence
from typing import Any

from kingbird.api.views.sync_jobs import format_ms, format_time, time_or_null
from kingbird.db import api as db


def render_engine(
    engine: db.Engine, alive: bool, work: Sequence[db.engines.Work]
) -> dict[str, Any]:
    """Return an engine as JSON, with the work that it has claimed."""
    return {
        **_render_program(engine, alive),
        "tasks": [
            {"job": one.job_id, "region": one.region, "since": time_or_null(one.since)}
            for one in work
        ],
        "failing_regions": {
            name: {"breaker": each["breaker"], "away_since": format_ms(each["since"])}
            for name, each in sorted((engine.regions or {}).items())
        },
    }


def _render_program(program: db.Engine | db.Listener, alive: bool) -> dict[str, Any]:
    """Return an engine or a listener.  Its times are those of the database's clock."""
    return {
        "id": program.id,
        "host": program.host,
        "pid": program.pid,
        "version": program.version,
        "started_at": format_time(program.started_at),
        "last_seen": format_ms(program.seen),
        "alive": alive,
    }


def render_listener(listener: db.Listener, alive: bool) -> dict[str, Any]:
    """Return a listener as JSON."""
    regions = {name: _heard(each) for name, each in sorted(listener.regions.items())}
    return {**_render_program(listener, alive), "regions": regions}


def _heard(region: dict[str, Any]) -> dict[str, Any]:
    heard = time_or_null(region.get("heard"))
    return {"connected": bool(region.get("connected")), "heard": heard}
