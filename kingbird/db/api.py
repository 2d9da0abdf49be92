"""The one door to the database: what other rooms may call, by noun."""

from kingbird.db import (
    again,
    control,
    engines,
    insight,
    jobs,
    leases,
    migration,
    outcomes,
    paging,
    plans,
    purging,
    reaping,
    tombstones,
    upgrades,
)
from kingbird.db.connection import configure, dispose, get_engine, ping
from kingbird.db.leases import Claim
from kingbird.db.models import Engine, Item, Job, Task, utcnow

__all__ = [
    "Claim",
    "Engine",
    "Item",
    "Job",
    "Task",
    "again",
    "configure",
    "control",
    "dispose",
    "engines",
    "get_engine",
    "insight",
    "jobs",
    "leases",
    "migration",
    "outcomes",
    "paging",
    "ping",
    "plans",
    "purging",
    "reaping",
    "tombstones",
    "upgrades",
    "utcnow",
]
