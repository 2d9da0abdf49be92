"""A planned item of any resource type: one resource in one target region."""

import abc
import dataclasses
import hashlib
import json
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from kingbird.states import ItemState, ResourceType
from kingbird.sync.outcome import Outcome, message_for

CREATE = "create"
UPDATE = "update"
NONE = "none"


@dataclass(frozen=True)
class PlannedItem(abc.ABC):
    """The part of a planned item that does not depend on its resource type.

    :cvar resource_type: the type (:class:`kingbird.states.ResourceType`).
    :ivar resource: the key of the resource, at most 36 characters; ``*`` for all of a region.
    :ivar action: ``create``, ``update``, ``none`` when there is nothing to do, or another word of
        the type.
    :ivar target_resource: the key in the target region, if the resource exists there.
    :ivar outcome: its outcome, or ``None`` while there is work.
    :ivar rank: items of a lower rank are worked on first, as others refer to them.
    :ivar name: the resource's name, where it is known.
    :ivar digest: what a dry run has found; see :meth:`fingerprint`.
    """

    resource_type: ClassVar[ResourceType]

    resource: str
    source_region: str
    target_region: str
    action: str = NONE
    target_resource: str | None = None
    outcome: Outcome | None = None
    rank: int = 0
    name: str | None = None
    digest: str | None = None

    @property
    @abc.abstractmethod
    def is_to_be_written(self) -> bool:
        """Return whether the item has something to write."""

    @abc.abstractmethod
    def writes(self) -> dict[str, Any]:
        """Return what the item would write, as far as it tells two plans apart."""

    @abc.abstractmethod
    def without_work(self) -> Self:
        """Return the item without anything to write."""

    def as_previewed(self) -> Self:
        """Return the item as it is carried out after a dry run that found the same."""
        return self

    @abc.abstractmethod
    def as_dry_run(self) -> Self:
        """Return the item with the outcome of a dry run."""

    def fingerprint(self) -> str:
        """Return a digest of what would be written, or of why nothing would be.

        It is the same for two plans that would write the same.
        """
        found: dict[str, Any] = {
            "action": self.action,
            "source": self.source_region,
            "target": self.target_resource,
            "reason": self.outcome and self.outcome.reason,
        }
        text = json.dumps(found | self.writes(), sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def ended_dry(self, outcome: Outcome) -> Self:
        """Return the item with an outcome that needed no work, as a dry run shows it."""
        outcome = dataclasses.replace(outcome, is_dry=True)
        digest = self.fingerprint() if outcome.status == ItemState.PLANNED else None
        return dataclasses.replace(self, outcome=outcome, digest=digest)

    def with_outcome(self, outcome: Outcome) -> Self:
        """Return the item with an outcome, to which a sentence is added if it has none."""
        if outcome.message is None:
            message = message_for(
                outcome.reason, source=self.source_region, target=self.target_region
            )
            outcome = dataclasses.replace(outcome, message=message)
        return dataclasses.replace(
            self,
            outcome=outcome,
            target_resource=outcome.target_resource or self.target_resource,
        )
