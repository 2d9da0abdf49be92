"""The resource types, as engines plan and write them.

The engine asks the type of a job for its planner and for the writers of its tasks.  All else, such
as claims, leases, fences and ends, is the same for every type.
"""

from kingbird.db import api as db
from kingbird.engine.resource_types.base import (
    Planner,
    ResourceType,
    Tally,
    WriteContext,
    Writer,
)
from kingbird.engine.resource_types.images import Images
from kingbird.engine.resource_types.metadefs import Metadefs

__all__ = ["Planner", "ResourceType", "Tally", "WriteContext", "Writer", "named", "of"]

_TYPES: dict[str, ResourceType] = {one.name: one for one in (Images(), Metadefs())}


def of(job: db.Job) -> ResourceType:
    """Return the resource type of a job's sets."""
    return named(job.resource_type)


def named(name: str) -> ResourceType:
    """Return the resource type that an item or a set names."""
    return _TYPES[name]
