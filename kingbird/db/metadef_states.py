"""Keep the states of namespaces that are not in order, and the figures of their regions.

Each function works in the transaction of its caller, as those of :mod:`kingbird.db.image_states`
do: rows are locked in the order job, task, items, regions, states.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import orm

from kingbird.batching import batched
from kingbird.db import batches, connection, fresh_states, stale_states
from kingbird.db.clock import seconds_ago, utc_now
from kingbird.db.column_types import fit
from kingbird.db.fresh_states import Key
from kingbird.db.inserts import insert_new, insert_or_update
from kingbird.db.leases import Claim
from kingbird.db.metadef_models import MetadefRegion, MetadefState
from kingbird.db.models import Job
from kingbird.states import ALL, CopyState
from kingbird.stretch import Stretch
from kingbird.text import clean

_KEY = ("resource", "region")
#: The columns that a comparison brings anew.
_FOUND = ("project_id", "name", "source_region", "state", "reason", "message", "differences")
_TABLE: Any = MetadefState.__table__
_MESSAGE: int = _TABLE.c.message.type.limit


@dataclass(frozen=True)
class Findings:
    """The states of namespaces that a batch of a plan has found.

    :ivar rows: columns of ``MetadefState``; the state of a namespace in order is ``None``, and so
        is the project of one that is gone from its source region.
    :ivar stretches: what was compared completely; the ids are of no account.
    """

    rows: Sequence[dict[str, Any]] = ()
    stretches: Sequence[Stretch] = ()

    def __bool__(self) -> bool:
        return bool(self.rows or self.stretches)

    def store(
        self, session: orm.Session, job: Job, execute: batches.Execute, began: int | None
    ) -> None:
        """Store what was found, but of namespaces that another job has written since it began."""
        if not self:
            return
        regions = {row["region"] for row in self.rows}
        _touch(session, regions.union(*(one.targets for one in self.stretches)))
        stale: dict[Key, int] = {}
        for stretch in self.stretches:
            stale.update(_others(session, job, stretch, self.rows))
        about = {_key(row) for row in self.rows} | stale.keys()
        fresh = fresh_states.find(session, job, began, about)
        rows = [row for row in self.rows if _key(row) not in fresh]
        _write(session, job, rows, execute)
        left = [pk for key, pk in stale.items() if key not in fresh]
        connection.delete_rows(session, MetadefState, left)

    def clear(self, claim: Claim, began: int | None) -> None:
        """Delete most of the states that were not found again; see :mod:`.stale_states`."""
        found = {_place(row) for row in self.rows}

        def delete(session: orm.Session, page: Sequence[sa.Row[Any]]) -> int:
            stale = [row for row in page if (row.resource, row.region) not in found]
            _touch(session, {row.region for row in stale})
            keys = {row.pk: (row.resource, row.region, ALL) for row in stale}
            fresh = fresh_states.find(session, claim.job, began, keys.values())
            left = [pk for pk, key in keys.items() if key not in fresh]
            connection.delete_rows(session, MetadefState, left)
            return len(left)

        for stretch in self.stretches:
            query = _others_query(claim.job, stretch)
            stale_states.clear(claim, query, MetadefState.resource, delete)


@dataclass(frozen=True)
class Figures:
    """The figures of regions that a complete comparison has found.

    :ivar namespaces: the number of namespaces that were compared, by region.
    :ivar away: regions that could not be read.
    :ivar known_regions: the regions of the service catalog.
    """

    namespaces: Mapping[str, int]
    away: Collection[str] = ()
    known_regions: Collection[str] = field(default=())

    def store(self, session: orm.Session, job: Job) -> None:
        """Store what a complete comparison tells of its regions."""
        regions = {*self.namespaces, *self.away}
        _touch(session, regions)
        for region in sorted(regions):
            values: dict[str, Any] = {
                "away_since": sa.func.coalesce(MetadefRegion.away_since, utc_now())
            }
            if region not in self.away:
                number = self.namespaces[region]
                values = {"namespaces": number, "compared_at": utc_now(), "away_since": None}
            changed = sa.update(MetadefRegion).where(MetadefRegion.region == region)
            connection.write(session, changed.values(**values))
        if self.known_regions:
            _forget_regions(session, self.known_regions)

    def clear(self, claim: Claim) -> None:
        """Delete most of the states in regions that have left the catalog."""
        if not self.known_regions:
            return

        def delete(session: orm.Session, page: Sequence[sa.Row[Any]]) -> int:
            connection.delete_rows(session, MetadefState, [row.pk for row in page])
            return len(page)

        query = sa.select(MetadefState.pk).where(
            MetadefState.region.not_in(sorted(self.known_regions))
        )
        stale_states.clear(claim, query, MetadefState.pk, delete)


def store_outcomes(
    session: orm.Session, job: Job, rows: Sequence[dict[str, Any]], execute: batches.Execute
) -> None:
    """Store the states of namespaces after writes."""
    if not rows:
        return
    _touch(session, {row["region"] for row in rows})
    told = [
        dict(zip(("image_id", "region", "project_id"), _key(row), strict=True)) for row in rows
    ]
    fresh_states.remember(session, told)
    _write(session, job, rows, execute)


class _Changes:
    """The changes of the rows of some namespaces.

    The age of a state that is still the same is kept.  A region that could not be asked changes
    nothing that is known.
    """

    def __init__(self, job: Job) -> None:
        self._job = job
        self._added: list[dict[str, Any]] = []
        self._changed: list[dict[str, Any]] = []
        self._altered: list[dict[str, Any]] = []
        self._same: set[int] = set()
        self._ended: set[int] = set()

    def add(self, row: dict[str, Any], before: "sa.Row[Any] | None") -> None:
        """Add what was found of a namespace.

        :param before: its row, if it has one.
        """
        is_in_order = row["state"] is None
        if before is None:
            if not is_in_order:
                self._added.append({**_stored(row), "job_id": self._job.id})
        elif row["project_id"] is None:
            # It is gone from one region.  It may have been found in another one.
            if before.source_region == row["source_region"]:
                self._ended.add(before.pk)
        elif is_in_order:
            self._ended.add(before.pk)
        elif row["state"] == CopyState.AWAY and before.state != CopyState.AWAY:
            self._same.add(before.pk)
        else:
            stored = _stored(row)
            columns = {name: stored[name] for name in _FOUND}
            columns.update(row_pk=before.pk, job_id=self._job.id)
            (self._altered if before.state == row["state"] else self._changed).append(columns)

    def write(self, session: orm.Session, execute: batches.Execute) -> None:
        """Insert, change and delete the rows."""
        connection.delete_rows(session, MetadefState, self._ended)
        one_row = sa.update(_TABLE).where(_TABLE.c.pk == sa.bindparam("row_pk"))
        for some, times in (
            (self._changed, {"compared_at": utc_now(), "since": utc_now()}),
            (self._altered, {"compared_at": utc_now()}),
        ):
            if some:
                execute(session, one_row.values(**times), some, _unstorable)
        same = {"job_id": self._job.id, "compared_at": utc_now()}
        connection.update_rows(session, MetadefState, sorted(self._same), **same)
        if self._added:
            # Another job may find the same at the same time.
            statement = insert_new(session, _TABLE, _KEY)
            statement = statement.values(since=utc_now(), compared_at=utc_now())
            execute(session, statement, sorted(self._added, key=_place), _unstorable)


def _write(
    session: orm.Session, job: Job, rows: Sequence[dict[str, Any]], execute: batches.Execute
) -> None:
    """Write the rows of some namespaces."""
    for batch in batched(rows, connection.BATCH):
        known = _known(session, batch)
        changes = _Changes(job)
        for row in batch:
            changes.add(row, known.get(_place(row)))
        changes.write(session, execute)


def _key(row: Mapping[str, Any]) -> Key:
    """Return the key of a namespace and region among fresh states; it belongs to no project."""
    return row["resource"], row["region"], ALL


def _place(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["resource"], row["region"]


def _known(
    session: orm.Session, rows: Iterable[Mapping[str, Any]]
) -> dict[tuple[str, str], sa.Row[Any]]:
    """Return the stored states of some namespaces, by namespace and region."""
    rows = list(rows)
    columns = [getattr(MetadefState, name) for name in ("pk", *_KEY, "source_region", "state")]
    found = session.execute(
        sa.select(*columns).where(
            MetadefState.resource.in_({row["resource"] for row in rows}),
            MetadefState.region.in_({row["region"] for row in rows}),
        )
    )
    return {(row.resource, row.region): row for row in found}


def _stored(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns of a finding as they are stored."""
    message = row["message"]
    return {
        **fit(_TABLE, dict(row)),
        "message": None if message is None else clean(message, _MESSAGE),
        "differences": row["differences"] or None,
    }


