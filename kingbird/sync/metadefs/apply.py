"""Brings one planned namespace in order in its region.

The same steps lead to the namespace from anything that a region may hold: nothing, a half of it,
or all of it with differences.  So they can be taken again after a lost answer, or by another
engine.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field

from kingbird import exception
from kingbird.clients.glance_metadefs import MetadefClient
from kingbird.resource_keys import key_of
from kingbird.states import Reason, ResourceType
from kingbird.sync.metadefs import compare
from kingbird.sync.metadefs import item as items
from kingbird.sync.metadefs.compare import Difference, Step
from kingbird.sync.metadefs.item import NamespaceSpec
from kingbird.sync.metadefs.namespace import NAME, Kind, Namespace
from kingbird.sync.outcome import REFUSALS, Outcome, join_fields, region_failure
from kingbird.sync.retry import Retry

#: The label of a namespace that was created with all its parts.
WHOLE = "namespace"
#: Refusals of single parts that a message quotes.
MAX_REFUSALS = 5


@dataclass
class _Progress:
    """The progress of the tries of one namespace.

    :ivar is_known: whether the region may have the namespace, so that it is read first.
    :ivar refusals: the refusals of Glance, each a status and a sentence.
    """

    is_known: bool
    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)


@dataclass(eq=False, repr=False)
class NamespaceApplier:
    """Creates, completes and updates namespaces in one region.  Safe for threads.

    :ivar may_write: called before each write; raises
        :class:`kingbird.exception.LeaseLost` when another engine may have the task, and
        :class:`kingbird.exception.Cancelled` when its job is to end.
    """

    metadefs: MetadefClient
    _: KW_ONLY
    may_write: Callable[[], None]
    retry: Retry

    def apply(self, source_region: str, work: NamespaceSpec) -> Outcome:
        """Bring a namespace in order.  Nothing is ever deleted.

        :returns: the outcome: ``drift`` when something is left that differs.
        :raises kingbird.exception.LeaseLost: see ``may_write``.
        """
        progress = _Progress(is_known=work.exists)
        try:
            return self.retry(self._bring, source_region, work, progress)
        except exception.RegionUnavailable as error:
            return region_failure(error)
        except exception.CredentialsLost as error:
            # Keystone refused, and the region was not called.
            return Outcome(Reason.FORBIDDEN, error.message, region_contacted=False)
        except exception.ImageRequestRejected as error:
            return Outcome(REFUSALS.get(error.status, Reason.INVALID), error.message)

    def _bring(self, source_region: str, work: NamespaceSpec, progress: _Progress) -> Outcome:
        name = work.record[NAME]
        progress.refusals.clear()
        existing = self.metadefs.get(name) if progress.is_known else None
        if existing is None:
            existing = self._create(work.record, progress)
            if existing is None:
                return self._outcome(source_region, work, progress)
        if existing[NAME] != name:
            # The database of that Glance takes two names for one.
            return Outcome(
                Reason.ID_TAKEN,
                f"In {self.metadefs.region} the namespace {existing[NAME]} has this name",
            )
        if compare.has_other_owner(work.record, existing):
            return items.owner_conflict(self.metadefs.region)
        for one in compare.compare(work.record, existing):
            if one.step is Step.CREATE or (one.step is Step.CHANGE and work.updates):
                self._write(name, one, progress)
        return self._outcome(source_region, work, progress)

    def _create(self, record: Namespace, progress: _Progress) -> Namespace | None:
        """Create a namespace with all its parts.

        :returns: the namespace that has the name, if it is there already.
        """
        self.may_write()
        # A Glance that stops or refuses a part in the middle leaves a half.
        progress.is_known = True
        progress.created.append(WHOLE)
        try:
            self.metadefs.create(record)
        except exception.ImageRequestRejected as error:
            progress.created.remove(WHOLE)
            if error.status != 409:
                raise
            existing = self.metadefs.get(record[NAME])
            if existing is None:
                raise exception.ImageRequestRejected(
                    f"{error.message} It can't be seen, though", 403
                ) from error
            return existing
        return None

    def _write(self, name: str, one: Difference, progress: _Progress) -> None:
        """Create or change a part, or the namespace's own fields, with one call."""
        self.may_write()
        done = progress.created if one.step is Step.CREATE else progress.changed
        # If the answer is lost, the look at the end tells whether it is so.
        new = [label for label in one.labels if label not in done]
        done.extend(new)
        try:
            self._call(name, one)
        except exception.ImageRequestRejected as error:
            del done[len(done) - len(new) :]
            if error.status == 401:
                raise
            # 409: somebody else has made it meanwhile.  The look at the end tells.
            if not (one.step is Step.CREATE and error.status == 409):
                label = join_fields(one.labels)
                progress.refusals.append((error.status, f"{label}: {error.message}"))

    def _call(self, name: str, one: Difference) -> None:
        glance, part = self.metadefs, one.part
        is_new = one.step is Step.CREATE
        if part is None:
            glance.update(name, one.body)
        elif part.kind is Kind.PROPERTY:
            (glance.add_property if is_new else glance.update_property)(name, one.body)
        elif part.kind is Kind.OBJECT:
            (glance.add_object if is_new else glance.update_object)(name, one.body)
        elif part.kind is Kind.TAG:
            glance.add_tag(name, part.name)
        else:
            glance.add_association(name, one.body)

    def _outcome(self, source_region: str, work: NamespaceSpec, progress: _Progress) -> Outcome:
        """Look at what the region has now, and tell what is left."""
        final = self.metadefs.get(work.record[NAME])
        if final is None:
            return Outcome(
                Reason.DELETED_IN_TARGET,
                f"The namespace was deleted in {self.metadefs.region} while it was written",
            )
        if compare.has_other_owner(work.record, final):
            return items.owner_conflict(self.metadefs.region)
        key = key_of(ResourceType.METADEF, work.record[NAME])
        left = compare.compare(work.record, final)
        said = _said(progress, source_region)
        if left:
            names = [label for one in left for label in one.labels]
            said.append(items.differs(names, source_region))
            reason = Reason.DRIFT
            if progress.refusals:
                status = progress.refusals[0][0]
                reason = REFUSALS.get(status, Reason.INVALID)
            return Outcome(reason, "; ".join(said), key, differences=compare.differences(left))
        if progress.changed:
            return Outcome(Reason.UPDATED, "; ".join(said) or None, key)
        reason = Reason.CREATED if progress.created else Reason.IN_SYNC
        return Outcome(reason, "; ".join(said) or None, key)


def _said(progress: _Progress, source_region: str) -> list[str]:
    said = []
    created = [label for label in progress.created if label != WHOLE]
    if created:
        said.append(f"Created from {source_region}: {join_fields(created)}")
    if progress.changed:
        said.append(f"Follows {source_region} in: {join_fields(progress.changed)}")
    said += [sentence for _, sentence in progress.refusals[:MAX_REFUSALS]]
    return said
