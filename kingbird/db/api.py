"""The database's interface for the other packages: one module for each noun."""

from kingbird.db import (
    engines,
    items,
    job_actions,
    jobs,
    leases,
    listeners,
    maintenance,
    marks,
    migration,
    outcomes,
    pagination,
    plans,
    rule_ends,
    rule_runs,
    rules,
    stats,
    tombstones,
)
from kingbird.db.connection import configure, dispose, get_engine, ping
from kingbird.db.leases import Claim
from kingbird.db.models import Engine, Item, Job, Listener, Mark, Rule, Task
from kingbird.db.outcomes import Ending
from kingbird.db.rule_ends import RuleChange

__all__ = [
    "Claim",
    "Ending",
    "Engine",
    "Item",
    "Job",
    "Listener",
    "Mark",
    "Rule",
    "RuleChange",
    "Task",
    "configure",
    "dispose",
    "engines",
    "get_engine",
    "items",
    "job_actions",
    "jobs",
    "leases",
    "listeners",
    "maintenance",
    "marks",
    "migration",
    "outcomes",
    "pagination",
    "ping",
    "plans",
    "rule_ends",
    "rule_runs",
    "rules",
    "stats",
    "tombstones",
]
