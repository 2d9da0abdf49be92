"""The columns and the settings that tables have in common."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from oslo_db.sqlalchemy import models as oslo_models
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kingbird.db.clock import utc_now
from kingbird.db.column_types import CleanJSON, CleanText

# MySQL keeps whole seconds unless told otherwise, SQLite autoincrements INTEGER only.
DateTime6 = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: JSON, and null for ``None``.
NullJSON = CleanJSON(none_as_null=True)
#: The maximum of characters of a message.
MAX_MESSAGE = 4000
#: The maximum of characters of an image's name, which is Glance's own.
MAX_NAME = 255
#: The maximum of characters of the JSON of the fields that differ: 20 with two values each.
MAX_DIFFERENCES = 256 * 1024


class Base(oslo_models.ModelBase, DeclarativeBase):
    """oslo.db's base with typed columns, on InnoDB with full Unicode.

    Region names and ids differ by case too, which MySQL's usual collation overlooks.
    """

    __table_args__: Any = {
        f"{dialect}_{key}": value
        for dialect in ("mysql", "mariadb")
        for key, value in (
            ("engine", "InnoDB"),
            ("charset", "utf8mb4"),
            ("collate", "utf8mb4_bin"),
        )
    }


class Timestamps(oslo_models.TimestampMixin):
    """oslo.db's mixin, but precise, and ``updated_at`` moves only when it is set.

    Renewing a lease is no change that a user cares for.
    """

    created_at: Mapped[datetime] = mapped_column(DateTime6, default=utc_now())
    updated_at: Mapped[datetime | None] = mapped_column(DateTime6, default=None)

    @hybrid_property
    def changed_at(self) -> datetime:
        """When the row was changed last: what ``updated_at`` is sorted by, as it is never null."""
        return self.updated_at or self.created_at

    @changed_at.inplace.expression
    @classmethod
    def _changed_at(cls) -> sa.ColumnElement[datetime]:
        return sa.func.coalesce(cls.updated_at, cls.created_at)


class Leased:
    """Add the columns of a lease: its engine, its end and the number of the claim."""

    engine_id: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    lease_expires: Mapped[int | None] = mapped_column(sa.BigInteger(), default=None)
    generation: Mapped[int] = mapped_column(sa.Integer(), default=0)
    #: When it was claimed last, in milliseconds of the database's clock.
    claimed_at: Mapped[int | None] = mapped_column(sa.BigInteger(), default=None)


class Numbered:
    """Add an integer key, which orders rows as they came."""

    pk: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)


class FoundState:
    """Add the columns of what a comparison or a write has found in a region."""

    region: Mapped[str] = mapped_column(sa.String(255))
    name: Mapped[str] = mapped_column(sa.String(255))
    source_region: Mapped[str] = mapped_column(sa.String(255))
    #: ``kingbird.states.CopyState``.
    state: Mapped[str] = mapped_column(sa.String(16))
    reason: Mapped[str | None] = mapped_column(sa.String(64))
    message: Mapped[str | None] = mapped_column(CleanText(MAX_MESSAGE))
    differences: Mapped[dict[str, Any] | None] = mapped_column(
        CleanJSON(none_as_null=True, limit=MAX_DIFFERENCES)
    )
    #: The job that found it last.
    job_id: Mapped[str] = mapped_column(sa.String(36))
    #: The time since which the state is the same.
    since: Mapped[datetime] = mapped_column(DateTime6)
    compared_at: Mapped[datetime] = mapped_column(DateTime6)


class Versioned:
    """Add what tells readers whether anything has changed, and how many items there are."""

    #: Grows with each transaction that changes the row, or items on behalf of its lease.
    revision: Mapped[int] = mapped_column(sa.Integer(), default=0, server_default="0")
    #: Its share of the numbers of the job's items (``kingbird.db.counts``).
    counts: Mapped[list[Any] | None] = mapped_column(NullJSON, default=None)
