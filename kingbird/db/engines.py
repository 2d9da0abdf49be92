"""The engines and their signs of life."""

from collections.abc import Sequence

import sqlalchemy as sa
from oslo_config import cfg

from kingbird.db import connection
from kingbird.db.clock import ago, now_ms
from kingbird.db.models import Engine

#: Milliseconds after which an engine that was not heard of is forgotten.
FORGET = 24 * 3600 * 1000
#: Leases without a sign of life after which an engine is taken for dead.
SILENT_LEASES = 2


def silence(conf: cfg.ConfigOpts) -> float:
    """Return the seconds without a sign of life after which an engine is taken for dead."""
    seconds: float = SILENT_LEASES * conf.engine.lease
    return seconds


def alive(silence: float) -> sa.ColumnElement[bool]:
    """Return the condition that an engine gave a sign of life.

    :param silence: within so many seconds.
    """
    return Engine.seen > now_ms() - int(silence * 1000)


@connection.transaction
def beat(engine_id: str, *, host: str, pid: int, version: str, rpc_version: str) -> None:
    """Say that an engine is alive, by the database's clock.

    :param version: its release.
    :param rpc_version: the newest version of messages that it understands.
    """
    with connection.writer() as session:
        seen = session.execute(
            sa.update(Engine).where(Engine.id == engine_id).values(seen=now_ms())
        )
        if not seen.rowcount:  # type: ignore[attr-defined]
            session.execute(
                sa.insert(Engine).values(
                    id=engine_id,
                    host=host,
                    pid=pid,
                    version=version,
                    rpc_version=rpc_version,
                    started_at=ago(0),
                    seen=now_ms(),
                )
            )


@connection.transaction
def list_all(silence: float) -> Sequence[tuple[Engine, bool]]:
    """Return the engines that are known, by host, and whether each is alive.

    :param silence: seconds after which one that gave no sign of life is taken for dead.
    """
    query = sa.select(Engine, alive(silence)).order_by(Engine.host, Engine.started_at, Engine.id)
    with connection.reader() as session:
        return [(engine, bool(seen)) for engine, seen in session.execute(query)]


@connection.transaction
def rpc_versions(silence: float) -> set[str]:
    """Return the versions of messages that the engines understand which are alive.

    :param silence: as :func:`list_all` takes it.
    """
    query = sa.select(Engine.rpc_version).where(alive(silence))
    with connection.reader() as session:
        return set(session.scalars(query))


@connection.transaction
def leave(engine_id: str) -> None:
    """Forget an engine that stops, and others that were not heard of for a day."""
    with connection.writer() as session:
        session.execute(
            sa.delete(Engine).where(
                sa.or_(Engine.id == engine_id, Engine.seen < now_ms() - FORGET)
            )
        )
