"""Define the tables: rules, jobs, their tasks and items, engines, and tombstones.

Integer keys order rows as they came, which random UUIDs would not; UUIDs are what the
API shows.  All times are the database's own (see ``kingbird.db.clock``): those of leases in
milliseconds, others in UTC.
"""

import secrets
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from oslo_db.sqlalchemy import models as oslo_models
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from kingbird.db.clock import utc_now
from kingbird.db.column_types import CleanJSON, CleanText

# MySQL keeps whole seconds unless told otherwise, SQLite autoincrements INTEGER only.
DateTime6 = sa.DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
Key = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
#: The maximum of characters of an item's message.
MAX_MESSAGE = 4000
#: The maximum of characters of the JSON of an item's work.  MariaDB takes statements of 16 MiB.
MAX_WORK = 4 * 1024**2


#: How many first generations of a task there are; a column holds twice as many.
FIRST_GENERATIONS = 2**30

#: The action of an item that is to be retried and has no plan yet.
RETRY = "retry"


class Base(oslo_models.ModelBase, DeclarativeBase):
    """oslo.db's base with typed columns, on InnoDB with full Unicode.

    Region names and ids differ by case too, which MySQL's usual collation overlooks.
    """

    __table_args__: Any = {
        f"{dialect}_{key}": value
        for dialect in ("mysql", "mariadb")
        for key, value in (
            ("engine", "InnoDB"),
            ("charset", "utf8mb4"),
            ("collate", "utf8mb4_bin"),
        )
    }


class Timestamps(oslo_models.TimestampMixin):
    """oslo.db's mixin, but precise, and ``updated_at`` moves only when it is set.

    Renewing a lease is no change that a user cares for.
    """

    created_at: Mapped[datetime] = mapped_column(DateTime6, default=utc_now())
    updated_at: Mapped[datetime | None] = mapped_column(DateTime6, default=None)

    @hybrid_property
    def changed_at(self) -> datetime:
        """When the row was changed last: what ``updated_at`` is sorted by, as it is never null."""
        return self.updated_at or self.created_at

    @changed_at.inplace.expression
    @classmethod
    def _changed_at(cls) -> sa.ColumnElement[datetime]:
        return sa.func.coalesce(cls.updated_at, cls.created_at)


class Leased:
    """Add the columns of a lease: its engine, its end and the number of the claim."""

    engine_id: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    lease_expires: Mapped[int | None] = mapped_column(sa.BigInteger(), default=None)
    generation: Mapped[int] = mapped_column(sa.Integer(), default=0)


