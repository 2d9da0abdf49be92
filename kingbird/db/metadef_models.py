"""The tables of the states of namespaces of metadata definitions.

Namespaces have tables of their own.  They belong to no project that asks for them, are few, and
are never too many for rows, so that they need none of the indexes of images, and no reader of
images has to leave them out.
"""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kingbird.db.clock import now_ms
from kingbird.db.model_base import (
    Base,
    DateTime6,
    FoundState,
    Numbered,
)


class MetadefState(Numbered, FoundState, Base):
    """A namespace that is not in order in a region, as the last comparison or write found it."""

    __tablename__ = "metadef_states"

    #: :func:`kingbird.resource_keys.key_of` its name.
    resource: Mapped[str] = mapped_column(sa.String(36))
    #: The namespace's owner in the source region.  Only admins see the row.
    project_id: Mapped[str] = mapped_column(sa.String(255))

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
