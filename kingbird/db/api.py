"""The database's interface for the other packages: one module for each noun."""

# Other rooms use the names that are imported here.
# ruff: noqa: F401

from kingbird.db import (
    duties,
    engines,
    findings,
    fresh_states,
    image_states,
    imports,
    items,
    job_actions,
    job_details,
    job_ends,
    job_versions,
    jobs,
    leases,
    listeners,
    maintenance,
    marks,
    metadef_pages,
    metadef_states,
    migration,
    orphans,
    outcomes,
    pagination,
    pauses,
    plans,
    previews,
    region_states,
    retried_items,
    rule_ends,
    rule_runs,
    rules,
    settling,
    state_figures,
    state_pages,
    stats,
    tombstones,
    undos,
    unplanned,
    unsettled,
)
from kingbird.db.connection import configure, dispose, get_engine, ping
from kingbird.db.item_ids import item_id
from kingbird.db.job_details import JobDetail
from kingbird.db.job_ends import Ending
from kingbird.db.leases import Claim
from kingbird.db.metadef_models import MetadefRegion, MetadefState
from kingbird.db.models import Item, Job, Mark, Rule, Task
from kingbird.db.program_models import Duty, Engine, Listener
from kingbird.db.rule_ends import RuleChange
from kingbird.db.state_models import FreshState, ImageState, RegionState
