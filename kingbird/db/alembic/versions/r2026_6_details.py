"""Details of jobs: counts that are kept, what has changed, and plans that are applied.

Revision ID: 2026.6
Revises: 2026.5
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "2026.6"
down_revision = "2026.5"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Add the columns and the index."""
    for table in ("jobs", "tasks"):
        op.add_column(table, sa.Column("claimed_at", sa.BigInteger(), nullable=True))
        op.add_column(table, sa.Column("counts", sa.JSON(), nullable=True))
        # Programs of the release before this one make rows without it.
        op.add_column(
            table, sa.Column("revision", sa.Integer(), server_default="0", nullable=False)
        )
    op.add_column("jobs", sa.Column("asked", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("of_id", sa.String(length=36), nullable=True))
    op.add_column("jobs", sa.Column("listed", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("cancelled_parts", sa.JSON(), nullable=True))
    op.add_column("items", sa.Column("resource_name", sa.String(length=255), nullable=True))
    op.add_column("items", sa.Column("digest", sa.String(length=64), nullable=True))
    op.add_column("items", sa.Column("written_at", MOMENT, nullable=True))
    op.create_index("items_written_idx", "items", ["job_pk", "written_at"])
    op.add_column("engines", sa.Column("regions", sa.JSON(), nullable=True))
