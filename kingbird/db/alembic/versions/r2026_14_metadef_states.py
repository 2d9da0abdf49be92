"""States of namespaces of metadata definitions, and the figures of their regions.

Revision ID: 2026.14
Revises: 2026.13
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "2026.14"
down_revision = "2026.13"
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


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "metadef_states",
        sa.Column("pk", KEY, autoincrement=True, nullable=False),
        sa.Column("resource", sa.String(length=36), nullable=False),
        sa.Column("region", sa.String(length=255), nullable=False),
        sa.Column("project_id", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("source_region", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("differences", sa.JSON(), nullable=True),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("compared_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("resource", "region", name="uniq_metadef_states0resource0region"),
        **TABLE,
    )
    op.create_table(
        "metadef_regions",
        sa.Column("region", sa.String(length=255), nullable=False),
        sa.Column("namespaces", sa.Integer(), nullable=False),
        sa.Column("compared_at", MOMENT, nullable=True),
        sa.Column("away_since", MOMENT, nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("region"),
        **TABLE,
    )
