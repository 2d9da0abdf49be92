"""Engines say which messages they understand.

Revision ID: 2026.5
Revises: 2026.4
"""

import sqlalchemy as sa
from alembic import op

revision = "2026.5"
down_revision = "2026.4"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    # It stays null for engines of earlier releases, which may run beside newer ones.
    with op.batch_alter_table("engines", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rpc_version", sa.String(length=16), nullable=True))