class Job(Leased, Timestamps, Base):
    """One accepted request."""

    __tablename__ = "jobs"
    # MySQL returns no columns of an INSERT, so that they are read after it.
    __mapper_args__: Any = {"eager_defaults": True}

    pk: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(sa.String(36))
    project_id: Mapped[str] = mapped_column(sa.String(64))
    user_id: Mapped[str] = mapped_column(sa.String(64))
    #: Kingbird's own id of the request that began this run; no two have the same.
    request_id: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    #: The id that the request came with, by which other services know what belongs together.
    global_request_id: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    #: ACCEPTING, then one of the states that the API shows.
    status: Mapped[str] = mapped_column(sa.String(16))
    #: ``trust``, or ``token``: only the engine that got the message can run it.
    credentials: Mapped[str] = mapped_column(sa.String(8))
    trust_id: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    #: True if Glance treats the job's user as an admin.
    is_admin: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
    #: Mark a set as one about every project's images; admins alone see such a job.
    all_projects: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
    #: The sets, as ``kingbird.sync.request.SyncSet`` reads them.
    request: Mapped[list[dict[str, Any]]] = mapped_column(CleanJSON())
    #: Claims for planning that have stored nothing.  After too many of them the job is ended.
    attempts: Mapped[int] = mapped_column(sa.Integer(), default=0)
    planned_at: Mapped[datetime | None] = mapped_column(DateTime6, default=None)
    #: Parts of the plan that are stored; items of a later part don't count yet.
    plan_parts: Mapped[int] = mapped_column(sa.Integer(), default=0)
    #: The rest of the plan, in the planner's own format.
    plan_rest: Mapped[dict[str, Any] | None] = mapped_column(
        CleanJSON(none_as_null=True), default=None
    )
    #: Images that are in sync and have no item, by target region.
    in_sync: Mapped[dict[str, int]] = mapped_column(CleanJSON(), default=dict)
    #: Tasks that have not ended.  The transaction that sets it to 0 ends the job.
    tasks_open: Mapped[int] = mapped_column(sa.Integer(), default=0)
    #: True if a user has cancelled the job.
    cancelled: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
    #: The number of runs: one, and one for each retry.
    runs: Mapped[int] = mapped_column(sa.Integer(), default=1)
    #: The rule that made the job.  The job stays when its rule is deleted.
    rule_id: Mapped[str | None] = mapped_column(sa.String(36), default=None)
    #: The cause of a rule's job (``kingbird.states.Trigger``).
    trigger: Mapped[str | None] = mapped_column(sa.String(16), default=None)

    __table_args__ = (
        sa.UniqueConstraint("id", name="uniq_jobs0id"),
        sa.Index("jobs_project_id_idx", "project_id", "pk"),
        sa.Index("jobs_status_idx", "status", "planned_at"),
        sa.Index("jobs_trust_id_idx", "trust_id"),
        sa.Index("jobs_rule_id_idx", "rule_id", "pk"),
        Base.__table_args__,
    )


class Rule(Timestamps, Base):
    """A set that stands: it makes jobs, with the rights of the user who changed it last."""

    __tablename__ = "rules"

    pk: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    id: Mapped[str] = mapped_column(sa.String(36))
    project_id: Mapped[str] = mapped_column(sa.String(64))
    user_id: Mapped[str] = mapped_column(sa.String(64))
    name: Mapped[str] = mapped_column(sa.String(255))
    description: Mapped[str] = mapped_column(sa.String(255))
    enabled: Mapped[bool] = mapped_column(sa.Boolean())
    #: The set, as ``kingbird.sync.request.SyncSet`` reads it; ``*`` stays among its regions.
    sync_set: Mapped[dict[str, Any]] = mapped_column(CleanJSON())
    all_projects: Mapped[bool] = mapped_column(sa.Boolean())
    is_admin: Mapped[bool] = mapped_column(sa.Boolean())
    trust_id: Mapped[str] = mapped_column(sa.String(64))
    #: Seconds between two full runs; 0 for a rule that runs on request only.
    interval: Mapped[int] = mapped_column(sa.Integer())
    #: True if uploads, which Glance tells of, begin runs.
    events: Mapped[bool] = mapped_column(sa.Boolean(), default=True, server_default="1")
    #: The number of event runs, by which of two engines one begins the next.
    event_runs: Mapped[int] = mapped_column(sa.Integer(), default=0, server_default="0")
    #: Grows with each change by a user.
    revision: Mapped[int] = mapped_column(sa.Integer(), default=1)
    #: When the next full run is due, in milliseconds of the database's clock.
    next_run: Mapped[int | None] = mapped_column(sa.BigInteger(), default=None)
    #: The job of the last full run.
    full_job_id: Mapped[str | None] = mapped_column(sa.String(36), default=None)
    #: ``kingbird.states.RuleState``, but for DISABLED, which ``enabled`` tells.
    state: Mapped[str] = mapped_column(sa.String(16), default="OK")
    reason: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    message: Mapped[str | None] = mapped_column(CleanText(MAX_MESSAGE), default=None)
    #: Full runs that failed since the last one that did not.
    failures: Mapped[int] = mapped_column(sa.Integer(), default=0)
    last_run_at: Mapped[datetime | None] = mapped_column(DateTime6, default=None)
    last_success_at: Mapped[datetime | None] = mapped_column(DateTime6, default=None)

    __table_args__ = (
        sa.UniqueConstraint("id", name="uniq_rules0id"),
        sa.UniqueConstraint("project_id", "name", name="uniq_rules0project_id0name"),
        # MariaDB searches this for ``enabled = true``, and not for ``enabled IS true``.
        sa.Index("rules_next_run_idx", "enabled", "next_run"),
        sa.Index("rules_trust_id_idx", "trust_id"),
        Base.__table_args__,
    )