def _unstorable(row: batches.Row) -> batches.Row:
    """Return what takes the place of a state that the database refuses."""
    return {**row, "message": None, "differences": None, "name": ""}


def _others(
    session: orm.Session, job: Job, stretch: Stretch, rows: Iterable[Mapping[str, Any]]
) -> dict[Key, int]:
    """Return the primary keys of the states that a complete comparison has not found.

    :param rows: what it finds last.
    """
    query = _others_query(job, stretch)
    found = {(row.resource, row.region, ALL): row.pk for row in session.execute(query)}
    for row in rows:
        found.pop(_key(row), None)
    return found


def _others_query(job: Job, stretch: Stretch) -> Any:
    columns = (MetadefState.resource, MetadefState.region, MetadefState.pk)
    return sa.select(*columns).where(
        MetadefState.region.in_(stretch.targets),
        MetadefState.source_region.in_(stretch.sources),
        MetadefState.job_id != job.id,
    )


def _touch(session: orm.Session, regions: Iterable[str]) -> None:
    """Change the revisions of regions, whose states a transaction has changed."""
    table: Any = MetadefRegion.__table__
    rows = [fit(table, {"region": one, "namespaces": 0}) for one in sorted(set(regions))]
    if rows:
        changed = {"revision": table.c.revision + 1}
        session.execute(insert_or_update(session, table, ("region",), changed), rows)


def _forget_regions(session: orm.Session, regions: Collection[str]) -> None:
    """Delete what is known of regions that have left the catalog."""
    for model in (MetadefRegion, MetadefState):
        connection.write(session, sa.delete(model).where(model.region.not_in(sorted(regions))))


@connection.retry_on_disconnect
def purge(older_than: float, limit: int) -> int:
    """Delete states that no comparison has found for long: their rules are gone.

    :param older_than: seconds since the last comparison.
    :param limit: the number of rows to delete at most.
    :returns: the number of deleted rows.
    """
    old = sa.select(MetadefState.pk, MetadefState.region).where(
        MetadefState.compared_at < seconds_ago(older_than)
    )
    with connection.writer() as session:
        found = session.execute(old.order_by(MetadefState.compared_at).limit(limit)).all()
        _touch(session, {row.region for row in found})
        connection.delete_rows(session, MetadefState, [row.pk for row in found])
        return len(found)
