"""Random histories of images in three regions, with syncs of any kind between them.

Nothing that its home deleted comes back, nothing is deleted or hidden that its home has and shows,
no quarantine of an original begins or ends, no stranger's image is touched, and guards stop every
mass loss.
"""

import contextlib
import dataclasses
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kingbird import exception
from kingbird.sync import image as fields
from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.scene import ALL3, OTHER, Scene

IDS = tuple(str(uuid.UUID(int=number)) for number in (1, 2, 3))
FORMATS = {"disk_format": "raw", "container_format": "bare"}

ids, regions = st.sampled_from(IDS), st.sampled_from(ALL3)
some = st.lists(regions, min_size=1, max_size=3, unique=True).map(tuple)
flags = st.booleans()
orphans = st.sampled_from(["report", "hide", "delete"])
syncs = st.tuples(
    st.just("sync"),
    st.one_of(st.just(ALL3), some),
    st.one_of(st.just(ALL3), some),
    st.one_of(st.just(("*",)), st.lists(ids, min_size=1, unique=True).map(tuple)),
    st.fixed_dictionaries(
        {"updates": flags, "prunes": flags, "force": flags, "lenient": flags, "on_orphan": orphans}
    ),
)
at_home = st.tuples(
    st.sampled_from(["hide", "show", "rename", "deactivate", "reactivate", "delete", "lose"]), ids
)
anywhere = st.tuples(st.sampled_from(["upload", "remove", "take"]), ids, regions)
histories = st.lists(
    st.one_of(
        st.tuples(st.just("create"), ids, regions, flags),
        at_home,
        anywhere,
        st.tuples(st.just("purge"), regions),
        st.just(("undo",)),
        syncs,
        syncs,
    ),
    min_size=3,
    max_size=14,
)
#: Each history begins with images that are in all regions, one of them with data.
BEGINNING: tuple[tuple[Any, ...], ...] = (
    ("create", IDS[0], "R1", True),
    ("create", IDS[1], "R2", False),
    ("sync", ALL3, ALL3, IDS[:2], {}),
    ("upload", IDS[0], "R3"),
)


