"""A cloud whose time passes, with an orphan in two regions."""

import dataclasses
from datetime import UTC, datetime, timedelta

from kingbird.sync.request import SyncSet
from kingbird.tests.unit.sync.scene import Scene

HIDE = SyncSet(("*",), ("R1",), ("R2", "R3"), on_orphan="hide")
DELETE = dataclasses.replace(HIDE, on_orphan="delete")
MONTH = 30 * 86400.0


class Life(Scene):
    """A cloud whose time passes, in which one image of R1 has copies, and others stay there."""

    def __init__(self):
        super().__init__(retry_timeout=0)
        self.grace = MONTH
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.now = lambda: self.time
        for glance in self.glances.values():
            glance._now = lambda: self.time
        self.kept = self.create("R1", name="kept")["id"]
        self.orphan = self.lose()

    def pass_time(self, seconds=60.0):
        self.time += timedelta(seconds=seconds)
        self.hidden = {
            key: one._replace(seconds=one.seconds + seconds) for key, one in self.hidden.items()
        }

    def lose(self, **options):
        """Make an image in R1, copy it, and delete it at home."""
        image_id = self.create("R1", **options)["id"]
        for target in ("R2", "R3"):
            assert [one.reason for one in self.sync(image_id, targets=(target,))] == ["created"]
        self.glances["R1"].delete(image_id)
        self.pass_time()
        return image_id

    def restore(self, image_id, **more):
        """Let the home have an image again."""
        self.glances["R1"].purge()
        self.create("R1", id=image_id, **more)
        self.glances["R1"].upload(image_id, b"x")

    def run(self, one=HIDE, **options):
        """Do what a set says, and return the outcomes by image and target."""
        self.pass_time()
        found = {}
        caller = options.get("caller")
        for item in self.plan_sets(one, **options):
            outcome = item.outcome or self.apply(item, caller)
            found[item.resource, item.target_region] = outcome
        self.pass_time()
        return found

    def reasons(self, one=HIDE, **options):
        return {key: outcome.reason for key, outcome in self.run(one, **options).items()}

    def of_orphan(self, one=HIDE, **options):
        """Return the reasons of the orphan by region."""
        found = self.reasons(one, **options)
        return {region: reason for (name, region), reason in found.items() if name == self.orphan}

    def copy(self, region="R2"):
        return self.glances[region].peek(self.orphan)

    def change(self, name, value, region="R2"):
        images = self.images(region)
        images.update(self.orphan, [{"op": "add", "path": f"/{name}", "value": value}])
        self.pass_time()

    def upload(self, region="R2"):
        """Give the orphan the data of its original."""
        self.restore(self.orphan)
        self.sync(self.orphan)
        self.glances[region].upload(self.orphan, b"x")
        self.glances["R1"].delete(self.orphan)
        self.pass_time()

    def hide(self):
        assert self.of_orphan() == {"R2": "hidden", "R3": "hidden"}
