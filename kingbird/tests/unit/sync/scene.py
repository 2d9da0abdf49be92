"""Three regions in memory, and a planner and appliers over them."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from typing import Any

from kingbird import exception
from kingbird.hidden_orphan import HiddenOrphan
from kingbird.sync.apply import Applier
from kingbird.sync.image import Rules
from kingbird.sync.item import UPDATE, Item, WriteSpec
from kingbird.sync.listing.calls import RegionCalls
from kingbird.sync.members import Members, with_members
from kingbird.sync.orphans import OrphanKeeper
from kingbird.sync.outcome import Outcome
from kingbird.sync.plan.context import PlanContext
from kingbird.sync.plan.cursor import PlanCursor
from kingbird.sync.plan.members import members_of
from kingbird.sync.plan.planner import Planner
from kingbird.sync.request import Requester, SyncSet
from kingbird.sync.retry import Retry, Submit
from kingbird.tests.doubles.glance import FakeGlance, FakeImages
from kingbird.tests.unit.sync.lag_clock import LagClock

DEMO = "d" * 32
OTHER = "0" * 32
ADMIN = "a" * 32
ALL3 = ("R1", "R2", "R3")
RULES = Rules(dropped=frozenset({"instance_uuid", "block_device_mapping"}))


def submit(region: str, function: Any, /, *args: Any) -> "Future[Any]":
    """Run a call at once, as if on a worker."""
    future: Future[Any] = Future()
    try:
        future.set_result(function(*args))
    except Exception as error:  # a future carries whatever was raised
        future.set_exception(error)
    return future


class Hasty(threading.Event):
    """An event that nobody sets, and that notes for how long it should have been waited for."""

    def __init__(self, slept: list[float]) -> None:
        super().__init__()
        self._slept = slept

    def wait(self, timeout: float | None = None) -> bool:
        self._slept.append(timeout or 0)
        return False


class Scene:
    """A cloud of three regions."""

    def __init__(self, retry_timeout: float = 1.0) -> None:
        self.glances = {name: FakeGlance(name) for name in ALL3}
        for glance in self.glances.values():
            glance.peers = self.glances
        self.slept: list[float] = []
        self.retry = Retry(lambda: retry_timeout, Hasty(self.slept))
        self.lag_clock = LagClock()
        #: The images that have a state, and for whose states plans have asked.
        self.stated: list[str] = []
        self.asked_states: list[tuple[str, str, bool]] = []
        self.unusable: dict[str, dict[str, str]] = {}
        #: The orphans that were hidden, by region and id, as the database keeps them.
        self.hidden: dict[tuple[str, str], HiddenOrphan] = {}
        #: Seconds for which orphans are hidden before they are deleted.
        self.grace = 0.0
        self.now: Callable[[], datetime] = lambda: datetime.now(UTC)

    @property
    def contents(self) -> dict[str, set[str]]:
        """Return the ids of all images by region."""
        return {region: glance.ids for region, glance in self.glances.items()}

    def images(self, region: str, project: str = DEMO, is_admin: bool = False) -> FakeImages:
        return self.glances[region].images_for(project, is_admin=is_admin)

    def create(self, region: str = "R1", project: str = DEMO, **fields: Any) -> dict[str, Any]:
        """Make an image with formats, by its project or, with ``owner``, by an admin."""
        body = {"name": "one", "disk_format": "raw", "container_format": "bare", **fields}
        is_admin = "owner" in fields or fields.get("visibility") == "public"
        return self.images(region, project, is_admin).create(body)

    def create_in(self, year: int, region: str, data: bytes | None = None, **fields: Any) -> Any:
        """Make an image in some year, with data if there are any."""
        glance = self.glances[region]
        glance._now = lambda: datetime(year, 1, 1, tzinfo=UTC)
        image = self.create(region, **fields)
        return image if data is None else glance.upload(image["id"], data)

    def caller(self, project: str = DEMO, is_admin: bool = False) -> Requester:
        return Requester(project, is_admin)

    def plan(
        self,
        *ids: str,
        sources: tuple[str, ...] = ("R1",),
        targets: tuple[str, ...] = ("R2",),
        force: bool = False,
        caller: Requester | None = None,
        more: tuple[SyncSet, ...] = (),
        without: tuple[str, ...] = (),
    ) -> list[Item]:
        first = SyncSet(tuple(ids), sources, targets, force, preferred=sources)
        return self.plan_sets(first, *more, caller=caller, without=without)

    def plan_sets(self, *sets: SyncSet, **options: Any) -> list[Item]:
        """Plan sets, with the options of :meth:`batches`."""
        return [item for batch in self.batches(*sets, **options) for item in batch]

    def batches(
        self,
        *sets: SyncSet,
        caller: Requester | None = None,
        without: tuple[str, ...] = (),
        cursor: PlanCursor | None = None,
        slow_region_timeout: float | None = None,
        submit: Submit = submit,
        known: Mapping[str, Collection[str]] | None = None,
        retried_regions: Collection[str] | None = None,
        earlier: Collection[Item] = (),
        at_once: bool = False,
    ) -> Iterator[list[Item]]:
        """Yield the plan of sets.

        :param without: regions that have no endpoint.
        :param earlier: items of earlier runs.
        """
        caller = caller or self.caller()
        items: list[Item] = []
        cloud = PlanContext(
            {
                name: self.images(name, caller.project_id, caller.is_admin)
                for name in self.glances
                if name not in without
            },
            caller,
            RULES,
            tombstones=self._find_tombstones,
            planned=lambda target, ids: {
                item.resource: item
                for item in (*earlier, *items)
                if item.target_region == target and item.resource in ids
            },
            calls=RegionCalls(self.lag_clock.count(submit), self.retry, clock=self.lag_clock),
            stated=self._find_stated,
            hidden=lambda region, ids: {
                one: self.hidden[region, one] for one in ids if (region, one) in self.hidden
            },
            orphan_grace=self.grace,
            at_once=at_once,
        )
        self.planner = Planner(cloud, slow_region_timeout=slow_region_timeout)
        for batch in self.planner.plan(sets, cursor, known, retried_regions):
            items += batch
            yield batch

    def _find_stated(self, first: str, last: str, all_projects: bool) -> list[str]:
        self.asked_states.append((first, last, all_projects))
        return [one for one in self.stated if first < one <= last]

    def _find_tombstones(self, region: str, ids: Any) -> Mapping[str, str]:
        known = self.unusable.get(region, {})
        return {one: known[one] for one in ids if one in known}

    def applier(
        self,
        region: str,
        caller: Requester | None = None,
        may_write: Callable[[], None] = lambda: None,
    ) -> Applier:
        """Return what writes a task's records in a region."""
        caller = caller or self.caller()
        return Applier(
            self.images(region, caller.project_id, caller.is_admin),
            is_admin=caller.is_admin,
            may_write=may_write,
            retry=self.retry,
        )

    def keeper(
        self,
        region: str,
        caller: Requester | None = None,
        may_write: Callable[[], None] = lambda: None,
        without: Collection[str] = (),
    ) -> OrphanKeeper:
        """Return what hides and deletes the orphans of a region.

        :param without: regions that have no endpoint.
        """
        caller = caller or self.caller()
        seen = {
            name: self.images(name, caller.project_id, caller.is_admin)
            for name in self.glances
            if name not in without
        }
        return OrphanKeeper(seen[region], seen.get, may_write, self.retry, now=self.now)

    def keep(self, item: Item, keeper: OrphanKeeper) -> Outcome:
        """Do the work of an orphan's item, and keep what the database would."""
        assert item.work is not None
        outcome = keeper.act(item.work)
        if outcome.orphan is not None:
            key = item.target_region, outcome.orphan["id"]
            self.hidden.pop(key, None)
            if moment := outcome.orphan.get("updated_at"):
                self.hidden[key] = HiddenOrphan(moment, 0.0)
        return outcome

    def apply(self, item: Item, caller: Requester | None = None, **options: Any) -> Outcome:
        """Do an item's work."""
        assert item.work is not None
        if item.work.orphan is not None:
            return self.keep(item, self.keeper(item.target_region, caller, **options))
        applier = self.applier(item.target_region, caller, **options)
        if item.work.undo is not None:
            return applier.undo(item.work)
        work = self._with_members(item, item.work, caller or self.caller())
        if item.action == UPDATE:
            return applier.update(item.source_region, work)
        return applier.create(item.resource, item.source_region, work)

    def _with_members(self, item: Item, work: WriteSpec, caller: Requester) -> WriteSpec:
        """Return the work with the members that an engine reads before it."""
        if not work.reads_members:
            return work
        images = self.images(item.source_region, caller.project_id, caller.is_admin)
        found: Members | exception.KingbirdError
        try:
            found = members_of(images, item.resource)
        except exception.KingbirdError as error:
            found = error
        return with_members(work, item.source_region, found)

    def sync(self, *ids: str, **options: Any) -> list[Outcome]:
        """Plan images and do the work."""
        items = self.plan(*ids, **options)
        caller = options.get("caller")
        return [item.outcome or self.apply(item, caller) for item in items]
