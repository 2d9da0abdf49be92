"""Undo: what a job wrote of an image, and what was there before.

Revision ID: 2026.8
Revises: 2026.7
"""

import sqlalchemy as sa
from alembic import op

revision = "2026.8"
down_revision = "2026.7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column that undoing a job reads."""
    # Items of earlier releases have none, and are kept.
    op.add_column("items", sa.Column("undo", sa.JSON(), nullable=True))
