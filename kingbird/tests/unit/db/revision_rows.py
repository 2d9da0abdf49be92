"""Rows of every kind, for the tables of each revision, and for those of a revision to come."""

import shutil
from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa

from kingbird.db import api as db
from kingbird.db import migration, models
from kingbird.tests.api import world
from kingbird.tests.unit.db.rows import sync_set

PROJECT, OTHER = world.PROJECT, world.OTHER_PROJECT
BEGAN = datetime(2026, 11, 22, 23, 0, 0, 5)
#: Milliseconds of the database's clock, long past.
PAST = 1_700_000_000_000

#: By table, the value of each column that a revision after the first has added, in rows that
#: were stored before it.
FILLED: dict[str, dict[str, object]] = {
    "region_states": {"revision": 0},
    "jobs": {
        "rule_id": None,
        "trigger": None,
        "asked": None,
        "of_id": None,
        "listed": None,
        "counts": None,
        "revision": 0,
        "claimed_at": None,
        "cancelled_parts": None,
        "turn": 0,
        "no_data": None,
        "ending": None,
        "reopening": None,
        "settling": False,
        "away": None,
    },
    "tasks": {
        "kind": "records",
        "counts": None,
        "revision": 0,
        "claimed_at": None,
        "turn": 0,
        "away_since": None,
    },
    "items": {
        "data": None,
        "bytes": None,
        "data_seconds": None,
        "data_since": None,
        "data_due": None,
        "data_tries": 0,
        "import_task": None,
        "resource_name": None,
        "digest": None,
        "written_at": None,
        "differences": None,
        "undo": None,
    },
    "engines": {"regions": None},
    "rules": {"events": True, "event_runs": 0},
}

#: A revision after the newest.  It only adds, but SQLite has to copy the table for it.
NEXT = "2999.1"
_NEXT = """
import sqlalchemy as sa
from alembic import op

revision = "2999.1"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade():
    with op.batch_alter_table("jobs") as batch_op:
        batch_op.add_column(sa.Column("extra", sa.Integer(), nullable=True))
        batch_op.alter_column(
            "user_id", existing_type=sa.String(64), type_=sa.String(96), existing_nullable=False
        )
    op.execute(sa.text("UPDATE jobs SET extra = 7"))
"""


def go_back(revision=None):
    """Replace the tables by those of a revision, empty; or by none at all."""
    engine = db.get_engine()
    models.Base.metadata.drop_all(engine)
    with engine.begin() as bind:
        bind.execute(sa.text("DROP TABLE alembic_version"))
    if revision:
        db.migration.sync(revision)


@pytest.fixture
def next_revision(database, monkeypatch, tmp_path):
    """Let this release know one more revision, at which the database is not yet."""
    scripts = tmp_path / "alembic"
    shutil.copytree(migration._SCRIPTS, scripts)
    file = scripts / "versions" / "next.py"
    file.write_text(_NEXT.format(head=db.migration.head()))
    monkeypatch.setattr(migration, "_SCRIPTS", scripts)
    yield NEXT
    go_back()


def _image(number):
    return f"eeeeeeee-0000-4000-8000-00000000000{number}"


def job_id(pk):
    """Return the id of the job of a number."""
    return f"dddddddd-0000-4000-8000-00000000000{pk}"


def _job(pk, status, **more):
    began = BEGAN + timedelta(minutes=pk)
    planned = more.get("planned_at")
    return {
        "pk": pk,
        "id": job_id(pk),
        "project_id": PROJECT,
        "user_id": "u" * 32,
        "request_id": f"req-{job_id(pk)}",
        "global_request_id": None,
        "status": status,
        "credentials": "trust",
        "trust_id": f"{pk:032}" if status == "IN_PROGRESS" else None,
        "is_admin": False,
        "all_projects": False,
        "request": [
            sync_set(map(_image, range(3)), ["RegionOne"], ["RegionTwo", "Région Ünï"]),
        ],
        "attempts": 0,
        "planned_at": None,
        "plan_parts": 1 if planned else 0,
        "plan_rest": None,
        "in_sync": {},
        "no_data": {"Région Ünï": 2},
        "tasks_open": 0,
        "cancelled": False,
        "runs": 1,
        "engine_id": None,
        "lease_expires": None,
        "generation": 1 if planned else 0,
        "turn": 0,
        "rule_id": None,
        "trigger": None,
        "asked": None,
        "of_id": None,
        "listed": None,
        "counts": None,
        "revision": 0,
        "claimed_at": None,
        "cancelled_parts": None,
        "ending": None,
        "reopening": None,
        "settling": False,
        "away": {"Région Ünï": 1},
        "created_at": began,
        "updated_at": planned,
        **more,
    }


