"""The regions that the rest of a plan waits for.

Revision ID: 2026.15
Revises: 2026.14
"""

import sqlalchemy as sa
from alembic import op

revision = "2026.15"
down_revision = "2026.14"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column that tells which regions were away while a job was planned."""
    op.add_column("jobs", sa.Column("away", sa.JSON(), nullable=True))
