"""Jobs can be cancelled, and what failed can be tried again.

Revision ID: 2026.3
Revises: 2026.2
"""

import sqlalchemy as sa
from alembic import op

revision = "2026.3"
down_revision = "2026.2"
branch_labels = None
depends_on = None

JOBS = sa.table("jobs", sa.column("cancelled", sa.Boolean()), sa.column("runs", sa.Integer()))
ITEMS = sa.table("items", sa.column("attempts", sa.Integer()))


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    # A new column can be null until it is filled: no default stays in the schema for that.
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cancelled", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("runs", sa.Integer(), nullable=True))
    with op.batch_alter_table("items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("attempts", sa.Integer(), nullable=True))

    op.execute(JOBS.update().values(cancelled=sa.false(), runs=1))
    op.execute(ITEMS.update().values(attempts=1))

    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.alter_column("cancelled", existing_type=sa.Boolean(), nullable=False)
        batch_op.alter_column("runs", existing_type=sa.Integer(), nullable=False)
    with op.batch_alter_table("items", schema=None) as batch_op:
        batch_op.alter_column("attempts", existing_type=sa.Integer(), nullable=False)
