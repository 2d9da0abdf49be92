"""Rows of items that follow what the row of their job says.

Revision ID: 2026.11
Revises: 2026.10
"""

import sqlalchemy as sa
from alembic import op

revision = "2026.11"
down_revision = "2026.10"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns that tell which rows are to follow, and how far they have."""
    # Jobs of earlier releases have none to follow.
    op.add_column("jobs", sa.Column("ending", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("reopening", sa.JSON(), nullable=True))
    op.add_column("jobs", sa.Column("settling", sa.Boolean(), nullable=False, server_default="0"))
    op.create_index("jobs_settling_idx", "jobs", ["settling", "pk"])
