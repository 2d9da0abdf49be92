"""The tables of the states of namespaces of metadata definitions.

Namespaces have tables of their own.  They belong to no project that asks for them, are few, and
are never too many for rows, so that they need none of the indexes of images, and no reader of
images has to leave them out.
"""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kingbird.db.clock import now_ms
from kingbird.db.column_types import CleanJSON, CleanText
from kingbird.db.model_base import (
    MAX_DIFFERENCES,
    MAX_MESSAGE,
    Base,
    DateTime6,
    Key,
)


class MetadefState(Base):
    """A namespace that is not in order in a region, as the last comparison or write found it."""

    __tablename__ = "metadef_states"

    pk: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    #: :func:`kingbird.resource_keys.key_of` its name.
    resource: Mapped[str] = mapped_column(sa.String(36))
    region: Mapped[str] = mapped_column(sa.String(255))
    #: The namespace's owner in the source region.  Only admins see the row.
    project_id: Mapped[str] = mapped_column(sa.String(255))
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

    __table_args__ = (
        sa.UniqueConstraint("resource", "region", name="uniq_metadef_states0resource0region"),
        Base.__table_args__,
    )


class MetadefRegion(Base):
    """The figures of the last complete comparison of a region's namespaces.

    Each region that has states of namespaces has a row.
    """

    __tablename__ = "metadef_regions"

    region: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    #: The namespaces that were compared.
    namespaces: Mapped[int] = mapped_column(sa.Integer(), default=0)
    compared_at: Mapped[datetime | None] = mapped_column(DateTime6, default=None)
    #: The time since which comparisons could not read the region.
    away_since: Mapped[datetime | None] = mapped_column(DateTime6, default=None)
    #: Grows with each transaction that changes the row, or states of its namespaces.  A row that
    #: is made anew begins with the time, in milliseconds, so that no revision comes again.
    revision: Mapped[int] = mapped_column(
        sa.BigInteger(), default=now_ms(), onupdate=sa.text("revision + 1")
    )
