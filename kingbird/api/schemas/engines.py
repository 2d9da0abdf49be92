"""The schemas of engines and listeners."""

from typing import Any

from kingbird.api.schemas.shapes import (
    STRING_OR_NULL,
    JSONSchema,
    closed_object,
    output,
    output_count,
    output_datetime,
    output_enum,
    output_map,
    output_nullable_datetime,
    output_uuid,
)


def _program(title: str, noun: str, dead_after: str, **more: Any) -> JSONSchema:
    return closed_object(
        title,
        f"{noun.capitalize()} that runs, or that died without deregistering",
        {
            "id": output("The id of this run of the program"),
            "host": output("The program's host"),
            "pid": output_count("The id of its process"),
            "version": output("Its release of Kingbird"),
            "started_at": output_datetime("The time of the start, by the database's clock"),
            "last_seen": output_datetime("The time of the last heartbeat, by the same clock"),
            "alive": output(
                f"True if the last heartbeat is not older than {dead_after}", "boolean"
            ),
            **more,
        },
    )


_HEARD = closed_object(
    "HeardRegion",
    "A region whose events a listener hears",
    {
        "connected": output("True if the listener has reached the region's broker", "boolean"),
        "heard": output_nullable_datetime(
            "The time of the region's last event, by the listener's clock"
        ),
    },
)

_TASK = closed_object(
    "EngineTask",
    "A part of a job that an engine works on",
    {
        "job": output_uuid("The job's id"),
        "region": output("The target region; null while the job is planned", STRING_OR_NULL),
        "since": output_nullable_datetime("The time of the claim, by the database's clock"),
    },
)

_FAILING = closed_object(
    "FailingRegion",
    "A region that an engine leaves alone, as it kept failing",
    {
        "breaker": output_enum(
            "The state of its circuit breaker; half_open while one call tries it",
            ["open", "half_open"],
        ),
        "away_since": output_datetime(
            "The time at which the breaker opened, by the engine's clock"
        ),
    },
)

LISTED = closed_object(
    "Engines",
    "All engines and listeners",
    {
        "engines": output(
            "The engines",
            "array",
            items=_program(
                "Engine",
                "an engine",
                "two leases",
                tasks=output("What it works on", "array", items=_TASK),
                failing_regions=output_map(
                    "By name, the regions that fail, as of the last heartbeat", _FAILING
                ),
            ),
        ),
        "listeners": output(
            "The listeners",
            "array",
            items=_program(
                "Listener",
                "a listener",
                "30 seconds",
                regions=output_map("By name, the regions that the listener hears", _HEARD),
            ),
        ),
    },
)
