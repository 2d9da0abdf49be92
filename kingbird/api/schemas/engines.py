"""The schemas of engines."""

from kingbird.api.schemas.shapes import closed_object, output, output_count, output_datetime

_ENGINE = closed_object(
    "Engine",
    "An engine that runs, or that died without deregistering",
    {
        "id": output("The engine's id"),
        "host": output("The engine's host"),
        "pid": output_count("The id of the engine's process"),
        "version": output("The engine's release of Kingbird"),
        "started_at": output_datetime("The time of the start, by the database's clock"),
        "last_seen": output_datetime("The time of the last heartbeat, by the database's clock"),
        "alive": output("True if the last heartbeat is not older than two leases", "boolean"),
    },
)

LISTED = closed_object(
    "Engines", "All engines", {"engines": output("The engines", "array", items=_ENGINE)}
)
