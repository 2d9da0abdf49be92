"""Register engines and their heartbeats."""

from collections.abc import Sequence

import sqlalchemy as sa
from oslo_config import cfg

from kingbird.db import connection
from kingbird.db.clock import now_ms, utc_now
from kingbird.db.models import Engine

#: Milliseconds after the last heartbeat after which an engine's row is deleted.
FORGET_AFTER = 24 * 3600 * 1000
#: The time without a heartbeat after which an engine is dead, as a multiple of a lease.
DEAD_AFTER_LEASES = 2


def heartbeat_timeout(conf: cfg.ConfigOpts) -> float:
    """Return the seconds without a heartbeat after which an engine is dead."""
    seconds: float = DEAD_AFTER_LEASES * conf.engine.lease
    return seconds


def alive(heartbeat_timeout: float) -> sa.ColumnElement[bool]:
    """Return the condition that an engine is alive.

    :param heartbeat_timeout: seconds within which it sent a heartbeat.
    """
    return Engine.seen > now_ms() - int(heartbeat_timeout * 1000)


@connection.retry_on_disconnect
def heartbeat(engine_id: str, *, host: str, pid: int, version: str, rpc_version: str) -> None:
    """Store a heartbeat of an engine, by the database's clock.

    :param version: its release.
    :param rpc_version: the newest version of messages that it understands.
    """
    with connection.writer() as session:
        updated = session.execute(
            sa.update(Engine).where(Engine.id == engine_id).values(seen=now_ms())
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
                )
            )


@connection.retry_on_disconnect
def list_all(heartbeat_timeout: float) -> Sequence[tuple[Engine, bool]]:
    """Return the engines by host, and whether each is alive.

    :param heartbeat_timeout: seconds without a heartbeat after which an engine is dead.
    """
    query = sa.select(Engine, alive(heartbeat_timeout)).order_by(
        Engine.host, Engine.started_at, Engine.id
    )
    with connection.reader() as session:
        return [(engine, bool(is_alive)) for engine, is_alive in session.execute(query)]


@connection.retry_on_disconnect
def rpc_versions(heartbeat_timeout: float) -> set[str]:
    """Return the RPC versions of the engines that are alive.

    :param heartbeat_timeout: as :func:`list_all` takes it.
    """
    query = sa.select(Engine.rpc_version).where(alive(heartbeat_timeout))
    with connection.reader() as session:
        return set(session.scalars(query))


@connection.retry_on_disconnect
def deregister(engine_id: str) -> None:
    """Delete the row of an engine that stops, and of those without a heartbeat for a day."""
    with connection.writer() as session:
        session.execute(
            sa.delete(Engine).where(
                sa.or_(Engine.id == engine_id, Engine.seen < now_ms() - FORGET_AFTER)
            )
        )
