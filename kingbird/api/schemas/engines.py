"""The schemas of engines."""

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
    "An engine that runs, or that died without deregistering",
    {
        "id": output_string("The engine's id"),
        "host": output_string("The engine's host"),
        "pid": output_count("The id of the engine's process"),
        "version": output_string("The engine's release of Kingbird"),
        "started_at": output_datetime("The time of the start, by the database's clock"),
        "last_seen": output_datetime("The time of the last heartbeat, by the database's clock"),
        "alive": output_boolean("True if the last heartbeat is not older than two leases"),
    },
)

LISTED = closed_object("Engines", "All engines", {"engines": array_of("The engines", _ENGINE)})
