"""The target of a fault: a rule whose images somebody is uploading."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kingbird.clients.image_lists import Image
from kingbird.sync.image import SOURCE_REGION
from kingbird.tests.functional.chaos.copies import Findings, compare_region, listing
from kingbird.tests.functional.chaos.settings import PATIENCE
from kingbird.tests.functional.chaos.uploads import Uploads
from kingbird.tests.functional.chaos.world import REAL, World
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import IN_PROGRESS, KingbirdAPI
from kingbird.tests.functional.listening import regions_of
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import Program, eventually
from kingbird.tests.functional.proxy import Answer, Call

#: Seconds by which each record is made later, so that a fault meets jobs in progress.
SLOW = 0.5


@dataclass
class RuleStage:
    """One rule from all Glances to all Glances, the uploads, and the findings.

    :ivar user: whose rule it is.
    :ivar uploader: another member of the project, who uploads and keeps all rights.
    :ivar since: the beginning of the recovery, which each fault sets.
    :ivar is_deleted: the fault has deleted the rule.
    :ivar problems: violations that were found.
    :ivar notes: remarks for the report.
    """

    world: World
    kingbird: Deployment
    rng: random.Random
    user: Person
    uploader: Person
    rule: Mapping[str, Any]
    uploads: Uploads
    since: float = field(default_factory=time.monotonic)
    is_deleted: bool = False
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def begin(self) -> None:
        """Measure the recovery from now on."""
        self.since = time.monotonic()

    def note(self, text: str) -> None:
        """Add a remark to the report."""
        self.notes.append(text)

    def call(self, method: str, path: str = "", who: Person | None = None, **body: Any) -> Any:
        """Call the API about the rule.  It has to accept the call.

        :param who: by default the uploader, who keeps all rights.
        :returns: the body of the response, if any.
        """
        api = KingbirdAPI(self.kingbird.url, who or self.uploader)
        answer = api.call(method, f"-rules/{self.rule['id']}{path}", **body)
        assert answer.ok, f"{method} of a rule: {answer.status_code} {answer.text[:300]}"
        return answer.json() if answer.content else None

    def show(self) -> dict[str, Any]:
        """Return the rule as it is now."""
        found: dict[str, Any] = self.call("GET")["rule"]
        return found

    def jobs(self) -> list[dict[str, Any]]:
        """Return the stored jobs of the rule."""
        rows = self.kingbird.rows()["jobs"]
        return [row for row in rows if row["rule_id"] == self.rule["id"]]

    def open_jobs(self) -> list[str]:
        """Return the ids of its jobs in progress."""
        return [job["id"] for job in self.jobs() if job["status"] == IN_PROGRESS]

    def trusts(self) -> list[str]:
        """Return the trusts that are made to Kingbird in the project."""
        query = f"/OS-TRUST/trusts?trustee_user_id={self.world.cloud.users['kingbird']}"
        found = self.world.admin.keystone("GET", query).json()["trusts"]
        return [one["id"] for one in found if one["project_id"] == self.uploader.project_id]

    def records(self) -> Findings:
        """Describe the missing and wrong records, and those that nobody asked for.

        After the rule was deleted, records may be missing.  None may be half made.
        """
        there = {region: self._images(region) for region in REAL}
        findings = Findings()
        for home in REAL:
            own = [image for image in there[home] if SOURCE_REGION not in image]
            made = {name for name, region in self.uploads.made.items() if region == home}
            if {image["id"] for image in own} != made:
                findings.doubled.append(f"{home} has {len(own)} of {len(made)} uploaded images")
            for region in REAL:
                if region == home:
                    continue
                found = [image for image in there[region] if image.get(SOURCE_REGION) == home]
                ids = {image["id"] for image in found}
                sources = [one for one in own if one["id"] in ids or not self.is_deleted]
                findings.add(compare_region(region, found, sources, home, set()))
        return findings

    def _images(self, region: str) -> list[Image]:
        found = listing(self.uploader.images(region))
        return [image for image in found if image["owner"] == self.uploader.project_id]

    @contextlib.contextmanager
    def slow(self) -> Iterator[None]:
        """Let Glances make records slowly, so that jobs of the rule are in progress."""

        def later(call: Call, forward: Callable[[Call], Answer]) -> Answer:
            time.sleep(SLOW)
            return forward(call)

        with contextlib.ExitStack() as stack:
            for region in REAL:
                proxy = self.world.proxies[region]
                stack.enter_context(proxy.broken(later, lambda call: call.method == "POST"))
            yield

    def wait_until_heard(self, listener: Program | None = None) -> None:
        """Wait until a listener hears all regions.

        :param listener: that one; by default any that runs.
        """
        programs = [listener] if listener else self.kingbird.listeners

        def look() -> bool:
            pids = {pid for program in programs for pid in program.pids}
            return any(
                row["pid"] in pids and is_connected(row)
                for row in self.kingbird.rows()["listeners"]
            )

        eventually("all regions are heard", look, seconds=PATIENCE)


def is_connected(row: Mapping[str, Any]) -> bool:
    """Return True if a listener hears all regions, as its last heartbeat says."""
    states = regions_of(row)
    return all(states.get(region, {}).get("connected") for region in REAL)


@dataclass(frozen=True)
class RuleFault:
    """A fault that happens once while images of a rule are uploaded.

    :ivar act: the function that injects the fault and returns when it is over.
    :ivar interval: seconds between full runs; 0 for none, so that each image comes by its event.
    :ivar images: the number of images that are uploaded at most.
    :ivar own_broker: the fault needs a RabbitMQ of its own.
    """

    name: str
    act: Callable[[RuleStage], None]
    interval: int = 0
    images: int = 18
    own_broker: bool = False

    def fits(self, database: str) -> bool:
        """Return True if the fault can be injected into a Kingbird on that database."""
        return database != "SQLite"
