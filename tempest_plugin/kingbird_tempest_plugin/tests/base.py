"""The base of all tests: regions, images, and jobs that are cleaned up."""

from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from tempest import config, test
from tempest.lib.common.utils import test_utils

from kingbird_tempest_plugin.tests.images import Image, Images

CONF = config.CONF

IN_PROGRESS, SUCCESS, FAILURE = "IN_PROGRESS", "SUCCESS", "FAILURE"
PLANNED, CANCELLED = "PLANNED", "CANCELLED"

Set = dict[str, Any]
Item = dict[str, Any]

#: The fields that a record copies from its source.
COPIED = (
    "name",
    "disk_format",
    "container_format",
    "min_disk",
    "min_ram",
    "visibility",
    "protected",
    "os_hidden",
    "owner",
)


def sync(*image_ids: str, source: str | list[str], target: list[str], **options: Any) -> Set:
    """Return a set of image ids, or of ``*`` for all images."""
    return {
        "resource_type": "image",
        "resources": list(image_ids),
        "source": source,
        "target": target,
        **options,
    }


class BaseSyncTest(test.BaseTestCase):
    """Base of tests with a member of a project and several regions.

    :cvar regions: the names; most tests begin in the first one.
    :cvar client: the member's client for sync jobs.
    :ivar images: the member's images.
    """

    credentials = ["primary"]
    regions: ClassVar[list[str]]
    client: ClassVar[Any]
    images: Images

    @classmethod
    def skip_checks(cls) -> None:
        """Skip the tests if Kingbird is not available."""
        super().skip_checks()
        for service in ("kingbird", "glance"):
            if not getattr(CONF.service_available, service):
                raise cls.skipException(f"{service} is not available")

    @classmethod
    def setup_credentials(cls) -> None:
        """Create users without networks."""
        cls.set_network_resources()
        super().setup_credentials()

    @classmethod
    def setup_clients(cls) -> None:
        """Create the member's clients."""
        super().setup_clients()
        cls.client = cls.os_primary.kingbird_v1.SyncJobsClient()

    @classmethod
    def resource_setup(cls) -> None:
        """Find the regions."""
        super().resource_setup()
        cls.regions = list(CONF.kingbird.regions) or cls._regions_of_the_catalog()
        if len(cls.regions) < 2:
            raise cls.skipException(f"Fewer than two regions have images: {cls.regions}")

    @classmethod
    def _regions_of_the_catalog(cls) -> list[str]:
        _, auth_data = cls.os_primary.auth_provider.get_auth()
        endpoints = [
            endpoint
            for service in auth_data["catalog"]
            if service["type"] == CONF.image.catalog_type
            for endpoint in service["endpoints"]
        ]
        first = CONF.identity.region
        # Keystone allows an endpoint without a region.
        found = {endpoint["region"] for endpoint in endpoints if endpoint["region"]}
        return sorted(found, key=lambda region: (region != first, region))

    def setUp(self) -> None:
        """Prepare the member's images."""
        super().setUp()
        self.images = Images(self.os_primary, self.regions, self.addCleanup)

    @property
    def source(self) -> str:
        """Return the region where most tests begin."""
        return self.regions[0]

    @property
    def target(self) -> str:
        """Return the second region."""
        return self.regions[1]

    @property
    def targets(self) -> list[str]:
        """Return all regions but the first one."""
        return self.regions[1:]

    def start(self, *sets: Set, client: Any = None) -> str:
        """Create a job, which is deleted after the test, and return its id."""
        client = client or self.client
        status = client.create_sync_job(*sets)["job_status"]
        self.addCleanup(self._end_and_delete, client, status["id"])
        self.assertEqual(IN_PROGRESS, status["status"])
        return str(status["id"])

    def wait(self, job_id: str, client: Any = None) -> tuple[str, list[Item]]:
        """Wait until a job has ended, and return its status and its items.

        The images that the job created are deleted after the test.
        """
        client = client or self.client

        def ended() -> bool:
            job = client.show_sync_job(job_id, limit=1)["job"]
            return bool(job["sync_status"] != IN_PROGRESS)

        seconds, interval = CONF.kingbird.build_timeout, CONF.kingbird.build_interval
        if not test_utils.call_until_true(ended, seconds, interval):
            self.fail(f"Job {job_id} has not ended within {seconds} seconds")
        items = self.items_of(job_id, client)
        for item in items:
            is_image = item["resource_type"] == "image"
            if is_image and item["action"] == "create" and item["target_resource"]:
                self.images.delete_later(item["target_region"], item["target_resource"])
        return client.show_sync_job(job_id, limit=1)["job"]["sync_status"], items

    def items_of(self, job_id: str, client: Any = None, **params: Any) -> list[Item]:
        """Return all items of a job, page by page.

        :param params: the query, such as ``limit``.
        """
        items: list[Item] = []
        while True:
            shown = (client or self.client).show_sync_job(job_id, **params)
            items += shown["job_set"]
            following = [link["href"] for link in shown["links"] if link["rel"] == "next"]
            if not following:
                return items
            params = dict(parse_qsl(urlsplit(following[0]).query))

    def run_job(self, *sets: Set, client: Any = None) -> tuple[str, list[Item]]:
        """Create a job and wait until it has ended; return its status and its items."""
        return self.wait(self.start(*sets, client=client), client)

    def long_job(self, client: Any = None, images: Images | None = None) -> str:
        """Create a job that takes some time, and return its id.

        :param client: the client of another user.
        :param images: the images of that user's project.
        """
        images = images or self.images
        ids = [images.make(self.source, None)["id"] for _ in range(20)]
        return self.start(sync(*ids, source=self.source, target=self.targets), client=client)

    def _end_and_delete(self, client: Any, job_id: str) -> None:
        def call(function: Any, *args: Any) -> Any:
            return test_utils.call_and_ignore_notfound_exc(function, *args)

        if call(client.show_sync_job, job_id):
            self.wait(job_id, client)
            call(client.delete_sync_job, job_id)

    def item_of(self, items: list[Item], image_id: str, region: str) -> Item:
        """Return the single item of an image in a region."""
        pair = (image_id, region)
        found = [item for item in items if (item["resource"], item["target_region"]) == pair]
        self.assertEqual(1, len(found), items)
        return found[0]

    def assert_copy(self, image: Image, record: Image, **changed: Any) -> None:
        """Compare a record with its source.

        :param changed: fields that differ from the source's.
        """
        properties = [name for name in image if name.startswith(("os_distro", "hw_", "demo_"))]
        for name in (*COPIED, *properties):
            self.assertEqual(changed.get(name, image[name]), record[name], name)
        self.assertCountEqual(image["tags"], record["tags"])
        # Kingbird creates records without data.
        self.assertEqual("queued", record["status"])
        self.assertEqual(image["id"], record["kingbird_source_id"])
