"""An image whose data another region is to get, while something goes wrong."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kingbird.sync.arrival import LOCK
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import IN_PROGRESS, KingbirdAPI, sync
from kingbird.tests.functional.people import RAW, Image, Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Answer, Call, Cut, Fault, Proxy, hold

#: Seconds after which an import counts as stuck.  A Glance is back sooner.
TIMEOUT = 30
#: The options of a Kingbird that has little patience with imports.
OPTIONS: dict[str, dict[str, Any]] = {
    # Glances fetch data through the proxies.
    "glance": {"import_interface": "internal"},
    "sync": {"import_timeout": TIMEOUT, "import_retry_delay": 1, "import_lock_time": 5},
    # A call may take half as long as a lease, and machines are busy.
    "engine": {"lease": 20, "poll_interval": 0.5, "reaper_interval": 1},
}
#: Imports that a Glance of the test cloud runs at a time ([wsgi] task_pool_threads).
POOL = 4
TARGET = "RegionTwo"


class Trial:
    """An image in one region whose record and data RegionTwo is to get.

    :param source: the image's region.
    :ivar gate: what holds calls until it is set.
    """

    def __init__(
        self,
        kingbird: Deployment,
        demo: Person,
        proxies: dict[str, Proxy],
        source: str = "RegionOne",
    ) -> None:
        self.demo = demo
        self.kingbird = kingbird
        self.api = KingbirdAPI(kingbird.url, demo)
        self.region = source
        self.source, self.target = proxies[source], proxies[TARGET]
        self._first = proxies["RegionOne"]
        self.image = demo.make(source, os.urandom(200_000), visibility="private")
        self.gate = threading.Event()
        self.job_id = ""

    def begin(self) -> None:
        self.job_id = self.api.accepted(sync(self.image["id"], source=self.region, data="import"))

    @property
    def item(self) -> dict[str, Any]:
        (item,) = self.api.items(self.job_id)
        return item

    @property
    def copy(self) -> Image:
        return self.demo.see(TARGET, self.image["id"])

    @property
    def has_come(self) -> bool:
        copy = self.copy
        return bool(
            copy["status"] == "active" and copy["os_hash_value"] == self.image["os_hash_value"]
        )

    def broken(self, fault: Fault) -> Any:
        """Let a fault have the downloads of the image."""
        path = f"/v2/images/{self.image['id']}/file"
        return self.source.broken(fault, lambda call: call.path == path)

    def until(self, what: str, look: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Wait for something that the item shows while it is in progress."""

        def found() -> dict[str, Any] | None:
            item = self.item
            assert item["sync_status"] == IN_PROGRESS, item
            return item if look(item) else None

        item: dict[str, Any] = eventually(what, found, poll=0.1)
        return item

    def importing(self) -> None:
        """Wait until Glance imports the data."""
        self.until("the import runs", lambda item: item["data"] == "importing")
        eventually("Glance imports", lambda: self.copy["status"] == "importing", poll=0.1)

    def waiting(self) -> None:
        """Wait until the import waits in Glance's pool."""
        self.until("the import was asked for", lambda item: item["data"] == "importing")
        eventually("Glance has locked it", lambda: self.copy.get(LOCK), poll=0.1)
        assert self.copy["status"] == "queued"

    def tasks(self) -> list[dict[str, Any]]:
        """Return Glance's tasks about the copy, one for each import, the oldest one first."""
        found = self.demo.images(TARGET).list_import_tasks(self.image["id"])
        return sorted(found, key=lambda task: str(task["created_at"]))

    def end(self, *, imports: int = 1) -> dict[str, Any]:
        """Wait for the job's end, and return its item.

        :param imports: how often Glance may have been asked for the import.
        """
        job = self.api.wait(self.job_id)
        assert len(self.tasks()) <= imports, "there is no further import"
        assert self.copy, "the copy is still there"
        return job.only

    def cancel(self) -> dict[str, Any]:
        """Cancel the job, and return its item."""
        assert self.api.call("POST", f"/{self.job_id}/cancel").status_code == 202
        return self.end()

    def retry(self) -> None:
        """Run the job again."""
        assert self.api.call("POST", f"/{self.job_id}/retry").status_code == 202

    @contextmanager
    def pool_is_full(self) -> Iterator[None]:
        """Let Glance's pool be full of imports that get no data until the gate is open."""
        filler = self.demo.make("RegionOne", b"filler", visibility="private")
        path = f"/v2/images/{filler['id']}/file"
        images = self.demo.images(TARGET)
        records = [self.demo.make(TARGET, **RAW, visibility="private") for _ in range(POOL)]

        def all_run() -> bool:
            return all(
                self.demo.see(TARGET, one["id"])["status"] == "importing" for one in records
            )

        with self._first.broken(hold(self.gate), lambda call: call.path == path):
            for record in records:
                images.import_data(
                    record["id"],
                    region="RegionOne",
                    source_id=filler["id"],
                    interface="internal",
                )
            eventually("the pool is full", all_run, poll=0.1)
            try:
                yield
            finally:
                self.gate.set()
                for record in records:
                    self.demo.delete(TARGET, record["id"])


def half(call: Call, forward: Callable[[Call], Answer]) -> Answer:
    """Give away a part of the data, and cut the connection then."""
    answer = forward(call)

    def cut() -> bool:
        raise Cut

    return Answer(answer.status, answer.headers, answer.body, gap=cut)
