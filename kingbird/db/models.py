"""Define the tables of rules, jobs, their tasks and items, and tombstones.

Integer keys order rows as they came, which random UUIDs would not; UUIDs are what the
API shows.  All times are the database's own (see ``kingbird.db.clock``): those of leases in
milliseconds, others in UTC.
"""

import secrets
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from kingbird.db.clock import utc_now
from kingbird.db.column_types import CleanJSON, CleanText
from kingbird.db.model_base import (
    MAX_DIFFERENCES,
    MAX_MESSAGE,
    MAX_NAME,
    Base,
    DateTime6,
    Leased,
    NullJSON,
    Numbered,
    Timestamps,
    Versioned,
)
from kingbird.states import ItemState, ResourceType, TaskKind

#: The maximum of characters of the JSON of an item's work.  MariaDB takes statements of 16 MiB.
MAX_WORK = 4 * 1024**2
#: How many first generations of a task there are; a column holds twice as many.
FIRST_GENERATIONS = 2**30
#: The action of an item that is to be retried and has no plan yet.
RETRY = "retry"


class Job(Leased, Versioned, Timestamps, Numbered, Base):
    """One accepted request."""

    __tablename__ = "jobs"
    # MySQL returns no columns of an INSERT, so that they are read after it.
    __mapper_args__: Any = {"eager_defaults": True}

    id: Mapped[str] = mapped_column(sa.String(36))
    project_id: Mapped[str] = mapped_column(sa.String(64))
    user_id: Mapped[str] = mapped_column(sa.String(64))
    #: Kingbird's own id of the request that began this run; no two have the same.
    request_id: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    #: The id that the request came with, by which other services know what belongs together.
    global_request_id: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    #: ACCEPTING, then one of the states that the API shows, and DELETED until its rows are.
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
    #: The sets as their user asked for them, shortened (``kingbird.request_summary``).
    asked: Mapped[dict[str, Any] | None] = mapped_column(NullJSON, default=None)
    #: The job whose plan this one carries out.
    of_id: Mapped[str | None] = mapped_column(sa.String(36), default=None)
    #: Claims for planning that have stored nothing.  After too many of them the job is ended.
    attempts: Mapped[int] = mapped_column(sa.Integer(), default=0)
    planned_at: Mapped[datetime | None] = mapped_column(DateTime6, default=None)
    #: Parts of the plan that are stored; items of a later part don't count yet.
    plan_parts: Mapped[int] = mapped_column(sa.Integer(), default=0)
    #: The rest of the plan, in the planner's own format.
    plan_rest: Mapped[dict[str, Any] | None] = mapped_column(NullJSON, default=None)
    #: Regions that the rest of the plan waits for, each with the time at which it was found away
    #: first, in milliseconds of the database's clock.
    away: Mapped[dict[str, int] | None] = mapped_column(NullJSON, default=None)
    #: Images that are in sync and have no item, by target region.
    in_sync: Mapped[dict[str, int]] = mapped_column(CleanJSON(), default=dict)
    #: Those that are in sync but for their data; null in jobs of earlier releases.
    no_data: Mapped[dict[str, int] | None] = mapped_column(NullJSON, default=None)
    #: Images that planning has listed so far, by region.
    listed: Mapped[dict[str, int] | None] = mapped_column(NullJSON, default=None)
    #: Tasks that have not ended.  The transaction that sets it to 0 ends the job.
    tasks_open: Mapped[int] = mapped_column(sa.Integer(), default=0)
    #: True if a user has cancelled the job.
    cancelled: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
    #: Parts of the job that a user has cancelled, each with ``regions`` and ``resources``.
    cancelled_parts: Mapped[list[dict[str, Any]] | None] = mapped_column(NullJSON, default=None)
    #: The end of the items that had not ended when the job did, until their rows have followed
    #: (``kingbird.db.settling``).
    ending: Mapped[dict[str, Any] | None] = mapped_column(NullJSON, default=None)
    #: The part of the job that is retried, until the rows of its items have followed.
    reopening: Mapped[dict[str, Any] | None] = mapped_column(NullJSON, default=None)
    #: True while engines are to let rows follow, or to delete them.
    settling: Mapped[bool] = mapped_column(sa.Boolean(), default=False, server_default="0")
    #: The number of runs: one, and one for each retry.
    runs: Mapped[int] = mapped_column(sa.Integer(), default=1)
    #: The order in which waiting jobs are planned (``kingbird.db.turns``).
    turn: Mapped[int] = mapped_column(sa.BigInteger(), default=0, server_default="0")
    #: The rule that made the job.  The job stays when its rule is deleted.
    rule_id: Mapped[str | None] = mapped_column(sa.String(36), default=None)
    #: The cause of a rule's job (``kingbird.states.Trigger``).
    trigger: Mapped[str | None] = mapped_column(sa.String(16), default=None)

    @property
    def targets(self) -> list[str]:
        """The target regions of all sets."""
        return list(dict.fromkeys(name for each in self.request for name in each["targets"]))

    @property
    def resource_type(self) -> str:
        """The type of the resources of all sets."""
        return str(self.request[0]["resource_type"]) if self.request else ResourceType.IMAGE

    @property
    def is_dry(self) -> bool:
        """Return whether a set is a dry run."""
        return self.of_id is None and any(each["dry_run"] for each in self.request)

    @property
    def undoes(self) -> bool:
        """Return whether the job undoes what another one wrote."""
        return self.of_id is not None and not self.applies

    @property
    def applies(self) -> bool:
        """Return whether the job carries out the plan of a dry run.

        The sets still say that they are dry runs, so that an engine of a release that does not
        know of this writes nothing.
        """
        return self.of_id is not None and any(each["dry_run"] for each in self.request)

    __table_args__ = (
        sa.UniqueConstraint("id", name="uniq_jobs0id"),
        sa.Index("jobs_project_id_idx", "project_id", "pk"),
        sa.Index("jobs_status_idx", "status", "planned_at"),
        sa.Index("jobs_turn_idx", "status", "turn", "pk"),
        sa.Index("jobs_project_turn_idx", "project_id", "status", "turn"),
        sa.Index("jobs_trust_id_idx", "trust_id"),
        sa.Index("jobs_rule_id_idx", "rule_id", "pk"),
        sa.Index("jobs_settling_idx", "settling", "pk"),
        # Those that are planned.
        sa.Index("jobs_lease_idx", "status", "lease_expires"),
        Base.__table_args__,
    )


