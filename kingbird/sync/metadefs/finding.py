"""The state of a namespace in a region, as a comparison or a write finds it.  Pure: no I/O.

A namespace is a :class:`kingbird.sync.finding.Finding` whose ``image_id`` is its key.
"""

from collections.abc import Mapping

from kingbird.states import CopyState, Reason
from kingbird.sync.finding import Finding
from kingbird.sync.metadefs.item import NamespaceItem, NamespaceSpec, differs
from kingbird.sync.metadefs.namespace import NAME, OWNER
from kingbird.sync.outcome import LOOKUP_FAILURES, Outcome, message_for

Differences = Mapping[str, Mapping[str, str | None]]


def gone(item: NamespaceItem, source_region: str) -> Finding:
    """Return the finding about a namespace that a source region does not have."""
    return Finding(item.resource, item.target_region, None, "", source_region, None)


def finding_of(item: NamespaceItem, owner: str | None, *, is_there: bool) -> Finding:
    """Return what a planned item tells of a namespace's state.

    :param owner: its owner in the source region.
    :param is_there: whether the target region has it.
    """
    outcome, work = item.outcome, item.work
    if outcome is None and work is not None and work.exists:
        differing = [*work.creates, *work.changes, *work.left]
        outcome = Outcome(Reason.DRIFT, differs(differing, item.source_region))
    return _finding(
        item.resource,
        item.name or "",
        owner,
        item.source_region,
        item.target_region,
        _planned_state(outcome, is_there=is_there),
        outcome,
        item.differences,
    )


def finding_after(
    resource: str,
    source_region: str,
    region: str,
    work: NamespaceSpec | None,
    outcome: Outcome,
    differences: Differences,
) -> Finding | None:
    """Return the state of a namespace after a write, or ``None`` if nothing was to be written.

    :param resource: its key.
    :param work: the work as it was planned.
    :param differences: what differed when it was planned.
    """
    if work is None:
        return None
    if outcome.differences is not None:
        differences = outcome.differences
    return _finding(
        resource,
        work.record[NAME],
        work.record.get(OWNER),
        source_region,
        region,
        _state_after(outcome, work),
        outcome,
        differences,
    )


def _finding(
    resource: str,
    name: str,
    owner: str | None,
    source_region: str,
    region: str,
    state: CopyState | None,
    outcome: Outcome | None,
    differences: Differences,
) -> Finding:
    reason = outcome.reason if outcome else None
    message = outcome.message if outcome else None
    return Finding(
        resource,
        region,
        owner or "",
        name,
        source_region,
        state,
        reason or state,
        message or (reason and message_for(reason, source=source_region, target=region)),
        differences if state is CopyState.DRIFT else {},
        is_selected=True,
    )


def _planned_state(outcome: Outcome | None, *, is_there: bool) -> CopyState | None:
    if outcome is None:
        return CopyState.DRIFT if is_there else CopyState.MISSING
    if outcome.reason == Reason.IN_SYNC:
        return None
    if outcome.reason == Reason.OWNER_CONFLICT:
        return CopyState.CONFLICT
    if outcome.reason in LOOKUP_FAILURES:
        return CopyState.AWAY
    return CopyState.DRIFT if is_there else CopyState.MISSING


def _state_after(outcome: Outcome, work: NamespaceSpec) -> CopyState | None:
    if outcome.reason in (Reason.CREATED, Reason.UPDATED, Reason.IN_SYNC):
        return None
    if outcome.reason in (Reason.OWNER_CONFLICT, Reason.ID_TAKEN):
        return CopyState.CONFLICT
    if outcome.reason == Reason.DELETED_IN_TARGET:
        return CopyState.MISSING
    # After a write, the parts that still differ were read in the region.
    is_there = work.exists or outcome.differences is not None
    return CopyState.DRIFT if is_there else CopyState.MISSING
