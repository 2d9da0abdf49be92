"""Let one engine at a time have a duty that would burden the database if all had it.

A duty is held for some seconds.  Its work has to be harmless if two engines do it: one that was
stopped for longer goes on without knowing that another one has the duty.
"""

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.db import connection
from kingbird.db.clock import now_ms
from kingbird.db.inserts import insert_new
from kingbird.db.program_models import Duty


@connection.retry_on_disconnect
def hold(name: str, engine_id: str, seconds: float) -> bool:
    """Take a duty that nobody holds, or hold it for longer.

    :param seconds: the time after which another engine may take it.
    :returns: whether the engine has the duty.
    """
    with connection.writer() as session:
        if _take(session, name, engine_id, seconds):
            return True
        # Nobody has held it so far, or another engine holds it.
        statement = insert_new(session, Duty.__table__, ["name"])
        session.execute(statement.values(name=name, engine_id="", expires=0))
        return _take(session, name, engine_id, seconds)


def _take(session: orm.Session, name: str, engine_id: str, seconds: float) -> bool:
    return bool(
        connection.write(
            session,
            sa.update(Duty)
            .where(Duty.name == name, sa.or_(Duty.engine_id == engine_id, Duty.expires < now_ms()))
            .values(engine_id=engine_id, expires=now_ms() + int(seconds * 1000)),
        )
    )