class Rule(Timestamps, Numbered, Base):
    """A set that stands: it makes jobs, with the rights of the user who changed it last."""

    __tablename__ = "rules"

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


class Mark(Numbered, Base):
    """A rule has to look at an image, until an event run has done so."""

    __tablename__ = "marks"

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


class Task(Leased, Versioned, Timestamps, Numbered, Base):
    """A job's items in one target region, or their data, which one engine claims."""

    __tablename__ = "tasks"

    job_pk: Mapped[int] = mapped_column(sa.ForeignKey("jobs.pk", ondelete="CASCADE"))
    #: The claim of the job that planned it.
    plan_generation: Mapped[int] = mapped_column(sa.Integer())
    #: The part of the plan whose items it is about.
    part: Mapped[int] = mapped_column(sa.Integer(), default=0)
    region: Mapped[str] = mapped_column(sa.String(255))
    #: ``kingbird.states.TaskKind``.  The end of a task for records makes one for their data.
    kind: Mapped[str] = mapped_column(
        sa.String(16), default=TaskKind.RECORDS, server_default=TaskKind.RECORDS.value
    )
    done: Mapped[bool] = mapped_column(sa.Boolean(), default=False)
    #: It begins at random: SQLite gives the key of the task that was deleted last to the next one,
    #: and a claim of the old task must not match.
    generation: Mapped[int] = mapped_column(
        sa.Integer(), default=lambda: secrets.randbelow(FIRST_GENERATIONS)
    )
    #: Claims that have recorded no outcome.  After too many of them the task is ended.
    attempts: Mapped[int] = mapped_column(sa.Integer(), default=0)
    #: The order in which waiting tasks are claimed (``kingbird.db.turns``).
    turn: Mapped[int] = mapped_column(sa.BigInteger(), default=0, server_default="0")
    #: Since when the region is away and has answered no write of the task, in milliseconds of the
    #: database's clock.
    away_since: Mapped[int | None] = mapped_column(sa.BigInteger(), default=None)

    __table_args__ = (
        sa.UniqueConstraint(
            "job_pk",
            "plan_generation",
            "part",
            "region",
            "kind",
            name="uniq_tasks0job_pk0plan_generation0part0region0kind",
        ),
        # MariaDB searches this for ``done = false``, and not for ``done IS false``.
        sa.Index("tasks_done_idx", "done", "lease_expires"),
        sa.Index("tasks_turn_idx", "done", "turn", "pk"),
        Base.__table_args__,
    )


