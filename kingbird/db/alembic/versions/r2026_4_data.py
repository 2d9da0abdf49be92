"""Data: what is known of the imports of items, and tasks for them.

Revision ID: 2026.4
Revises: 2026.3
"""

import sqlalchemy as sa
from alembic import op

revision = "2026.4"
down_revision = "2026.3"
branch_labels = None
depends_on = None

_UNIQUE = ["job_pk", "plan_generation", "part", "region"]
_NAME = "uniq_tasks0job_pk0plan_generation0part0region"


def upgrade() -> None:
    """Add the columns, and let a region have a task of each kind."""
    with op.batch_alter_table("items") as batch:
        batch.add_column(sa.Column("data", sa.String(length=16), nullable=True))
        batch.add_column(sa.Column("bytes", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("data_seconds", sa.Double(), nullable=True))
        batch.add_column(sa.Column("data_since", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("data_due", sa.BigInteger(), nullable=True))
        # Programs of the release before this one store items and tasks without these columns.
        batch.add_column(sa.Column("data_tries", sa.Integer(), server_default="0", nullable=False))
        batch.add_column(sa.Column("import_task", sa.String(length=64), nullable=True))
    op.create_index("items_data_idx", "items", ["data", "target_region"])
    with op.batch_alter_table("tasks") as batch:
        batch.add_column(
            sa.Column("kind", sa.String(length=16), server_default="records", nullable=False)
        )
        # MySQL needs an index for the foreign key at any time, so the new one comes first.
        batch.create_unique_constraint(f"{_NAME}0kind", [*_UNIQUE, "kind"])
        batch.drop_constraint(_NAME, type_="unique")
