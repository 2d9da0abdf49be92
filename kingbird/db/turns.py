"""Start-time fair queueing between projects: the order in which waiting work is claimed.

The turn of a job or a task is the later of now and its project's last turn, plus its cost.  So the
first work of a project has its turn soon, however much another project has waiting.  Turns are
milliseconds of the database's clock.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db.clock import now_ms
from kingbird.db.models import Job
from kingbird.states import ALL, JobState

#: Estimates, in milliseconds: of any piece of work, of a region that is compared completely, of a
#: named image in a region, and of a record that is written.
ANY_COST, REGION_COST, IMAGE_COST, RECORD_COST = 100, 2_000, 2, 10


def cost_of_plan(request: Sequence[Mapping[str, Any]]) -> int:
    """Return the cost of planning a request's sets."""
    cost = ANY_COST
    for entry in request:
        regions = len(entry["sources"]) + len(entry["targets"])
        if ALL in entry["resources"]:
            cost += REGION_COST * regions
        else:
            cost += IMAGE_COST * len(entry["resources"]) * regions
    return cost


def cost_of_task(items: int) -> int:
    """Return the cost of writing a region's records."""
    return ANY_COST + RECORD_COST * items


def start(session: orm.Session, project_id: str | sa.ScalarSelect[str]) -> int:
    """Return the later of now and a project's last turn.

    :param project_id: the project, or a query for it.

    Two transactions at the same time may return the same one, which is fair too.
    """
    last = (
        sa.select(sa.func.max(Job.turn))
        .where(Job.project_id == project_id, Job.status == JobState.IN_PROGRESS)
        .scalar_subquery()
    )
    now, turn = session.execute(sa.select(now_ms(), last)).one()
    return max(int(now), int(turn or 0))


def in_order(regions: Collection[str], job_pk: int) -> list[str]:
    """Return the regions of a job in the order of their tasks' turns.

    Jobs that come one after another begin with different regions.  If they all began with the
    same one, their tasks would wait for its slots while other regions have nothing to do.
    """
    found = sorted(regions)
    begin = job_pk % len(found) if found else 0
    return [*found[begin:], *found[:begin]]