class World:
    """A cloud with a clock that moves, and the images that their owner has made himself.

    :ivar homes: the region of each original that is there.
    :ivar written: what the last sync wrote.
    """

    def __init__(self):
        self.scene = Scene(retry_timeout=0)
        self.orphans = "report"
        self.homes: dict[str, str] = {}
        self.written = []
        self._now = datetime(2020, 1, 1, tzinfo=UTC)
        for glance in self.scene.glances.values():
            glance._now = lambda: self._now

    def do(self, name, *args):
        self._now += timedelta(minutes=1)
        if name in ("sync", "undo"):
            self._checked(name, *args)
        else:
            # Glance refuses what makes no sense.
            with contextlib.suppress(exception.ImageRequestRejected, KeyError, ValueError):
                getattr(self, name)(*args)

    # The acts of the owner.

    def create(self, image_id, region, has_data):
        if image_id in self.homes:
            return
        self.scene.images(region).create({"id": image_id, "name": "one", **FORMATS})
        self.homes[image_id] = region
        if has_data:
            self.scene.glances[region].upload(image_id, b"x")

    def take(self, image_id, region):
        """Let a stranger have the id in a region, where it is free."""
        body = {"id": image_id, "name": "theirs", "visibility": "community", **FORMATS}
        self.scene.images(region, OTHER).create(body)

    def upload(self, image_id, region):
        self.scene.glances[region].upload(image_id, b"x")

    def remove(self, image_id, region):
        """Delete a copy."""
        if self.homes.get(image_id) != region and not self._is_strangers(image_id, region):
            self.scene.glances[region].delete(image_id)

    def delete(self, image_id):
        self.scene.glances[self.homes[image_id]].delete(image_id)
        del self.homes[image_id]

    def lose(self, image_id):
        """Delete an image at home, and have its id purged there."""
        home = self.homes[image_id]
        self.delete(image_id)
        self.purge(home)

    def purge(self, region):
        self.scene.glances[region].purge()

    def hide(self, image_id, hidden=True):
        change = [{"op": "add", "path": "/os_hidden", "value": hidden}]
        self.scene.images(self.homes[image_id]).update(image_id, change)

    def show(self, image_id):
        self.hide(image_id, False)

    def rename(self, image_id):
        change = [{"op": "add", "path": "/name", "value": str(self._now)}]
        self.scene.images(self.homes[image_id]).update(image_id, change)

    def deactivate(self, image_id, active=False):
        self.scene.images(self.homes[image_id]).set_active(image_id, active)

    def reactivate(self, image_id):
        self.deactivate(image_id, True)

    # The acts of Kingbird.

    def sync(self, sources, targets, resources, options):
        one = SyncSet(resources, sources, targets, **options)
        self.orphans = one.on_orphan if one.is_wildcard else "report"
        items = self.scene.plan_sets(one)
        self.written = []
        for item in items:
            outcome = item.outcome or self.scene.apply(item)
            if outcome.undo:
                self.written.append((item, outcome))
        return sources == ALL3

    def undo(self):
        for item, outcome in reversed(self.written):
            work = dataclasses.replace(item.work, orphan=None, undo={**outcome.undo, "job": "j"})
            record = {**work.record, "id": outcome.target_resource}
            work = dataclasses.replace(work, record=record)
            self.scene.apply(dataclasses.replace(item, work=work))
        self.written = []
        self.orphans = "report"
        return False

    # The promises.

    def _at_home(self, image, region):
        """Return the original of a copy, if its home has it."""
        home = fields.home_of(image, region)
        return home and self.scene.glances[home].peek(image["id"])

    def _check_orphan(self, region, image):
        """Check that an image is a copy, and that its home has lost it, and not all it had."""
        assert self.orphans != "report", "nobody asked for that"
        assert image["owner"] != OTHER, "it is a stranger's"
        assert fields.home_of(image, region), "it is no copy"
        assert not self._at_home(image, region), "its home has it"
        assert self.scene.glances[fields.home_of(image, region)].ids, "its home is empty"

    def _is_strangers(self, image_id, region):
        image = self.scene.glances[region].peek(image_id)
        return image is not None and image["owner"] == OTHER

    def _seen(self):
        return {
            (region, one): glance.peek(one)
            for region, glance in self.scene.glances.items()
            for one in glance.ids
        }

    def _checked(self, name, *args):
        before = self._seen()
        from_all = getattr(self, name)(*args)
        after = self._seen()
        for region, image_id in before.keys() - after.keys():
            self._check_orphan(region, before[region, image_id])
            assert self.orphans == "delete"
            assert fields.is_marked(before[region, image_id], region), "it was not hidden before"
        for region, image_id in after.keys() - before.keys():
            source_id = after[region, image_id].get(fields.SOURCE_ID)
            theirs = any(self._is_strangers(source_id, name) for name in ALL3)
            assert source_id in self.homes or theirs, "a deleted image has come back"
        for (region, image_id), image in before.items():
            new = after.get((region, image_id))
            if new is None:
                continue
            if name == "sync" and new.get(fields.ORPHANED_AT) != image.get(fields.ORPHANED_AT):
                if fields.ORPHANED_AT in new:
                    self._check_orphan(region, image)
                else:
                    assert self._at_home(image, region), "nobody has it again"
            if image["owner"] == OTHER:
                assert new == image, "a stranger's image was touched"
            home = self.homes.get(image.get(fields.SOURCE_ID, image_id))
            if home == region and fields.SOURCE_ID not in image:
                assert new["status"] == image["status"], "a copy put its original in quarantine"
            elif from_all and home and new["os_hidden"] and not image["os_hidden"]:
                original = before.get((home, image.get(fields.SOURCE_ID, image_id)))
                assert original is None or original["os_hidden"], "its home shows it"
            if fields.SOURCE_ID in image and image["status"] != new["status"] and name == "sync":
                assert home, "an orphan has followed something"


@given(histories)
def test_whatever_happens(history):
    world = World()
    for step in (*BEGINNING, *history):
        world.do(*step)


@given(histories)
def test_a_sync_of_all_regions_spreads_each_quarantine(history):
    world = World()
    for step in (*BEGINNING, *history):
        world.do(*step)
    everywhere = SyncSet(("*",), ALL3, ALL3, updates=True)
    world.do("sync", ALL3, ALL3, everywhere.resources, {"updates": True})
    for (_, image_id), image in world._seen().items():
        home = world.homes.get(image_id)
        original = home and world.scene.glances[home].peek(image_id)
        is_copy = image.get(fields.SOURCE_REGION) == home and image["owner"] != OTHER
        if original and original["status"] == "deactivated" and is_copy:
            assert image["status"] != "active"


@given(st.integers(1, 130), st.integers(1, 16), flags, flags)
def test_a_mass_loss_is_stopped(records, lost, emptied, deletes):
    lost = min(lost, records)
    world = World()
    ids = [str(uuid.UUID(int=100 + number)) for number in range(records)]
    for image_id in ids:
        world.do("create", image_id, "R1", False)
    world.do("sync", ("R1",), ("R2",), tuple(ids), {})
    gone = ids if emptied else ids[:lost]
    for image_id in gone:
        world.do("delete", image_id)
    option = {"on_orphan": "delete"}
    for _ in range(1 + deletes):
        world.do("sync", ("R1",), ("R2",), ("*",), option)
    hidden = [one for one in ids if (world.scene.glances["R2"].peek(one) or {}).get("os_hidden")]
    few = len(gone) <= max(10, records // 10) and world.scene.glances["R1"].ids
    assert hidden == (gone if few and not deletes else [])
    assert len(world.scene.glances["R2"].ids) == records - (len(gone) if few and deletes else 0)
