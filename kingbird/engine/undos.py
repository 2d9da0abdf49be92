"""Plan to undo a job: what it wrote, the newest first."""

from collections.abc import Iterator

from kingbird import exception
from kingbird.db import api as db
from kingbird.states import Reason
from kingbird.sync.item import UPDATE, Item, WriteSpec

#: Images appear before others are hidden.
_GIVEN_BACK, _HIDDEN = 0, 1


def items_of(job: db.Job) -> Iterator[list[Item]]:
    """Yield batches of items, one for each image that another job wrote.

    :param job: the job that undoes the other one.
    :raises kingbird.exception.JobImpossible: the other job was deleted.
    """
    undone = db.previews.find(job)
    if undone is None:
        raise exception.JobImpossible(
            Reason.PLAN_OUTDATED,
            f"The job {job.of_id} was deleted, so it is not known what it wrote",
        )
    last = None
    while rows := db.undos.written_items(undone, last):
        last = rows[-1].pk
        yield [_item(row, job.of_id or "") for row in rows]


def _item(row: db.Item, job_id: str) -> Item:
    written = row.undo or {}
    return Item(
        row.resource,
        row.source_region,
        row.target_region,
        action=UPDATE,
        target_resource=row.target_resource,
        work=WriteSpec(
            record={"id": row.target_resource or row.resource},
            owner=written.get("owner"),
            data={},
            undo={**written, "job": job_id},
        ),
        rank=_GIVEN_BACK if "wrote" in written else _HIDDEN,
        name=row.resource_name,
    )
