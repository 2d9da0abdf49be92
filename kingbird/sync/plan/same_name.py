"""Finds images that would double a name in a target: same name, owner and data, another id.

Two regions that were filled by hand have the same images under different ids.
"""

import dataclasses
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from kingbird import exception
from kingbird.clients.image_lists import name_filters
from kingbird.states import Reason
from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.image import MAX_FORCED_IDS, Image
from kingbird.sync.item import CREATE, NONE, Item, WriteSpec
from kingbird.sync.listing.walk import ImageWalk
from kingbird.sync.outcome import Outcome, region_failure
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.request import SyncSet

#: A planned item, with its set.
ItemOfSet = tuple[SyncSet, Item]
#: The name and the owner of an image.
NameAndOwner = tuple[str, str | None]


def name_to_look_up(sync_set: SyncSet, item: Item) -> str | None:
    """Return the name for which the target of a planned item is asked, if it is."""
    candidate = _Candidate.of(sync_set, item)
    return None if candidate is None else candidate.key[0]


@dataclass
class _Candidate:
    """A record to create, which may double a name.

    :ivar data: what :func:`kingbird.sync.compare.data_keys` returns for its source.
    :ivar other: the id of an image that has the name, the owner and the data.
    """

    item: Item
    work: WriteSpec
    data: frozenset[str]
    other: str | None = None

    @classmethod
    def of(cls, sync_set: SyncSet, item: Item) -> "_Candidate | None":
        """Return the candidate of an item; hidden images and those without a name are none."""
        work = item.work
        if item.action != CREATE or work is None or work.record.get("os_hidden"):
            return None
        if sync_set.lenient and not sync_set.skips_same_name:
            # A run about what events named makes no call for a note.
            return None
        mark = work.record.get(fields.SOURCE_HASH)
        data = compare.data_keys(work.data) or frozenset({mark} if mark else ())
        return cls(item, work, data) if data and work.record.get("name") else None

    @property
    def key(self) -> NameAndOwner:
        return self.work.record["name"], self.work.owner

    def compare(self, image: Image, data: frozenset[str]) -> None:
        """Take an image of the same name and owner in the target as the other one, if it is.

        The image's own copies are none.
        """
        if self.data.isdisjoint(data) or (self.other or image["id"]) < image["id"]:
            return
        source_id, region = self.item.resource, self.item.target_region
        numbers = range(1, MAX_FORCED_IDS + 1)
        own = {source_id, *(fields.forced_id(source_id, region, n) for n in numbers)}
        if image["id"] not in own:
            self.other = image["id"]


