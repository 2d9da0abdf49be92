"""What an operator wants to know before an upgrade.

The tables may be those of the release before: nothing here reads a column that came after the
first revision.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from kingbird.db import connection, engines, jobs
from kingbird.db.clock import ago
from kingbird.db.models import Engine, Job


@connection.transaction
def engines_alive(silence: float) -> Sequence[tuple[str, str]]:
    """Return the host and the release of each engine that is alive.

    :param silence: seconds after which one that gave no sign of life is taken for dead.
    """
    query = (
        sa.select(Engine.host, Engine.version)
        .where(engines.alive(silence))
        .order_by(Engine.host, Engine.version)
    )
    with connection.reader() as session:
        return [(host, version) for host, version in session.execute(query)]


@connection.transaction
def jobs_with_token() -> int:
    """Return how many jobs in progress run with their user's own token."""
    return _count(Job.credentials == "token")


@connection.transaction
def jobs_with_expired_trust(lifetime: float) -> int:
    """Return how many jobs in progress have a trust that has certainly expired.

    :param lifetime: seconds that a trust lasts.
    """
    return _count(Job.trust_id.is_not(None), Job.touched_at < ago(lifetime))


def _count(*conditions: sa.ColumnElement[bool]) -> int:
    query = sa.select(sa.func.count(Job.pk)).where(Job.status == jobs.IN_PROGRESS, *conditions)
    with connection.reader() as session:
        return session.scalar(query) or 0