def _jobs():
    held = {"engine_id": "old:1:e", "lease_expires": PAST, "generation": 2, "attempts": 1}
    planned = {"planned_at": BEGAN + timedelta(hours=1)}
    return [
        _job(1, "ACCEPTING"),
        _job(2, "IN_PROGRESS"),
        _job(3, "IN_PROGRESS", **held),
        _job(4, "IN_PROGRESS", tasks_open=1, **planned),
        _job(5, "IN_PROGRESS", credentials="token", **{**held, "trust_id": None}),
        _job(6, "SUCCESS", **planned),
        _job(7, "FAILURE", is_admin=True, **planned),
        _job(8, "SUCCESS", project_id=OTHER, **planned),
    ]


def _items(pk, *outcomes):
    for number, (status, reason) in enumerate(outcomes):
        is_open = status == "IN_PROGRESS"
        region = ["RegionTwo", "Région Ünï"][number % 2]
        yield {
            "id": db.item_id(job_id(pk), _image(number), region),
            "job_pk": pk,
            "plan_generation": 1,
            "part": 0,
            "resource_type": "image",
            "resource": _image(number),
            "source_region": "RegionOne",
            "target_region": region,
            "target_resource": _image(number),
            "action": "create",
            "status": status,
            "reason": reason,
            "message": f"Glance said: naïve “{reason}” 🐦" if reason == "forbidden" else None,
            "rank": number,
            "work": {"record": {"id": _image(number)}, "owner": PROJECT} if is_open else None,
            "differences": {"name": {"source": "naïve 🐦", "target": None}} if number else None,
            "undo": {"owner": PROJECT, "updated_at": "naïve 🐦"} if number else None,
            "attempts": 1,
            "resource_name": f"naïve {number}",
            "digest": None,
            "written_at": BEGAN,
            "data": "active" if reason == "created" else None,
            "bytes": 5 * 2**32 if reason == "created" else None,
            "data_seconds": 0.25 if reason == "created" else None,
            "data_since": PAST if reason == "created" else None,
            "data_due": None,
            "data_tries": number,
            "import_task": job_id(pk) if reason == "created" else None,
            "created_at": BEGAN,
            "updated_at": None if is_open else BEGAN + timedelta(seconds=number),
        }


def _task(pk, region, *, done):
    return {
        "job_pk": pk,
        "plan_generation": 1,
        "part": 0,
        "region": region,
        "kind": "records",
        "done": done,
        "attempts": 1,
        "engine_id": "old:1:e",
        "lease_expires": PAST,
        "generation": 3,
        "turn": 0,
        "away_since": PAST,
        "claimed_at": PAST,
        "counts": None,
        "revision": 0,
        "created_at": BEGAN,
        "updated_at": BEGAN if done else None,
    }


