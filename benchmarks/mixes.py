"""The peak memory of one engine during mixes of requests that are as large as is allowed."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from standin import Standin
from standin.images import image_id

from benchmarks.memory import peak
from benchmarks.scene import SOURCE, fill
from benchmarks.service import Service, wildcard
from benchmarks.table import Row
from benchmarks.world import World
from kingbird.clients.glance import PATCH_TYPE
from kingbird.tests.functional.people import Person

REGIONS = 10
#: The most images that a request may name by default, and the most slots of an engine.
NAMED, AT_ONCE = 10_000, 16
#: Images whose items are retried: 80,000 of them in ten targets but the source.
RETRIED = 8_900
#: The share of images that each target lacks where whole regions are compared.
MISSING = 0.05
#: Community images as large as Glance takes them.
LARGE, PROPERTIES, BYTES = 15, 128, 60_000
AT_MOST = 400

#: The requests of a mix: users, and their sets.
Requests = Sequence[tuple[Person, dict[str, Any]]]


class _Mixes:
    """An engine with the stand-ins that it works on."""

    def __init__(self, world: World, glances: Standin, kingbird: Service, scale: float) -> None:
        self._world = world
        self._glances = glances
        self._kingbird = kingbird
        self._pid = kingbird.engine_pid()
        self._admin = world.person()
        self._others = [region for region in glances.urls if region != SOURCE]
        self.named = int(NAMED * scale)
        self.retried = int(RETRIED * scale)
        self._large: list[dict[str, str]] = []

    def rows(self) -> Iterator[Row]:
        """Run the mixes, one after another."""
        fill(self._glances, self.named, missing=1.0)
        ids = [image_id(n, SOURCE) for n in range(self.named)]
        one = self._named(ids)
        yield self._row(f"{len(ids)} images named, none there", [(self._admin, one)])
        yield self._row(f"{len(ids)} named, forced", [(self._admin, {**one, "force": True})])
        few = len(ids) // 10
        many = [(self._admin, self._named(ids[n % 10 * few :][:few])) for n in range(AT_ONCE)]
        yield self._row(f"{AT_ONCE} jobs of {few} named images at once", many)
        fill(self._glances, self.named, missing=MISSING)
        everything = (self._admin, {**wildcard(), "dry_run": True})
        yield self._row(
            f"{AT_ONCE} jobs, any to any, {MISSING:.0%} missing", [everything] * AT_ONCE
        )
        yield self._row("8 jobs of named images, 8 any to any", [*many[:8], *[everything] * 8])

        fill(self._glances, self.retried, drifted=1.0)
        ids = ids[: self.retried]
        differ = self._named(ids, dry_run=False)
        jobs: list[str] = []
        yield self._row(f"{len(ids)} named, all of them differ", [(self._admin, differ)], jobs)
        number = len(ids) * len(self._others)
        yield self._measured(f"retry of {number} items", lambda: self._retry(jobs))
        yield self._measured(
            f"retry of {number} items and {AT_ONCE - 1} jobs any to any",
            lambda: self._retry(jobs, [everything] * (AT_ONCE - 1)),
        )

        demo = self._world.person("demo")
        for region in self._glances.urls:
            self._glances.clear(region)
        self._glances.seed(SOURCE, 100, salt="demo", project=demo.project_id)
        self._make_large()
        mine = {**wildcard(), "all_projects": False}
        large = f"{LARGE} community images of {PROPERTIES * BYTES / 1e6:.1f} MB in each region"
        yield self._row(f"{AT_ONCE} jobs of a member beside {large}", [(demo, mine)] * AT_ONCE)
        yield self._row(f"all projects' images, {large}", [everything])

        for region in self._others:
            self._glances.clear(region)
        ids = [body["id"] for body in self._large]
        write = (self._admin, {**self._named(ids, dry_run=False), "on_drift": "update"})
        yield self._row(f"the {LARGE} large images made in {len(self._others)} regions", [write])
        self._change_large()
        yield self._row(f"all their properties updated in {len(self._others)} regions", [write])

    def _named(self, ids: Sequence[str], *, dry_run: bool = True) -> dict[str, Any]:
        return {
            "resource_type": "image",
            "resources": list(ids),
            "source": SOURCE,
            "target": self._others,
            "dry_run": dry_run,
        }

    def _make_large(self) -> None:
        """Make the same images of another project in all regions."""
        text = {f"property{n}": "x" * BYTES for n in range(PROPERTIES)}
        for _ in range(LARGE):
            body = {"id": str(uuid.uuid4()), "name": "large", "visibility": "community", **text}
            self._large.append(body)
            for url in self._glances.urls.values():
                self._admin.session.post(f"{url}/v2/images", json=body)

    def _change_large(self) -> None:
        """Change all properties of the large images in the source."""
        changes = [
            {"op": "replace", "path": f"/property{n}", "value": "y" * BYTES}
            for n in range(PROPERTIES)
        ]
        for body in self._large:
            url = f"{self._glances.urls[SOURCE]}/v2/images/{body['id']}"
            self._admin.session.patch(url, json=changes, headers={"Content-Type": PATCH_TYPE})

    def _row(self, what: str, requests: Requests, jobs: list[str] | None = None) -> Row:
        def run() -> None:
            started = [self._kingbird.start(person, one) for person, one in requests]
            self._ended(started)
            if jobs is not None:
                jobs.extend(started)

        return self._measured(what, run)

    def _retry(self, jobs: Sequence[str], requests: Requests = ()) -> None:
        url = f"{self._kingbird.deployment.url}/v1.0/{self._admin.project_id}/os-sync"
        for job_id in jobs:
            self._admin.session.post(f"{url}/{job_id}/retry")
        self._ended([*jobs, *(self._kingbird.start(person, one) for person, one in requests)])

    def _ended(self, jobs: Sequence[str]) -> None:
        for job_id in jobs:
            self._kingbird.wait(job_id, expected=None)

    def _measured(self, what: str, run: Callable[[], None]) -> Row:
        # The peak begins anew.
        Path(f"/proc/{self._pid}/clear_refs").write_text("5")
        before = peak(self._pid)
        run()
        most = peak(self._pid)
        return Row(
            f"peak memory of an engine, {REGIONS} regions: {what}",
            most,
            AT_MOST,
            f"{before:.0f} MiB before",
            unit="MiB",
        )


def measure(world: World, *, quick: bool) -> Iterator[Row]:
    """Run the mixes in one engine with default limits."""
    with world.glances(REGIONS) as glances, world.kingbird() as kingbird:
        yield from _Mixes(world, glances, kingbird, 0.05 if quick else 1.0).rows()
