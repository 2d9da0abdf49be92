"""Carry out the plan of a dry run: write what it showed, and leave alone what has changed."""

import dataclasses
from collections.abc import Iterator, Sequence

from kingbird import exception
from kingbird.db import api as db
from kingbird.states import ALL, Reason
from kingbird.sync.outcome import Outcome
from kingbird.sync.planned import NONE, PlannedItem

_NOTHING_LEFT = (
    "The dry run showed this item, and there is none any more: the image is in order, is gone, or "
    "is not selected"
)


class Preview:
    """The fingerprints of the items of a dry run.

    :param job: the job that carries out its plan.
    :param item: makes an item of the job's resource type.
    :raises kingbird.exception.JobImpossible: the dry run was deleted.
    """

    def __init__(self, job: db.Job, item: type[PlannedItem]) -> None:
        dry_run = db.previews.find(job)
        if dry_run is None:
            raise exception.JobImpossible(
                Reason.PLAN_OUTDATED, f"The dry run {job.of_id} was deleted, so there is no plan"
            )
        self._job = job
        self._dry_run = dry_run
        self._item = item

    def compare(self, batch: Sequence[PlannedItem]) -> list[PlannedItem]:
        """Return the items of a batch that the dry run has too; what has changed gets no work.

        An item for all images of a region stays, as it tells that the region was not compared.
        """
        found = db.previews.digests(
            self._job, self._dry_run, [(item.resource, item.target_region) for item in batch]
        )
        kept: list[PlannedItem] = []
        for item in batch:
            pair = (item.resource, item.target_region)
            if item.resource == ALL:
                kept.append(item)
            elif pair in found:
                kept.append(_compared(item, found[pair]))
        return kept

    def rest(self) -> Iterator[list[PlannedItem]]:
        """Yield ended items for what the dry run has and the plan has not.

        The plan is stored by then.
        """
        after = 0
        unknown = db.previews.unknown_regions(self._job)
        while items := db.previews.planned_items(self._dry_run, after):
            after = items[-1].pk
            pairs = [(item.resource, item.target_region) for item in items]
            known = db.previews.known(self._job, pairs)
            yield [
                self._item(
                    item.resource, item.source_region, item.target_region, name=item.resource_name
                ).with_outcome(Outcome(Reason.PLAN_OUTDATED, _NOTHING_LEFT))
                for item in items
                # A copy without data has an item in a dry run only.
                if item.reason != Reason.NO_DATA
                and (item.resource, item.target_region) not in known
                and item.target_region not in unknown
            ]


def _compared(item: PlannedItem, digest: str | None) -> PlannedItem:
    if item.fingerprint() == digest:
        return item.as_previewed()
    if digest is None:
        why = "The dry run could not tell what would be done"
    elif item.outcome is None:
        why = f"Now the plan is another one than the dry run showed ({item.action})"
    else:
        why = f"The dry run showed something else than there is now ({item.outcome.reason})"
    outdated = dataclasses.replace(item.without_work(), action=NONE, outcome=None, rank=0)
    return outdated.with_outcome(Outcome(Reason.PLAN_OUTDATED, f"{why}; nothing was written"))
