"""Turn the progress of an import into the columns of its item, and back."""

import dataclasses
from typing import Any, cast

from kingbird.db import api as db
from kingbird.engine.states import to_state
from kingbird.states import DataState, ItemState, Reason
from kingbird.sync.finding import finding_of_data
from kingbird.sync.image import Image
from kingbird.sync.imports import Ended, Progress
from kingbird.sync.item import ImportSpec
from kingbird.sync.outcome import message_for

Step = Progress | Ended


def from_row(item: db.Item) -> Progress:
    """Return what is stored about the data of an item."""
    return Progress(
        image_id=item.target_resource or item.resource,
        source=item.source_region,
        target=item.target_region,
        reason=item.reason or Reason.IN_SYNC,
        spec=ImportSpec(**cast(dict[str, Any], item.work)),
        data=item.data or DataState.PENDING,
        since=item.data_since or 0,
        due=item.data_due,
        tries=item.data_tries,
        task=item.import_task,
        trouble=item.message,
    )


def to_row(item: db.Item, step: Step) -> dict[str, Any]:
    """Return the columns of an item after a step, the same ones for each."""
    row: dict[str, Any] = {
        "pk": item.pk,
        "status": ItemState.IN_PROGRESS,
        "reason": item.reason,
        "message": item.message,
        "target_resource": item.target_resource,
        "work": None,
        "data": step.data,
        "data_seconds": None,
        "data_since": item.data_since,
        "data_due": None,
        "data_tries": item.data_tries,
        "import_task": item.import_task,
    }
    if isinstance(step, Progress):
        row.update(
            work=dataclasses.asdict(step.spec),
            message=step.trouble,
            data_since=step.since,
            data_due=step.due,
            data_tries=step.tries,
            import_task=step.task,
        )
        return row
    outcome = step.outcome
    row.update(
        status=outcome.status,
        reason=outcome.reason,
        message=outcome.message
        or message_for(outcome.reason, source=item.source_region, target=item.target_region),
        data_seconds=step.seconds,
        import_task=step.task or item.import_task,
    )
    return row


def with_state(
    row: dict[str, Any], item: db.Item, step: Step, copy: Image | None
) -> dict[str, Any]:
    """Return the columns of an item after a look at its copy, with the state of its image.

    :param copy: ``None`` if the copy can't be found any more.
    """
    outcome, trouble = (step.outcome, None) if isinstance(step, Ended) else (None, step.trouble)
    finding = finding_of_data(
        item.resource,
        item.resource_name or "",
        item.source_region,
        item.target_region,
        from_row(item).spec,
        copy,
        step.data,
        outcome,
        trouble,
    )
    return {**row, db.outcomes.IMAGE_STATE: to_state(finding) if finding else None}
