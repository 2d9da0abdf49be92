"""A job keeps the global id of its request, for the calls that engines make.

Revision ID: 2026.4
Revises: 2026.3
"""

import sqlalchemy as sa
from alembic import op

revision = "2026.4"
down_revision = "2026.3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("global_request_id", sa.String(length=64), nullable=True))
