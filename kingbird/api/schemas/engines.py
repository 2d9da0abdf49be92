"""What is told of the engines."""

from kingbird.api.schemas.shapes import (
    answered,
    answered_flag,
    answered_moment,
    answered_number,
    entries,
    whole,
)

_ENGINE = whole(
    "Engine",
    "An engine that runs, or ended without a word",
    {
        "id": answered("The engine's id"),
        "host": answered("Where it runs"),
        "pid": answered_number("Its process there"),
        "version": answered("Kingbird's version there"),
        "started_at": answered_moment("When it started, by the database's clock"),
        "last_seen": answered_moment("Its last sign of life, by the database's clock"),
        "alive": answered_flag("Whether that was no longer ago than two leases"),
    },
)

LISTED = whole("Engines", "All engines", {"engines": entries("The engines", _ENGINE)})
