"""Rows as the first release stored them, for tests of the migrations after it."""

from datetime import datetime

import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import models

CREATED = datetime(2026, 11, 22, 23, 0, 0, 5)
PLANNED = "dddddddd-0000-4000-8000-000000000001"
UNPLANNED = "dddddddd-0000-4000-8000-000000000002"

REQUEST = [
    {
        "resource_type": "image",
        "resources": ["i0"],
        "sources": ["R1"],
        "targets": ["R2"],
        "force": False,
    }
]


def go_back_to_first_release():
    """Put the tables of revision 2026.1 in place of today's, empty."""
    go_back("2026.1")


def go_back(revision=None):
    """Put the tables of a revision in place of today's, empty; or none at all."""
    engine = db.get_engine()
    models.Base.metadata.drop_all(engine)
    with engine.begin() as bind:
        bind.execute(sa.text("DROP TABLE alembic_version"))
    if revision:
        db.migration.sync(revision)


def add_rows(items):
    """Store two jobs of the first release, one with a plan and one without.

    :param items: how many items the plan has.
    """
    meta = sa.MetaData()
    with db.get_engine().begin() as bind:
        meta.reflect(bind)
        # PostgreSQL tells of JSON, MariaDB of text.
        meta.tables["jobs"].c.request.type = sa.JSON()
        common = {"engine_id": None, "lease_expires": None, "generation": 1, "attempts": 0}
        for pk, job_id, planned in ((1, PLANNED, CREATED), (2, UNPLANNED, None)):
            bind.execute(
                meta.tables["jobs"]
                .insert()
                .values(
                    pk=pk,
                    id=job_id,
                    project_id="p" * 32,
                    user_id="u",
                    status="IN_PROGRESS",
                    credentials="trust",
                    is_admin=False,
                    request=REQUEST,
                    planned_at=planned,
                    tasks_open=1 if planned else 0,
                    created_at=CREATED,
                    updated_at=planned,
                    **common,
                )
            )
        bind.execute(
            meta.tables["tasks"]
            .insert()
            .values(
                job_pk=1, plan_generation=1, region="R2", done=False, created_at=CREATED, **common
            )
        )
        rows = [
            {
                "job_pk": 1,
                "plan_generation": 1,
                "resource_type": "image",
                "resource": f"i{n}",
                "source_region": "R1",
                "target_region": "R2",
                "action": "create",
                "status": "IN_PROGRESS",
                "rank": 0,
                "created_at": CREATED,
            }
            for n in range(items)
        ]
        bind.execute(meta.tables["items"].insert(), rows)