class SameNames:
    """Looks for images that have the name, the owner and the data of a record to create.

    Targets are asked only for the names of records to create, with one list call for up to 100
    names.  Use it as a context.
    """

    def __init__(self, context: PlanContext) -> None:
        self._context = context
        self._planned = _PlannedNames()

    def __enter__(self) -> "SameNames":
        return self

    def __exit__(self, *error: object) -> None:
        self._planned.close()

    def check(self, planned: Sequence[ItemOfSet]) -> list[ItemOfSet]:
        """Return planned items; those that would double a name say so, or have ended."""
        candidates = {
            position: candidate
            for position, (one, item) in enumerate(planned)
            if (candidate := _Candidate.of(one, item))
        }
        problems = self._find(list(candidates.values()))
        checked = []
        for position, (one, planned_item) in enumerate(planned):
            item, candidate = planned_item, candidates.get(position)
            if candidate is not None:
                problem = problems.get(item.target_region)
                item = self._checked(candidate, problem, skips=one.skips_same_name)
            checked.append((one, item))
        return checked

    def _checked(self, candidate: _Candidate, problem: Outcome | None, *, skips: bool) -> Item:
        item, other = candidate.item, candidate.other
        region = item.target_region
        if other is None and problem is not None:
            if skips:
                return dataclasses.replace(item, action=NONE, work=None).with_outcome(problem)
            note = f"Images of the same name could not be looked up in {region}: {problem.message}"
            return item.with_note(note)
        where = f"in {region}"
        if other is None:
            other = self._planned.find(region, candidate)
            where = f"that the job makes in {region}"
        if other and skips:
            message = f"Image {other} {where} has the same name, owner and data"
            outcome = Outcome(Reason.SAME_NAME, message, other)
            return dataclasses.replace(item, action=NONE, work=None).with_outcome(outcome)
        self._planned.add(region, candidate)
        if other is None:
            return item
        note = f"same_name: image {other} {where} has the same name, owner and data"
        return dataclasses.replace(item.with_note(note), doubles_name=True)

    def _find(self, candidates: Iterable[_Candidate]) -> dict[str, Outcome]:
        """Look for other images in the targets of some candidates.

        :returns: the outcomes for regions that could not be asked.
        """
        wanted: dict[str, dict[NameAndOwner, list[_Candidate]]] = {}
        for one in candidates:
            by_name = wanted.setdefault(one.item.target_region, {})
            by_name.setdefault(one.key, []).append(one)
        # All regions are asked at the same time.
        walks = {region: self._start_walks(region, by_name) for region, by_name in wanted.items()}
        problems = {}
        for region, started in walks.items():
            try:
                for image in (image for walk in started for page in walk for image in page):
                    same = wanted[region].get((image.get("name") or "", image.get("owner")), ())
                    data = _data_in_target(image, region) if same else frozenset()
                    for one in same:
                        one.compare(image, data)
            except (exception.RegionUnavailable, exception.ImageRequestRejected) as error:
                problems[region] = region_failure(error)
                for walk in started:
                    walk.stop()
        return problems

    def _start_walks(self, region: str, wanted: Iterable[NameAndOwner]) -> list[ImageWalk]:
        owners = {owner for _, owner in wanted}
        only = owners.pop() if len(owners) == 1 else None
        by_owner = [("owner", only)] if only else []
        return [
            ImageWalk(
                self._context.regions[region],
                hidden=False,
                ordered=False,
                filters=[("name", value), *by_owner],
                calls=self._context.calls,
            )
            for value in name_filters(sorted({name for name, _ in wanted}))
        ]


def _data_in_target(image: Image, region: str) -> frozenset[str]:
    """Return the keys of an image's data; a record without data has those of its source."""
    mark = image.get(fields.SOURCE_HASH)
    if fields.has_data(image) or not mark or fields.copy_number(image, region) is None:
        return compare.data_keys(image)
    return frozenset({mark})


class _PlannedNames:
    """The names that a plan creates.  They are kept in a temporary file, as there may be many."""

    def __init__(self) -> None:
        self._db: sqlite3.Connection | None = None

    def close(self) -> None:
        """Delete the file."""
        if self._db is not None:
            self._db.close()

    def add(self, region: str, candidate: _Candidate) -> None:
        """Add a record to create; the first one of a name stays."""
        if self._db is None:
            self._db = sqlite3.connect("")
            self._db.execute("CREATE TABLE names (k BLOB PRIMARY KEY, id TEXT) WITHOUT ROWID")
        rows = [(digest, candidate.work.record["id"]) for digest in _digests(region, candidate)]
        self._db.executemany("INSERT OR IGNORE INTO names VALUES (?, ?)", rows)

    def find(self, region: str, candidate: _Candidate) -> str | None:
        """Return the id of a record with the same name, owner and data in a region."""
        if self._db is None:
            return None
        for digest in _digests(region, candidate):
            for row in self._db.execute("SELECT id FROM names WHERE k = ?", (digest,)):
                return str(row[0])
        return None


def _digests(region: str, candidate: _Candidate) -> Iterator[bytes]:
    for data in sorted(candidate.data):
        key = json.dumps([region, *candidate.key, data]).encode()
        yield hashlib.blake2b(key, digest_size=16).digest()
