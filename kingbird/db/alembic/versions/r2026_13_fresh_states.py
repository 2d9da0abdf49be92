"""Outcomes that are newer than what a comparison under way knows.

Revision ID: 2026.13
Revises: 2026.12
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2026.13"
down_revision = "2026.12"
branch_labels = None
depends_on = None

KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Create the table, and the index by which jobs that are planned are found."""
    op.create_table(
        "fresh_states",
        sa.Column("pk", KEY, autoincrement=True, nullable=False),
        sa.Column("image_id", sa.String(length=36), nullable=False),
        sa.Column("region", sa.String(length=255), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint(
            "image_id", "region", "project_id", name="uniq_fresh_states0image0region0project"
        ),
        **TABLE,
    )
    op.create_index("fresh_states_told_idx", "fresh_states", ["told_at"])
    op.create_index("jobs_lease_idx", "jobs", ["status", "lease_expires"])
