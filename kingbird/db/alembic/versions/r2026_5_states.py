"""States: images that are not in order, the figures of regions, and the values that differ.

Revision ID: 2026.5
Revises: 2026.4
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "2026.5"
down_revision = "2026.4"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}
INDEXES = {
    "image_states_project_since_idx": ["project_id", "since", "image_id"],
    "image_states_project_name_idx": ["project_id", "name", "image_id"],
    "image_states_since_idx": ["since", "image_id"],
    "image_states_name_idx": ["name", "image_id"],
    "image_states_project_region_idx": ["project_id", "region", "state", "since"],
    "image_states_region_idx": ["region", "state", "since"],
    "image_states_state_idx": ["state", "since", "image_id"],
    "image_states_compared_idx": ["compared_at"],
}


def upgrade() -> None:
    """Create the tables, and add the columns."""
    op.create_table(
        "image_states",
        sa.Column("pk", KEY, autoincrement=True, nullable=False),
        sa.Column("image_id", sa.String(length=36), nullable=False),
        sa.Column("region", sa.String(length=255), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("source_region", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("differences", sa.JSON(), nullable=True),
        sa.Column("image_status", sa.String(length=32), nullable=True),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("compared_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint(
            "image_id", "region", "project_id", name="uniq_image_states0image0region0project"
        ),
        **TABLE,
    )
    for name, columns in INDEXES.items():
        op.create_index(name, "image_states", columns)
    op.create_table(
        "region_states",
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("region", sa.String(length=255), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("bulk_missing", sa.Integer(), nullable=False),
        sa.Column("bulk_no_data", sa.Integer(), nullable=False),
        sa.Column("compared_at", MOMENT, nullable=True),
        sa.Column("away_since", MOMENT, nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("project_id", "region"),
        **TABLE,
    )
    op.add_column("items", sa.Column("differences", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("no_data", sa.JSON(), nullable=True))
