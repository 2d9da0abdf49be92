"""Register engines and their heartbeats."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from oslo_config import cfg

from kingbird.db import connection
from kingbird.db.clock import now_ms, utc_now
from kingbird.db.models import Job, Task
from kingbird.db.program_models import Duty, Engine
from kingbird.states import JobState

#: Milliseconds after the last heartbeat after which an engine's row is deleted.
FORGET_AFTER = 24 * 3600 * 1000
#: The time without a heartbeat after which an engine is dead, as a multiple of a lease.
DEAD_AFTER_LEASES = 2


def heartbeat_timeout(conf: cfg.ConfigOpts) -> float:
    """Return the seconds without a heartbeat after which an engine is dead."""
    return DEAD_AFTER_LEASES * conf.engine.lease


def alive(heartbeat_timeout: float) -> sa.ColumnElement[bool]:
    """Return the condition that an engine is alive.

    :param heartbeat_timeout: seconds within which it sent a heartbeat.
    """
    return Engine.seen > now_ms() - int(heartbeat_timeout * 1000)


@connection.retry_on_disconnect
def heartbeat(
    engine_id: str,
    *,
    host: str,
    pid: int,
    version: str,
    rpc_version: str,
    regions: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Store a heartbeat of an engine, by the database's clock.

    :param version: its release.
    :param rpc_version: the newest version of messages that it understands.
    :param regions: regions that fail, as ``Engine.regions`` has them.
    """
    failing = dict(regions or {})
    with connection.writer() as session:
        updated = session.execute(
            sa.update(Engine).where(Engine.id == engine_id).values(seen=now_ms(), regions=failing)
        )
        if not updated.rowcount:  # type: ignore[attr-defined]
            session.execute(
                sa.insert(Engine).values(
                    id=engine_id,
                    host=host,
                    pid=pid,
                    version=version,
                    rpc_version=rpc_version,
                    started_at=utc_now(),
                    seen=now_ms(),
                    regions=failing,
                )
            )


def list_all(heartbeat_timeout: float) -> Sequence[tuple[Engine, bool]]:
    """Return the engines by host, and whether each is alive.

    :param heartbeat_timeout: seconds without a heartbeat after which an engine is dead.
    """
    query = sa.select(Engine, alive(heartbeat_timeout)).order_by(
        Engine.host, Engine.started_at, Engine.id
    )
    return [(engine, bool(is_alive)) for engine, is_alive in connection.rows(query)]


def count_alive(heartbeat_timeout: float) -> int:
    """Return the number of engines that are alive.

    :param heartbeat_timeout: as :func:`list_all` takes it.
    """
    query = sa.select(sa.func.count()).select_from(Engine).where(alive(heartbeat_timeout))
    return connection.scalar(query)


class Work(NamedTuple):
    """A job's planning or one of its tasks, which an engine has claimed.

    :ivar region: the target region; ``None`` while the job is planned.
    :ivar since: when it was claimed, in milliseconds of the database's clock.
    """

    engine_id: str
    job_id: str
    region: str | None
    since: int | None


@connection.retry_on_disconnect
def list_work() -> Sequence[Work]:
    """Return what engines have claimed, longest first."""
    in_progress = Job.status == JobState.IN_PROGRESS
    tasks = (
        sa.select(Task.engine_id, Job.id, Task.region, Task.claimed_at)
        .join(Job, Job.pk == Task.job_pk)
        .where(Task.done == sa.false(), Task.engine_id.is_not(None), in_progress)
        .where(Task.lease_expires.is_not(None))
    )
    plans = sa.select(Job.engine_id, Job.id, sa.null(), Job.claimed_at).where(
        in_progress, Job.engine_id.is_not(None), Job.lease_expires.is_not(None)
    )
    with connection.reader() as session:
        found = [Work(*row) for query in (tasks, plans) for row in session.execute(query)]
    return sorted(found, key=lambda one: (one.since or 0, one.job_id, one.region or ""))


def rpc_versions(heartbeat_timeout: float) -> set[str]:
    """Return the RPC versions of the engines that are alive.

    :param heartbeat_timeout: as :func:`list_all` takes it.
    """
    query = sa.select(Engine.rpc_version).where(alive(heartbeat_timeout))
    return set(connection.scalars(query))


@connection.retry_on_disconnect
def deregister(engine_id: str) -> None:
    """Delete the row of an engine that stops, and of those without a heartbeat for a day.

    Other engines may take its duties at once.
    """
    with connection.writer() as session:
        session.execute(sa.delete(Duty).where(Duty.engine_id == engine_id))
        session.execute(
            sa.delete(Engine).where(
                sa.or_(Engine.id == engine_id, Engine.seen < now_ms() - FORGET_AFTER)
            )
        )
