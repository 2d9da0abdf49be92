"""The schemas of engines and listeners."""

from typing import Any

from kingbird.api.schemas import output
from kingbird.api.schemas.shapes import JSONSchema


def _program(title: str, noun: str, dead_after: str, **more: Any) -> JSONSchema:
    return output.closed(
        title,
        f"{noun.capitalize()} that runs, or that died without deregistering",
        {
            "id": output.text("The id of this run of the program"),
            "host": output.text("The program's host"),
            "pid": output.count("The id of its process"),
            "version": output.text("Its release of Kingbird"),
            "started_at": output.datetime("The time of the start, by the database's clock"),
            "last_seen": output.datetime("The time of the last heartbeat, by the same clock"),
            "alive": output.flag(f"True if the last heartbeat is not older than {dead_after}"),
            **more,
        },
    )


_HEARD = output.closed(
    "HeardRegion",
    "A region whose events a listener hears",
    {
        "connected": output.flag("True if the listener has reached the region's broker"),
        "heard": output.nullable_datetime(
            "The time of the region's last event, by the listener's clock"
        ),
    },
)

_TASK = output.closed(
    "EngineTask",
    "A part of a job that an engine works on",
    {
        "job": output.uuid("The job's id"),
        "region": output.nullable_text("The target region; null while the job is planned"),
        "since": output.nullable_datetime("The time of the claim, by the database's clock"),
    },
)

_FAILING = output.closed(
    "FailingRegion",
    "A region that an engine leaves alone, as it kept failing",
    {
        "breaker": output.enum(
            "The state of its circuit breaker; half_open while one call tries it",
            ["open", "half_open"],
        ),
        "away_since": output.datetime(
            "The time at which the breaker opened, by the engine's clock"
        ),
    },
)

LISTED = output.closed(
    "Engines",
    "All engines and listeners",
    {
        "engines": output.array(
            "The engines",
            _program(
                "Engine",
                "an engine",
                "two leases",
                tasks=output.array("What it works on", _TASK),
                failing_regions=output.by_name(
                    "By name, the regions that fail, as of the last heartbeat", _FAILING
                ),
            ),
        ),
        "listeners": output.array(
            "The listeners",
            _program(
                "Listener",
                "a listener",
                "30 seconds",
                regions=output.by_name("By name, the regions that the listener hears", _HEARD),
            ),
        ),
    },
)
