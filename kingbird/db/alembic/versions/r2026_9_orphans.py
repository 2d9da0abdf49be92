"""Orphans: which copies were hidden, and when.

Revision ID: 2026.9
Revises: 2026.8
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2026.9"
down_revision = "2026.8"
branch_labels = None
depends_on = None

TABLE: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "hidden_orphans",
        sa.Column("region", sa.String(length=255), nullable=False),
        sa.Column("image_id", sa.String(length=36), nullable=False),
        sa.Column("home", sa.String(length=255), nullable=False),
        sa.Column("updated_at", sa.String(length=64), nullable=False),
        sa.Column("hidden_at", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("region", "image_id"),
        **TABLE,
    )
