"""The tables of the states of images and of regions, and of hidden orphans."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from kingbird.db.clock import now_ms
from kingbird.db.column_types import CleanText
from kingbird.db.model_base import (
    MAX_MESSAGE,
    Base,
    DateTime6,
    FoundState,
    Numbered,
)


class ImageState(Numbered, FoundState, Base):
    """An image that is not in order in a region, as the last comparison or write found it."""

    __tablename__ = "image_states"

    image_id: Mapped[str] = mapped_column(sa.String(36))
    #: The image's owner; only its readers, and admins, see the row.
    project_id: Mapped[str] = mapped_column(sa.String(255))
    #: The copy's status in Glance.
    image_status: Mapped[str | None] = mapped_column(sa.String(32))

    __table_args__ = (
        sa.UniqueConstraint(
            "image_id", "region", "project_id", name="uniq_image_states0image0region0project"
        ),
        # Pages of a project and of all, by age and by name.
        sa.Index("image_states_project_since_idx", "project_id", "since", "image_id"),
        sa.Index("image_states_project_name_idx", "project_id", "name", "image_id"),
        sa.Index("image_states_since_idx", "since", "image_id"),
        sa.Index("image_states_name_idx", "name", "image_id"),
        # Figures, which read nothing but the index, and pages of a region.
        sa.Index("image_states_project_region_idx", "project_id", "region", "state", "since"),
        sa.Index("image_states_region_idx", "region", "state", "since"),
        sa.Index("image_states_state_idx", "state", "since", "image_id"),
        sa.Index("image_states_compared_idx", "compared_at"),
        Base.__table_args__,
    )


class FreshState(Numbered, Base):
    """An image whose state an outcome has told while a job was planned.

    That job may have listed the image before (``kingbird.db.fresh_states``).
    """

    __tablename__ = "fresh_states"

    image_id: Mapped[str] = mapped_column(sa.String(36))
    region: Mapped[str] = mapped_column(sa.String(255))
    project_id: Mapped[str] = mapped_column(sa.String(255))
    #: Milliseconds of the database's clock.
    told_at: Mapped[int] = mapped_column(sa.BigInteger())

    __table_args__ = (
        sa.UniqueConstraint(
            "image_id", "region", "project_id", name="uniq_fresh_states0image0region0project"
        ),
        sa.Index("fresh_states_told_idx", "told_at"),
        Base.__table_args__,
    )


class HiddenOrphan(Base):
    """A copy that was hidden because its home has no such image any more.

    The row outlives the job that hid it.  Without it the copy is not deleted.
    """

    __tablename__ = "hidden_orphans"

    region: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    image_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    home: Mapped[str] = mapped_column(sa.String(255))
    #: The time of its last change, as Glance answered the hiding PATCH.
    updated_at: Mapped[str] = mapped_column(sa.String(64))
    #: Milliseconds of the database's clock.
    hidden_at: Mapped[int] = mapped_column(sa.BigInteger())
    #: The job that hid it.
    job_id: Mapped[str] = mapped_column(sa.String(36))


class RegionState(Base):
    """The figures of the last complete comparison of a region, and what it keeps no rows of.

    Each region and project that has states of images has a row.
    """

    __tablename__ = "region_states"

    #: The project whose images were compared, or ``*`` for every project's.
    project_id: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    region: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    #: The images that were compared.
    images: Mapped[int] = mapped_column(sa.Integer(), default=0)
    #: Images of which no rows are kept, as nearly all of the region are missing, or lack data.
    bulk_missing: Mapped[int] = mapped_column(sa.Integer(), default=0)
    bulk_no_data: Mapped[int] = mapped_column(sa.Integer(), default=0)
    compared_at: Mapped[datetime | None] = mapped_column(DateTime6, default=None)
    #: The time since which comparisons could not read the region.
    away_since: Mapped[datetime | None] = mapped_column(DateTime6, default=None)
    reason: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    message: Mapped[str | None] = mapped_column(CleanText(MAX_MESSAGE), default=None)
    #: Grows with each transaction that changes the row, or states of its images.  A row that is
    #: made anew begins with the time, in milliseconds, so that no revision comes again.
    revision: Mapped[int] = mapped_column(
        sa.BigInteger(), default=now_ms(), server_default="0", onupdate=sa.text("revision + 1")
    )
