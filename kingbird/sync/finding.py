"""The state of an image in a region, as a comparison finds it.  Pure: no I/O, no state.

A finding is about an image of the caller's project, or of any project for an admin.  The database
keeps what is not in order.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from kingbird.states import CopyState, DataState, ItemState, Reason
from kingbird.stretch import Stretch
from kingbird.sync import image as fields
from kingbird.sync import orphans
from kingbird.sync.item import (
    COPY_STATUS,
    CREATE,
    IMPORT,
    UPDATE,
    ImportSpec,
    Item,
    Seen,
    WriteSpec,
)
from kingbird.sync.outcome import LOOKUP_FAILURES, Outcome, message_for

#: States of an image to which Glance brings data.
_GETS_DATA = frozenset({"importing", "saving", "uploading"})
_CONFLICTS = frozenset({Reason.OWNER_CONFLICT, Reason.DATA_CONFLICT})
#: Reasons of a plan to leave an orphan as it is.
_ORPHANS = frozenset(
    {Reason.ORPHANED, Reason.ORPHAN_GUARD, Reason.HOME_UNKNOWN, Reason.TOUCHED, Reason.KEPT}
)
#: Findings that are only counted, for which a batch waits as long as for one that is stored.
COUNTED_AS_ONE = 20
#: After the last id.
END = "~"


@dataclass(frozen=True)
class Finding:
    """The state of an image in a region.

    :ivar owner: the image's project, or ``None`` if the image is gone from its source region.
    :ivar state: why it is not in order, or ``None`` if it is.
    :ivar reason: a stable word.
    :ivar differences: see :func:`kingbird.sync.compare.differences`.
    :ivar image_status: the copy's status in Glance, or ``None`` if there is no copy.
    :ivar is_selected: whether a comparison of all images selects the image, as its source is
        active.
    """

    image_id: str
    region: str
    owner: str | None
    name: str
    source_region: str
    state: CopyState | None
    reason: str | None = None
    message: str | None = None
    differences: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    image_status: str | None = None
    is_selected: bool = False

    @property
    def kept(self) -> CopyState | None:
        """The state to keep; ``None`` of an image that a comparison of all does not select."""
        return self.state if self.is_selected else None


def finding_of(item: Item) -> Finding | None:
    """Return what a planned item tells of an image's state, or ``None`` if it tells nothing."""
    outcome, seen = item.outcome, item.seen
    if seen is None:
        if outcome and outcome.reason == Reason.SOURCE_GONE:
            return Finding(item.resource, item.target_region, None, "", item.source_region, None)
        return None
    reason = outcome.reason if outcome else None
    return _finding(
        item.resource,
        item.source_region,
        item.target_region,
        seen,
        CopyState.ORPHAN if _goes(item.work) else _planned_state(item.action, reason, seen),
        reason,
        outcome.message if outcome else None,
    )


def without_data(
    source: fields.Image, source_region: str, region: str, copy: fields.Image
) -> Finding:
    """Return the finding about a copy in sync that is not active."""
    status = copy.get("status")
    return Finding(
        source["id"],
        region,
        source.get("owner") or "",
        source.get("name") or "",
        source_region,
        _without_data(status),
        Reason.NO_DATA,
        message_for(Reason.NO_DATA, source=source_region, target=region),
        {},
        status,
        source.get("status") == fields.ACTIVE,
    )


def finding_after(
    resource: str,
    source_region: str,
    region: str,
    action: str,
    work: WriteSpec,
    outcome: Outcome,
    differences: Mapping[str, Mapping[str, str | None]],
) -> Finding | None:
    """Return the state of an image after a write, or ``None`` if the outcome tells nothing.

    :param resource: the id of the source image.
    :param work: the work as it was planned.
    :param differences: those that were planned to be updated.
    """
    if COPY_STATUS not in work.data:
        return None
    if outcome.reason == Reason.DRIFT and work.left:
        differences = {name: one for name, one in differences.items() if name in work.left}
    seen = Seen(
        work.owner or "",
        work.record.get("name") or "",
        work.data.get("status"),
        outcome.copy_status or work.data[COPY_STATUS],
        outcome.differences if outcome.differences is not None else differences,
    )
    return _finding(
        resource,
        source_region,
        region,
        seen,
        _orphan_after(outcome, work)
        if work.orphan is not None
        else _state_after(action, outcome, seen),
        outcome.reason,
        outcome.message or message_for(outcome.reason, source=source_region, target=region),
    )


def finding_of_data(
    resource: str,
    name: str,
    source_region: str,
    region: str,
    spec: ImportSpec,
    copy: fields.Image | None,
    data: str,
    outcome: Outcome | None,
    trouble: str | None = None,
) -> Finding | None:
    """Return the state of an image after a look at its copy's data, or ``None`` if none is told.

    :param resource: the id of the source image.
    :param copy: the copy, or ``None`` if it can't be found any more.
    :param data: the state of its data (:class:`kingbird.states.DataState`).
    :param outcome: the end of its item, if it has ended.
    :param trouble: a sentence about an import that has failed and is to be asked for again.
    """
    if spec.project is None:
        return None
    status = copy.get("status") if copy else None
    state: CopyState | None = CopyState.NO_DATA
    if copy is None:
        state = CopyState.MISSING
    elif outcome and outcome.reason == Reason.DATA_DIFFERS:
        state = CopyState.CONFLICT
    elif outcome and outcome.status == ItemState.SUCCESS and data == DataState.ACTIVE:
        state = None
    elif status in _GETS_DATA or data == DataState.IMPORTING:
        state = CopyState.IMPORTING
    has_failed = outcome is not None and outcome.status != ItemState.SUCCESS
    reason = outcome.reason if outcome and has_failed else Reason.NO_DATA
    message = outcome.message if outcome and has_failed else trouble
    return Finding(
        resource,
        region,
        spec.project,
        name,
        source_region,
        state,
        reason,
        message or message_for(reason, source=source_region, target=region),
        {},
        status,
        # Glance gives away the data of active images only.
        is_selected=True,
    )


