"""The planner's inputs from options, and from the rows of jobs and items."""

from oslo_config import cfg

from kingbird.conf.sync import dropped_properties
from kingbird.db import api as db
from kingbird.states import ItemState
from kingbird.sync.image import Rules
from kingbird.sync.item import Item
from kingbird.sync.outcome import Outcome
from kingbird.sync.request import Requester


def copy_rules(conf: cfg.ConfigOpts) -> Rules:
    """Return the rules for records that are configured."""
    return Rules(
        dropped=dropped_properties(conf),
        property_quota=conf.sync.property_quota,
    )


def caller_of(job: db.Job) -> Requester:
    """Return the user whose rights a job has."""
    return Requester(job.project_id, job.is_admin)


def from_row(row: db.Item) -> Item:
    """Return a stored item as the planner knows it, without its work."""
    ended = row.status != ItemState.IN_PROGRESS and row.reason is not None
    return Item(
        row.resource,
        row.source_region,
        row.target_region,
        action=row.action,
        target_resource=row.target_resource,
        outcome=Outcome(row.reason or "", row.message) if ended else None,
        rank=row.rank,
    )
