"""The columns and the settings that tables have in common."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from oslo_db.sqlalchemy import models as oslo_models
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kingbird.db.clock import utc_now
from kingbird.db.column_types import CleanJSON

# MySQL keeps whole seconds unless told otherwise, SQLite autoincrements INTEGER only.
DateTime6 = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
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


class Versioned:
    """Add what tells readers whether anything has changed, and how many items there are."""

    #: Grows with each transaction that changes the row, or items on behalf of its lease.
    revision: Mapped[int] = mapped_column(sa.Integer(), default=0, server_default="0")
    #: Its share of the numbers of the job's items (``kingbird.db.counts``).
    counts: Mapped[list[Any] | None] = mapped_column(CleanJSON(none_as_null=True), default=None)
