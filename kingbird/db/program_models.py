"""Define the tables of the programs that run, and of what one of them does for all."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kingbird.db.clock import utc_now
from kingbird.db.column_types import CleanJSON
from kingbird.db.model_base import Base, DateTime6, NullJSON


class _Program:
    """The columns of a running program and its last heartbeat."""

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    host: Mapped[str] = mapped_column(sa.String(255))
    pid: Mapped[int] = mapped_column(sa.Integer())
    version: Mapped[str] = mapped_column(sa.String(64))
    started_at: Mapped[datetime] = mapped_column(DateTime6, default=utc_now())
    #: Milliseconds of the database's clock.
    seen: Mapped[int] = mapped_column(sa.BigInteger())


class Engine(_Program, Base):
    """A running engine and its last heartbeat."""

    __tablename__ = "engines"

    #: The newest version of messages that it understands.
    rpc_version: Mapped[str] = mapped_column(sa.String(16))
    #: By name, regions that fail: ``breaker``, and ``since`` in milliseconds since 1970.
    regions: Mapped[dict[str, Any] | None] = mapped_column(NullJSON, default=None)


class Listener(_Program, Base):
    """A running listener, its last heartbeat, and the regions that it hears."""

    __tablename__ = "listeners"

    #: By name: ``connected``, and ``heard`` and ``since`` in milliseconds since 1970.
    regions: Mapped[dict[str, Any]] = mapped_column(CleanJSON())


class Duty(Base):
    """A duty that one engine at a time has for all of them."""

    __tablename__ = "duties"

    name: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    engine_id: Mapped[str] = mapped_column(sa.String(64))
    #: Milliseconds of the database's clock, after which another engine may take it.
    expires: Mapped[int] = mapped_column(sa.BigInteger())
