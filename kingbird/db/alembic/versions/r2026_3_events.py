"""Events: the marks of rules, and listeners.

Revision ID: 2026.3
Revises: 2026.2
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "2026.3"
down_revision = "2026.2"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TABLE: dict[str, Any] = {
    "mysql_engine": "InnoDB",
    "mysql_charset": "utf8mb4",
    "mysql_collate": "utf8mb4_bin",
    "mariadb_engine": "InnoDB",
    "mariadb_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_bin",
}


def upgrade() -> None:
    """Create the tables, and add the columns."""
    op.create_table(
        "marks",
        sa.Column("pk", KEY, autoincrement=True, nullable=False),
        sa.Column("rule_pk", KEY, sa.ForeignKey("rules.pk", ondelete="CASCADE"), nullable=False),
        sa.Column("image_id", sa.String(length=36), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("job_pk", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("pk"),
        sa.UniqueConstraint("rule_pk", "image_id", name="uniq_marks0rule_pk0image_id"),
        **TABLE,
    )
    op.create_index("marks_due_idx", "marks", ["job_pk", "due"])
    op.create_index("marks_rule_due_idx", "marks", ["rule_pk", "due", "job_pk"])
    op.create_table(
        "listeners",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("regions", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        **TABLE,
    )
    # Programs of the release before this one make rules without these columns.
    op.add_column("rules", sa.Column("events", sa.Boolean(), server_default="1", nullable=False))
    op.add_column(
        "rules", sa.Column("event_runs", sa.Integer(), server_default="0", nullable=False)
    )
