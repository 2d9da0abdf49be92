"""Revisions of regions: a number that tells whether the states of a region's images have changed.

Revision ID: 2026.10
Revises: 2026.9
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2026.10"
down_revision = "2026.9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column, and the rows of regions that were never compared completely."""
    op.add_column(
        "region_states",
        sa.Column("revision", sa.BigInteger(), server_default="0", nullable=False),
    )
    images = sa.table("image_states", sa.column("project_id"), sa.column("region"))
    numbers: list[Any] = [sa.column(name) for name in ("images", "bulk_missing", "bulk_no_data")]
    regions = sa.table("region_states", sa.column("project_id"), sa.column("region"), *numbers)
    known = sa.exists().where(
        regions.c.project_id == images.c.project_id, regions.c.region == images.c.region
    )
    missing = sa.select(images.c.project_id, images.c.region, *map(sa.literal, (0, 0, 0)))
    op.execute(
        regions.insert().from_select(
            ["project_id", "region", "images", "bulk_missing", "bulk_no_data"],
            missing.where(~known).distinct(),
        )
    )