def _finding(
    resource: str,
    source_region: str,
    region: str,
    seen: Seen,
    state: CopyState | None,
    reason: str | None,
    message: str | None,
) -> Finding:
    if state is CopyState.NO_DATA or state is CopyState.IMPORTING:
        # The word for the write that made or changed the copy is no cause of its state.
        reason = Reason.NO_DATA
        message = message_for(reason, source=source_region, target=region)
    return Finding(
        resource,
        region,
        seen.owner,
        seen.name,
        source_region,
        state,
        reason or state,
        message,
        seen.differences if state is CopyState.DRIFT else {},
        None if state in (CopyState.MISSING, CopyState.AWAY) else seen.copy_status,
        state is CopyState.ORPHAN
        or seen.source_status == fields.ACTIVE
        # Copies of a deactivated image only follow its status.
        or (seen.source_status == fields.DEACTIVATED and state is CopyState.DRIFT),
    )


def _planned_state(action: str, reason: str | None, seen: Seen) -> CopyState | None:
    if reason == Reason.IN_SYNC:
        return None
    if reason == Reason.NO_DATA:
        return _without_data(seen.copy_status)
    if reason in _CONFLICTS:
        return CopyState.CONFLICT
    if action == IMPORT:
        return _without_data(seen.copy_status)
    if reason in _ORPHANS:
        return CopyState.ORPHAN if seen.copy_status else None
    if seen.copy_status is not None:
        return CopyState.DRIFT
    if reason in LOOKUP_FAILURES and action not in (CREATE, UPDATE):
        return CopyState.AWAY
    return CopyState.MISSING


def _goes(work: WriteSpec | None) -> bool:
    """Return whether an item hides or deletes an orphan."""
    return bool(work and work.orphan and work.orphan["act"] != orphans.REVIVES)


def _orphan_after(outcome: Outcome, work: WriteSpec) -> CopyState | None:
    """Return the state of an orphan after it was to be hidden, deleted or shown."""
    if outcome.reason == Reason.REVIVED:
        status = work.data.get(COPY_STATUS)
        return None if status == fields.ACTIVE else _without_data(status)
    is_there = outcome.target_resource is not None
    return CopyState.ORPHAN if is_there and _goes(work) else None


def _state_after(action: str, outcome: Outcome, seen: Seen) -> CopyState | None:
    if outcome.reason in (Reason.CREATED, Reason.UPDATED):
        status = seen.copy_status if action == UPDATE else outcome.copy_status or fields.QUEUED
        return None if status == fields.ACTIVE else _without_data(status)
    if outcome.reason in (Reason.DELETED_IN_TARGET, Reason.ID_TAKEN):
        return CopyState.MISSING
    if outcome.reason in (Reason.IN_SYNC, Reason.NO_DATA, *_CONFLICTS):
        return _planned_state(action, outcome.reason, seen)
    return CopyState.DRIFT if action == UPDATE or outcome.differences else CopyState.MISSING


def _without_data(status: str | None) -> CopyState:
    return CopyState.IMPORTING if status in _GETS_DATA else CopyState.NO_DATA


class FindingLog:
    """The findings of a plan's batches, until they are stored with the batches' items."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self._covered: list[Stretch] = []
        self._only_counted: Collection[tuple[str, CopyState]] = ()
        self._counted: Counter[tuple[str, CopyState]] = Counter()

    @property
    def waiting(self) -> int:
        """Return the number of findings that wait to be stored.

        Those that are only counted are worth less.
        """
        return len(self._findings) + self._counted.total() // COUNTED_AS_ONE

    @property
    def is_empty(self) -> bool:
        """Return whether nothing waits to be stored."""
        return not (self._findings or self._covered)

    def add(self, finding: Finding | None) -> None:
        """Add a finding, if there is one."""
        if finding is not None:
            self._findings.append(finding)

    def add_without_data(
        self, source: fields.Image, source_region: str, region: str, copy: fields.Image
    ) -> None:
        """Add the finding about a copy in sync that is not active, or count it."""
        key = region, CopyState.NO_DATA
        if (
            key in self._only_counted
            and source.get("status") == fields.ACTIVE
            and copy.get("status") not in _GETS_DATA
        ):
            self._counted[key] += 1
        else:
            self._findings.append(without_data(source, source_region, region, copy))

    def count_only(self, states: Collection[tuple[str, CopyState]]) -> None:
        """Count copies without data instead of telling each, where no rows are kept of them.

        :param states: regions, with the states of which they keep no rows.
        """
        self._only_counted = states

    def take_counted(self) -> Counter[tuple[str, CopyState]]:
        """Return the number of findings that were counted since the last call."""
        counted, self._counted = self._counted, Counter()
        return counted

    def cover(self, covered: Stretch) -> None:
        """Add images that have been compared."""
        self._covered.append(covered)

    def take(self) -> tuple[list[Finding], list[Stretch]]:
        """Return what was added since the last call."""
        taken = self._findings, self._covered
        self._findings, self._covered = [], []
        return taken