class Mark(Base):
    """A rule has to look at an image, until an event run has done so."""

    __tablename__ = "marks"

    pk: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    rule_pk: Mapped[int] = mapped_column(sa.ForeignKey("rules.pk", ondelete="CASCADE"))
    image_id: Mapped[str] = mapped_column(sa.String(36))
    #: The time of the next run, in milliseconds of the database's clock.  A mark that a job has
    #: taken has none, unless the image has changed since.
    due: Mapped[int | None] = mapped_column(sa.BigInteger(), default=None)
    #: When the image was heard of first.
    since: Mapped[int] = mapped_column(sa.BigInteger())
    #: Runs in a row that could not look at the image.
    attempts: Mapped[int] = mapped_column(sa.Integer(), default=0)
    #: The job that has taken the mark.
    job_pk: Mapped[int | None] = mapped_column(sa.BigInteger(), default=None)

    __table_args__ = (
        sa.UniqueConstraint("rule_pk", "image_id", name="uniq_marks0rule_pk0image_id"),
        sa.Index("marks_due_idx", "job_pk", "due"),
        # One rule's many marks are not read to find those of another rule.
        sa.Index("marks_rule_due_idx", "rule_pk", "due", "job_pk"),
        Base.__table_args__,
    )


class Task(Leased, Timestamps, Base):
    """A job's items in one target region, which one engine claims."""

    __tablename__ = "tasks"

    pk: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    job_pk: Mapped[int] = mapped_column(sa.ForeignKey("jobs.pk", ondelete="CASCADE"))
    #: The claim of the job that planned it.
    plan_generation: Mapped[int] = mapped_column(sa.Integer())
    #: The part of the plan whose items it is about.
    part: Mapped[int] = mapped_column(sa.Integer(), default=0)
    region: Mapped[str] = mapped_column(sa.String(255))
    done: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
    #: It begins at random: SQLite gives the key of the task that was deleted last to the next one,
    #: and a claim of the old task must not match.
    generation: Mapped[int] = mapped_column(
        sa.Integer(), default=lambda: secrets.randbelow(FIRST_GENERATIONS)
    )
    #: Claims that have recorded no outcome.  After too many of them the task is ended.
    attempts: Mapped[int] = mapped_column(sa.Integer(), default=0)

    __table_args__ = (
        sa.UniqueConstraint(
            "job_pk",
            "plan_generation",
            "part",
            "region",
            name="uniq_tasks0job_pk0plan_generation0part0region",
        ),
        # MariaDB searches this for ``done = false``, and not for ``done IS false``.
        sa.Index("tasks_done_idx", "done", "lease_expires"),
        Base.__table_args__,
    )


