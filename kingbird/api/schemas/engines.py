"""What is told of the engines."""

from kingbird.api.schemas.shapes import (
    array_of,
    closed_object,
    output_boolean,
    output_count,
    output_datetime,
    output_string,
)

_ENGINE = closed_object(
    "Engine",
    "An engine that runs, or ended without a word",
    {
        "id": output_string("The engine's id"),
        "host": output_string("Where it runs"),
        "pid": output_count("Its process there"),
        "version": output_string("Kingbird's version there"),
        "started_at": output_datetime("When it started, by the database's clock"),
        "last_seen": output_datetime("Its last sign of life, by the database's clock"),
        "alive": output_boolean("Whether that was no longer ago than two leases"),
    },
)

LISTED = closed_object("Engines", "All engines", {"engines": array_of("The engines", _ENGINE)})
