"""Sum up the states of all projects' images by region, for the metrics."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import state_figures
from kingbird.db.state_models import RegionState
from kingbird.states import ALL, CopyState

_STATES = tuple(map(str, CopyState))


@dataclass
class RegionTotals:
    """The totals of a region.

    :ivar states: the number of images by state, for each state.
    :ivar oldest: by state, the time since which the oldest one is the same.
    :ivar compared_at: the time of the last complete comparison.
    :ivar away_since: the time since which comparisons can't read the region.
    """

    states: Counter[str] = field(default_factory=lambda: Counter(dict.fromkeys(_STATES, 0)))
    oldest: dict[str, datetime] = field(default_factory=dict)
    compared_at: datetime | None = None
    away_since: datetime | None = None


def collect(session: orm.Session) -> Mapping[str, RegionTotals]:
    """Return the totals by region, of those that were compared or have states."""
    totals: dict[str, RegionTotals] = {}
    for region, counted in state_figures.count(session, None).items():
        if counted.numbers:
            total = totals[region] = RegionTotals(oldest=dict(counted.oldest))
            total.states.update(counted.numbers)
    compared = session.scalars(sa.select(RegionState).where(state_figures.WAS_COMPARED)).all()
    of_everybody = {row.region for row in compared if row.project_id == ALL}
    for row in compared:
        total = totals.setdefault(row.region, RegionTotals())
        total.compared_at = max(filter(None, (total.compared_at, row.compared_at)), default=None)
        total.away_since = min(filter(None, (total.away_since, row.away_since)), default=None)
        # Images that a comparison of every project has counted belong to the projects.
        if row.project_id == ALL or row.region not in of_everybody:
            total.states[str(CopyState.MISSING)] += row.bulk_missing
            total.states[str(CopyState.NO_DATA)] += row.bulk_no_data
    return totals
