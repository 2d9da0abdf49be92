"""Find the rules that have to look at an image.  Pure: no I/O, no state.

A rule is left out only where its run would find nothing to do.  What a message does not tell,
such as whether the image is hidden, leaves no rule out.
"""

import dataclasses
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from kingbird.listener.events import UNTOLD, Drop, Event
from kingbird.states import ALL
from kingbird.sync.image import WITH_DATA, Image, home_of
from kingbird.sync.request import Requester, SyncSet

LOG = logging.getLogger(__name__)


class Rule(Protocol):
    """The columns of a rule that decide what it hears of."""

    pk: int
    id: str
    project_id: str
    is_admin: bool
    sync_set: Any


class _Listening:
    """A rule as it is matched.

    :ivar owner: the project whose images it is about, ``None`` for any.
    """

    def __init__(self, rule: Rule) -> None:
        self.pk = rule.pk
        stored = SyncSet.from_request(rule.sync_set)
        self._set = dataclasses.replace(stored, filters=_told(stored.filters))
        self._requester = Requester(rule.project_id, rule.is_admin)
        selection = self._set.selection(self._requester)
        self._statuses = frozenset(selection.statuses)
        self._matches = selection.matcher()
        self.resources, self.sources = self._set.resources, self._set.sources
        self.owner = selection.owner or dict(selection.filters).get("owner")

    def hears(self, region: str) -> bool:
        """Return whether a region is one of the rule's sources."""
        return region in self.sources or ALL in self.sources

    def hears_only(self, region: str) -> bool:
        """Return whether a region is the rule's only source."""
        return self.sources == (region,)

    def reason_against(self, event: Event) -> Drop | None:
        """Return why a run of the rule would do nothing for an image, if that is known."""
        image = event.image
        if self._set.is_wildcard:
            if image.get("status") not in self._statuses:
                return Drop.STATUS
        elif image.get("status") not in WITH_DATA:
            return Drop.STATUS
        elif not self._requester.owns(image):
            return Drop.OWNER
        if self._is_copy(event.region, image):
            return Drop.COPY
        if self._set.is_wildcard and not self._matches(image):
            return Drop.FILTERS
        return None

    def _is_copy(self, region: str, image: Image) -> bool:
        """Return whether the rule hears of the image from its home, or is about nowhere else."""
        home = home_of(image, region)
        return home is not None and (self.hears(home) or self._set.targets == (home,))


class RuleSet:
    """Rules, ordered so that a message meets few of them.

    :param rules: rows.  One that can't be read is logged and left out.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._by_image: dict[str, list[_Listening]] = defaultdict(list)
        self._by_owner: dict[str | None, list[_Listening]] = defaultdict(list)
        #: The source regions of rules that name no images.
        self._sources: set[str] = set()
        for rule in rules:
            try:
                listening = _Listening(rule)
            except Exception:
                LOG.exception("Rule %s can't be read, so it hears of no events", rule.id)
                continue
            if listening.resources == (ALL,):
                self._by_owner[listening.owner].append(listening)
                self._sources.update(listening.sources)
            else:
                for image_id in listening.resources:
                    self._by_image[image_id].append(listening)

    def match(self, event: Event) -> frozenset[int] | Drop:
        """Return the keys of the rules that have to look at an image, or why there are none.

        For a deleted image they are the rules that no longer have to.  An image may exist in
        another source of a rule, so these are only rules with this source alone.
        """
        if event.deleted:
            named = self._by_image.get(event.image_id, [])
            wild = (rule for rules in self._by_owner.values() for rule in rules)
            found = {rule.pk for rule in (*named, *wild) if rule.hears_only(event.region)}
            return frozenset(found) or Drop.SOURCE
        met = [
            *self._by_image.get(event.image_id, ()),
            *self._by_owner.get(event.image.get("owner"), ()),
        ]
        if event.image.get("owner") is not None:
            met += self._by_owner.get(None, ())
        reasons = {rule.pk: rule.reason_against(event) for rule in met if rule.hears(event.region)}
        found = {pk for pk, reason in reasons.items() if reason is None}
        if found:
            return frozenset(found)
        return self._why_not(event.region, reasons)

    def _why_not(self, region: str, reasons: Mapping[int, Drop | None]) -> Drop:
        """Return the reason that came closest to a match."""
        for reason in (Drop.FILTERS, Drop.COPY, Drop.STATUS, Drop.OWNER):
            if reason in reasons.values():
                return reason
        return Drop.OWNER if self._sources.intersection((region, ALL)) else Drop.SOURCE


def _told(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters without those by properties that no message tells."""
    properties = filters.get("properties") or {}
    told = {name: value for name, value in properties.items() if name not in UNTOLD}
    return {**filters, "properties": told} if properties else dict(filters)
