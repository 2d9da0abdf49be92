"""Whole regions: plans in parts, items with an id of their own, counts of what is in sync.

Revision ID: 2026.2
Revises: 2026.1
"""

import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "2026.2"
down_revision = "2026.1"
branch_labels = None
depends_on = None

#: Items that get their id in one statement.
BATCH = 1000

JOBS = sa.table(
    "jobs",
    sa.column("pk", sa.BigInteger()),
    sa.column("id", sa.String()),
    sa.column("planned_at", sa.DateTime()),
    sa.column("all_projects", sa.Boolean()),
    sa.column("plan_parts", sa.Integer()),
    sa.column("in_sync", sa.JSON()),
)
TASKS = sa.table("tasks", sa.column("part", sa.Integer()))
ITEMS = sa.table(
    "items",
    sa.column("pk", sa.BigInteger()),
    sa.column("id", sa.String()),
    sa.column("job_pk", sa.BigInteger()),
    sa.column("part", sa.Integer()),
    sa.column("resource", sa.String()),
    sa.column("target_region", sa.String()),
)


def upgrade() -> None:
    """Bring the schema from the revision before to this one."""
    # A new column can be null until it is filled: no default stays in the schema for that.
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("all_projects", sa.Boolean(), nullable=True))
        batch_op.add_column(sa.Column("plan_parts", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("plan_rest", sa.JSON(none_as_null=True), nullable=True))
        batch_op.add_column(sa.Column("in_sync", sa.JSON(), nullable=True))
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.add_column(sa.Column("part", sa.Integer(), nullable=True))
    with op.batch_alter_table("items", schema=None) as batch_op:
        batch_op.add_column(sa.Column("id", sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column("part", sa.Integer(), nullable=True))

    planned = sa.case((JOBS.c.planned_at.is_(None), 0), else_=1)
    op.execute(JOBS.update().values(all_projects=sa.false(), plan_parts=planned, in_sync={}))
    op.execute(TASKS.update().values(part=0))
    op.execute(ITEMS.update().values(part=0))
    _fill_item_ids(op.get_bind())

    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.alter_column("all_projects", existing_type=sa.Boolean(), nullable=False)
        batch_op.alter_column("plan_parts", existing_type=sa.Integer(), nullable=False)
        batch_op.alter_column("in_sync", existing_type=sa.JSON(), nullable=False)
    # MySQL drops no index that a foreign key needs, so what comes instead is made first.
    with op.batch_alter_table("tasks", schema=None) as batch_op:
        batch_op.alter_column("part", existing_type=sa.Integer(), nullable=False)
        batch_op.create_unique_constraint(
            "uniq_tasks0job_pk0plan_generation0part0region",
            ["job_pk", "plan_generation", "part", "region"],
        )
        batch_op.drop_constraint("uniq_tasks0job_pk0plan_generation0region", type_="unique")
    with op.batch_alter_table("items", schema=None) as batch_op:
        batch_op.alter_column("id", existing_type=sa.String(length=36), nullable=False)
        batch_op.alter_column("part", existing_type=sa.Integer(), nullable=False)
        batch_op.create_unique_constraint("uniq_items0job_pk0id", ["job_pk", "id"])
        batch_op.drop_constraint(
            "uniq_items0job_pk0plan_generation0target_region0resource", type_="unique"
        )
        batch_op.create_index("items_plan_idx", ["job_pk", "pk"], unique=False)
        batch_op.create_index(
            "items_status_idx", ["job_pk", "status", "reason", "part"], unique=False
        )


def _fill_item_ids(bind: sa.Connection) -> None:
    """Store the ids that the API has made of the rows until now."""
    fill = ITEMS.update().where(ITEMS.c.pk == sa.bindparam("row")).values(id=sa.bindparam("made"))
    for rows in _items(bind):
        made = [
            {
                "row": row.pk,
                "made": str(uuid.uuid5(uuid.UUID(row.id), f"{row.resource}/{row.target_region}")),
            }
            for row in rows
        ]
        bind.execute(fill, made)


def _items(bind: sa.Connection) -> Iterator[list[Any]]:
    query = (
        sa.select(ITEMS.c.pk, JOBS.c.id, ITEMS.c.resource, ITEMS.c.target_region)
        .join_from(ITEMS, JOBS, ITEMS.c.job_pk == JOBS.c.pk)
        .order_by(ITEMS.c.pk)
        .limit(BATCH)
    )
    last = 0
    while rows := list(bind.execute(query.where(ITEMS.c.pk > last))):
        yield rows
        last = rows[-1].pk