class Item(Timestamps, Numbered, Base):
    """One image in one target region within a job, with its outcome."""

    __tablename__ = "items"

    #: :func:`kingbird.db.item_ids.item_id`: the same when the job is planned anew.
    id: Mapped[str] = mapped_column(sa.String(36))
    job_pk: Mapped[int] = mapped_column(sa.ForeignKey("jobs.pk", ondelete="CASCADE"))
    plan_generation: Mapped[int] = mapped_column(sa.Integer())
    part: Mapped[int] = mapped_column(sa.Integer(), default=0)
    resource_type: Mapped[str] = mapped_column(sa.String(32))
    #: An image's id, or ``*`` when the item is about a whole region.
    resource: Mapped[str] = mapped_column(sa.String(36))
    #: The image's name when it was planned.
    resource_name: Mapped[str | None] = mapped_column(sa.String(MAX_NAME), default=None)
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
    #: The record to write, until it is written (``kingbird.sync.item.WriteSpec``), then the data
    #: to import, until they have arrived (``kingbird.sync.item.ImportSpec``).
    work: Mapped[dict[str, Any] | None] = mapped_column(
        CleanJSON(none_as_null=True, limit=MAX_WORK), default=None
    )
    #: The fingerprint of the find of a dry run (``kingbird.sync.item.Item.fingerprint``).
    digest: Mapped[str | None] = mapped_column(sa.String(64), default=None)
    #: Fields that differ, with the values of the source and of the copy
    #: (``kingbird.sync.compare.differences``).
    differences: Mapped[dict[str, Any] | None] = mapped_column(
        CleanJSON(none_as_null=True, limit=MAX_DIFFERENCES), default=None
    )
    #: The fields that were written, and their values before (``kingbird.sync.undo``).
    undo: Mapped[dict[str, Any] | None] = mapped_column(
        CleanJSON(none_as_null=True, limit=MAX_WORK), default=None
    )
    #: Runs of the job that worked on the item.
    attempts: Mapped[int] = mapped_column(sa.Integer(), default=1)
    #: When the row was written last.  Each INSERT and UPDATE sets it; earlier releases do not.
    written_at: Mapped[datetime | None] = mapped_column(
        DateTime6, default=utc_now(), onupdate=utc_now()
    )
    #: ``kingbird.states.DataState``, or null if the set asks for no data.
    data: Mapped[str | None] = mapped_column(sa.String(16), default=None)
    #: The size of the source's data.
    bytes: Mapped[int | None] = mapped_column(sa.BigInteger(), default=None)
    #: The seconds that the import took, to the look that found the data.
    data_seconds: Mapped[float | None] = mapped_column(sa.Double(), default=None)
    #: When the data got into their state, in milliseconds of the database's clock; null until the
    #: record is in order.
    data_since: Mapped[int | None] = mapped_column(sa.BigInteger(), default=None)
    #: When the import may be asked for, likewise; null for at once.
    data_due: Mapped[int | None] = mapped_column(sa.BigInteger(), default=None)
    #: How often Glance was asked for the import in this run.
    data_tries: Mapped[int] = mapped_column(sa.Integer(), default=0, server_default="0")
    #: Glance's task of the last import that was seen.
    import_task: Mapped[str | None] = mapped_column(sa.String(64), default=None)

    @hybrid_property
    def waits_for_data(self) -> bool:
        """True if the record is in order, and its data are still to arrive."""
        return self.status == ItemState.IN_PROGRESS and self.data_since is not None

    @waits_for_data.inplace.expression
    @classmethod
    def _waits_for_data(cls) -> sa.ColumnElement[bool]:
        return sa.and_(cls.status == ItemState.IN_PROGRESS, cls.data_since.is_not(None))

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
        sa.Index("items_written_idx", "job_pk", "written_at"),
        # The imports of all jobs, of which a region may have a few at a time.
        sa.Index("items_data_idx", "data", "target_region"),
        Base.__table_args__,
    )


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