def rows():
    """Return the columns of each row, by table, parents first."""
    return {
        "engines": [
            {
                "id": "old:1:e",
                "host": "old",
                "pid": 1,
                "version": "0.9",
                "rpc_version": "1.0",
                "started_at": BEGAN,
                "seen": PAST,
                "regions": None,
            }
        ],
        "rules": [
            {
                "pk": 1,
                "id": "aaaaaaaa-0000-4000-8000-000000000009",
                "project_id": PROJECT,
                "user_id": "u" * 32,
                "name": "🐦",
                "description": "",
                "enabled": True,
                "sync_set": sync_set(["*"], ["RegionOne"], ["*"]),
                "all_projects": False,
                "is_admin": False,
                "trust_id": "r" * 32,
                "interval": 3600,
                "events": True,
                "event_runs": 0,
                "revision": 2,
                "next_run": 4 * PAST,
                "full_job_id": job_id(6),
                "state": "FAILING",
                "reason": "quota",
                "message": "Glance said: naïve “quota” 🐦",
                "failures": 3,
                "last_run_at": BEGAN,
                "last_success_at": None,
                "created_at": BEGAN,
                "updated_at": None,
            }
        ],
        "marks": [
            {
                "pk": 1,
                "rule_pk": 1,
                "image_id": _image(1),
                "due": 4 * PAST,
                "since": PAST,
                "attempts": 1,
                "job_pk": None,
            }
        ],
        "listeners": [
            {
                "id": "old:2:l",
                "host": "old",
                "pid": 2,
                "version": "0.9",
                "started_at": BEGAN,
                "seen": PAST,
                "regions": {"Région Ünï": {"connected": True, "heard": None, "since": PAST}},
            }
        ],
        "image_states": [
            {
                "pk": 1,
                "image_id": _image(1),
                "region": "Région Ünï",
                "project_id": PROJECT,
                "name": "🐦",
                "source_region": "RegionOne",
                "state": "drift",
                "reason": "quota",
                "message": "Glance said: naïve “quota” 🐦",
                "differences": {"name": {"source": "naïve 🐦", "target": None}},
                "image_status": "queued",
                "job_id": job_id(6),
                "since": BEGAN,
                "compared_at": BEGAN,
            }
        ],
        "metadef_states": [
            {
                "pk": 1,
                "resource": _image(2),
                "region": "Région Ünï",
                "project_id": "admin",
                "name": "OS::🐦",
                "source_region": "RegionOne",
                "state": "drift",
                "reason": "drift",
                "message": "Glance said: naïve “quota” 🐦",
                "differences": {"property 🐦": {"source": "naïve", "target": None}},
                "job_id": job_id(6),
                "since": BEGAN,
                "compared_at": BEGAN,
            }
        ],
        "metadef_regions": [
            {
                "region": "Région Ünï",
                "namespaces": 3,
                "compared_at": BEGAN,
                "away_since": None,
                "revision": PAST,
            }
        ],
        "region_states": [
            {
                "project_id": "*",
                "region": "Région Ünï",
                "images": 3,
                "bulk_missing": 0,
                "bulk_no_data": 2,
                "compared_at": BEGAN,
                "away_since": None,
                "reason": None,
                "message": None,
                "revision": PAST,
            },
            {
                "project_id": PROJECT,
                "region": "Région Ünï",
                "images": 0,
                "bulk_missing": 0,
                "bulk_no_data": 0,
                "compared_at": None,
                "away_since": None,
                "reason": None,
                "message": None,
                "revision": PAST,
            },
        ],
        "jobs": _jobs(),
        "tasks": [
            _task(4, "RegionTwo", done=False),
            _task(4, "Région Ünï", done=True),
            _task(6, "RegionTwo", done=True),
        ],
        "items": [
            *_items(4, ("IN_PROGRESS", None), ("SUCCESS", "created"), ("SUCCESS", "created")),
            *_items(6, ("SUCCESS", "created"), ("SKIPPED", "deleted_in_target")),
            *_items(7, ("FAILURE", "forbidden"), ("FAILURE", "region_unavailable")),
            *_items(8, ("SUCCESS", "created")),
        ],
        "fresh_states": [
            {
                "pk": 1,
                "image_id": _image(1),
                "region": "RegionTwo",
                "project_id": PROJECT,
                "told_at": 1_795_388_400_000,
            }
        ],
        "hidden_orphans": [
            {
                "region": "RegionTwo",
                "image_id": _image(1),
                "home": "RegionOne",
                "updated_at": "2026-11-22T23:00:00Z",
                "hidden_at": 1_795_388_400_000,
                "job_id": job_id(6),
            }
        ],
        "duties": [{"name": "reaper", "engine_id": "engine", "expires": 1_795_388_400_000}],
        "tombstones": [
            {
                "region": "RegionTwo",
                "image_id": _image(1),
                "project_id": PROJECT,
                "reason": "deleted_in_target",
                "expires": 4 * PAST,
            }
        ],
    }


def add():
    """Store them in the tables as they are now, leaving out the columns that they lack.

    :returns: what was stored, by table.
    """
    meta = sa.MetaData()
    stored = {}
    with db.get_engine().begin() as bind:
        meta.reflect(bind)
        for name, wanted in rows().items():
            table = meta.tables.get(name)
            if table is None:
                continue
            for column in table.c:
                if column.name in (
                    "request",
                    "in_sync",
                    "plan_rest",
                    "work",
                    "sync_set",
                    "regions",
                    "no_data",
                    "differences",
                    "undo",
                    "away",
                ):
                    # PostgreSQL tells of JSON, MariaDB of text.
                    column.type = sa.JSON(none_as_null=True)
            stored[name] = [
                {key: value for key, value in row.items() if key in table.c} for row in wanted
            ]
            bind.execute(table.insert(), stored[name])
    return stored
