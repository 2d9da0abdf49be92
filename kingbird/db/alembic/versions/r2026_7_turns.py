"""Turns: the order in which waiting jobs and tasks are claimed.

Revision ID: 2026.7
Revises: 2026.6
"""

import sqlalchemy as sa
from alembic import op

revision = "2026.7"
down_revision = "2026.6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the indexes that claims read."""
    # Programs of the release before this one make jobs and tasks without a turn.
    for table in ("jobs", "tasks"):
        op.add_column(
            table, sa.Column("turn", sa.BigInteger(), server_default="0", nullable=False)
        )
    op.create_index("jobs_turn_idx", "jobs", ["status", "turn", "pk"])
    op.create_index("jobs_project_turn_idx", "jobs", ["project_id", "status", "turn"])
    op.create_index("tasks_turn_idx", "tasks", ["done", "turn", "pk"])
