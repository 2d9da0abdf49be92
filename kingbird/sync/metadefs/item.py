"""An item of a plan for namespaces, and the work that it takes."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kingbird.states import Reason, ResourceType
from kingbird.sync.metadefs.namespace import Namespace
from kingbird.sync.outcome import Outcome, join_fields
from kingbird.sync.planned import UPDATE, PlannedItem


@dataclass(frozen=True)
class NamespaceSpec:
    """The work of an item, stored with it as JSON until it is done.

    :ivar record: the body of the POST that makes the namespace with all its parts.
    :ivar exists: whether the namespace was there when it was planned.
    :ivar updates: whether what differs is to be changed.
    :ivar creates: names of the parts that are missing in a namespace that is there.
    :ivar changes: names of what differs and is to be changed.
    :ivar left: names of what differs and stays.
    """

    record: Namespace
    exists: bool = False
    updates: bool = False
    creates: list[str] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class NamespaceItem(PlannedItem):
    """A planned item: one namespace in one target region.

    :ivar differences: the values that differ, by name.
    """

    resource_type: ClassVar[ResourceType] = ResourceType.METADEF

    work: NamespaceSpec | None = None
    differences: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)

    @property
    def is_to_be_written(self) -> bool:
        """Return whether the item has something to write."""
        return self.work is not None

    def writes(self) -> dict[str, Any]:
        """Return what the item would write, as far as it tells two plans apart."""
        return dataclasses.asdict(self.work) if self.work else {}

    def without_work(self) -> "NamespaceItem":
        """Return the item without anything to write."""
        return dataclasses.replace(self, work=None)

    def as_previewed(self) -> "NamespaceItem":
        """Return the item as it is carried out after a dry run that found the same.

        A namespace that is there by the time of the POST was not there in the dry run.
        """
        if self.work is None or self.work.exists:
            return self
        return dataclasses.replace(self, work=dataclasses.replace(self.work, updates=False))

    def as_dry_run(self) -> "NamespaceItem":
        """Return the item with the outcome of a dry run."""
        if self.outcome is not None:
            return self.ended_dry(self.outcome)
        outcome = Outcome(
            "drift" if self.action == UPDATE else "missing",
            self._would_write(),
            self.target_resource,
            is_dry=True,
        )
        return dataclasses.replace(self, work=None, outcome=outcome, digest=self.fingerprint())

    def _would_write(self) -> str:
        work = self.work
        if work is None or not work.exists:
            return f"Would be created from {self.source_region}"
        said = []
        if work.creates:
            said.append(f"Would get from {self.source_region}: {join_fields(work.creates)}")
        if work.changes:
            said.append(f"Would follow {self.source_region} in: {join_fields(work.changes)}")
        if work.left:
            said.append(differs(work.left, self.source_region))
        return "; ".join(said)


def differs(labels: list[str], source: str) -> str:
    """Return the sentence about what differs and stays as it is."""
    return f"Differs from the namespace in {source} in: {join_fields(labels)}"


def gone(source: str) -> Outcome:
    """Return the outcome of a namespace that is in no source region."""
    return Outcome(Reason.SOURCE_GONE, f"The namespace can't be found in {source} any more")


def owner_conflict(target: str) -> Outcome:
    """Return the outcome of a namespace whose name another project has in the target."""
    return Outcome(
        Reason.OWNER_CONFLICT,
        f"In {target} a namespace of this name belongs to another project; it is left alone",
    )
