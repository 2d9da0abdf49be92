"""When the region of a task went away.

Revision ID: 2026.12
Revises: 2026.11
"""

import sqlalchemy as sa
from alembic import op

revision = "2026.12"
down_revision = "2026.11"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column that tells since when a task waits for its region."""
    op.add_column("tasks", sa.Column("away_since", sa.BigInteger(), nullable=True))
