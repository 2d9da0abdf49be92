"""Register listeners, their heartbeats, and the regions that they hear."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from kingbird.db import connection
from kingbird.db.clock import now_ms, utc_now
from kingbird.db.engines import FORGET_AFTER
from kingbird.db.program_models import Listener

#: Seconds without a heartbeat after which a listener is dead.
HEARTBEAT_TIMEOUT = 30.0


def _alive(heartbeat_timeout: float) -> sa.ColumnElement[bool]:
    return Listener.seen > now_ms() - int(heartbeat_timeout * 1000)


@connection.retry_on_disconnect
def beat(
    listener_id: str,
    *,
    host: str,
    pid: int,
    version: str,
    regions: Mapping[str, Mapping[str, Any]],
) -> None:
    """Store a heartbeat of a listener, by the database's clock.

    :param version: its release.
    :param regions: by name, ``connected`` with ``heard`` and ``since`` in milliseconds since 1970.
    """
    values = {"seen": now_ms(), "regions": {name: dict(each) for name, each in regions.items()}}
    with connection.writer() as session:
        updated: Any = session.execute(
            sa.update(Listener).where(Listener.id == listener_id).values(**values)
        )
        if not updated.rowcount:
            session.execute(
                sa.insert(Listener).values(
                    id=listener_id,
                    host=host,
                    pid=pid,
                    version=version,
                    started_at=utc_now(),
                    **values,
                )
            )


def list_all(heartbeat_timeout: float = HEARTBEAT_TIMEOUT) -> Sequence[tuple[Listener, bool]]:
    """Return the listeners by host, and whether each is alive.

    :param heartbeat_timeout: seconds.
    """
    query = sa.select(Listener, _alive(heartbeat_timeout)).order_by(
        Listener.host, Listener.started_at, Listener.id
    )
    return [(listener, bool(is_alive)) for listener, is_alive in connection.rows(query)]


def alive(heartbeat_timeout: float = HEARTBEAT_TIMEOUT) -> Sequence[Listener]:
    """Return the listeners that are alive.

    :param heartbeat_timeout: seconds.
    """
    return connection.scalars(sa.select(Listener).where(_alive(heartbeat_timeout)))


def last_heard(listeners: Collection[Listener]) -> dict[str, int]:
    """Return when the events of each region were heard last.

    A region that is listened to and that nothing was heard of yet counts from the time since when
    it is listened to.

    :returns: milliseconds since 1970, by the region's name.
    """
    heard: dict[str, int] = {}
    for listener in listeners:
        for region, each in listener.regions.items():
            if each.get("connected"):
                last = each.get("heard") or each.get("since") or 0
                heard[region] = max(heard.get(region, 0), int(last))
    return heard


@connection.retry_on_disconnect
def deregister(listener_id: str) -> None:
    """Delete the row of a listener that stops, and of those without a heartbeat for a day."""
    with connection.writer() as session:
        session.execute(
            sa.delete(Listener).where(
                sa.or_(Listener.id == listener_id, Listener.seen < now_ms() - FORGET_AFTER)
            )
        )