class Item(Timestamps, Base):
    """One image in one target region within a job, with its outcome."""

    __tablename__ = "items"

    pk: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=True)
    #: :func:`kingbird.db.jobs.item_id`: the same when the job is planned anew.
    id: Mapped[str] = mapped_column(sa.String(36))
    job_pk: Mapped[int] = mapped_column(sa.ForeignKey("jobs.pk", ondelete="CASCADE"))
    plan_generation: Mapped[int] = mapped_column(sa.Integer())
    part: Mapped[int] = mapped_column(sa.Integer(), default=0)
    resource_type: Mapped[str] = mapped_column(sa.String(32))
    #: An image's id, or ``*`` when the item is about a whole region.
    resource: Mapped[str] = mapped_column(sa.String(36))
    source_region: Mapped[str] = mapped_column(sa.String(255))
    target_region: Mapped[str] = mapped_column(sa.String(255))
    target_resource: Mapped[str | None] = mapped_column(sa.String(36), default=None)
    action: Mapped[str] = mapped_column(sa.String(16))
    #: IN_PROGRESS, then SUCCESS, FAILURE, SKIPPED, CANCELLED or, of a dry run, PLANNED.
    status: Mapped[str] = mapped_column(sa.String(16))
    reason: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    message: Mapped[str | None] = mapped_column(CleanText(MAX_MESSAGE), default=None)
    #: Items of a lower rank go first, as others refer to them (an AMI's kernel).
    rank: Mapped[int] = mapped_column(sa.Integer(), default=0)
    #: The record to write, until it is written (``kingbird.sync.item.WriteSpec``).
    work: Mapped[dict[str, Any] | None] = mapped_column(
        CleanJSON(none_as_null=True, limit=MAX_WORK), default=None
    )
    #: Runs of the job that worked on the item.
    attempts: Mapped[int] = mapped_column(sa.Integer(), default=1)

    @hybrid_property
    def reason_or_empty(self) -> str:
        """The reason: what it is sorted by, as it is never null."""
        return self.reason or ""

    @reason_or_empty.inplace.expression
    @classmethod
    def _reason_or_empty(cls) -> sa.ColumnElement[str]:
        return sa.func.coalesce(cls.reason, "")

    __table_args__ = (
        sa.UniqueConstraint("job_pk", "id", name="uniq_items0job_pk0id"),
        # Pages in the order of the plan, and counts, which read nothing but the index.
        sa.Index("items_plan_idx", "job_pk", "pk"),
        sa.Index("items_status_idx", "job_pk", "status", "reason", "part"),
        sa.Index("items_open_idx", "job_pk", "target_region", "status", "rank", "pk"),
        Base.__table_args__,
    )


class Engine(Base):
    """A running engine and its last heartbeat."""

    __tablename__ = "engines"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    host: Mapped[str] = mapped_column(sa.String(255))
    pid: Mapped[int] = mapped_column(sa.Integer())
    version: Mapped[str] = mapped_column(sa.String(64))
    #: The newest version of messages that it understands.
    rpc_version: Mapped[str] = mapped_column(sa.String(16))
    started_at: Mapped[datetime] = mapped_column(DateTime6, default=utc_now())
    #: Milliseconds of the database's clock.
    seen: Mapped[int] = mapped_column(sa.BigInteger())


class Listener(Base):
    """A running listener, its last heartbeat, and the regions that it hears."""

    __tablename__ = "listeners"

    id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    host: Mapped[str] = mapped_column(sa.String(255))
    pid: Mapped[int] = mapped_column(sa.Integer())
    version: Mapped[str] = mapped_column(sa.String(64))
    started_at: Mapped[datetime] = mapped_column(DateTime6, default=utc_now())
    #: Milliseconds of the database's clock.
    seen: Mapped[int] = mapped_column(sa.BigInteger())
    #: By name: ``connected``, and ``heard`` and ``since`` in milliseconds since 1970.
    regions: Mapped[dict[str, Any]] = mapped_column(CleanJSON())


class Tombstone(Base):
    """An id that can't be used in a region, as its image was deleted or is not visible."""

    __tablename__ = "tombstones"

    region: Mapped[str] = mapped_column(sa.String(255), primary_key=True)
    image_id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    project_id: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    #: ``deleted_in_target`` or ``id_taken``.
    reason: Mapped[str] = mapped_column(sa.String(64))
    #: Milliseconds of the database's clock.
    expires: Mapped[int] = mapped_column(sa.BigInteger())

    __table_args__ = (sa.Index("tombstones_expires_idx", "expires"), Base.__table_args__)
