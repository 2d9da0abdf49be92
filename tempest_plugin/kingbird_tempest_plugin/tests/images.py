"""A user's images in all regions, with Tempest's image client."""

import io
from collections.abc import Callable, Sequence
from typing import Any

from tempest import config
from tempest.lib import exceptions
from tempest.lib.common.utils import data_utils, test_utils
from tempest.lib.services.image.v2 import images_client

CONF = config.CONF

Image = dict[str, Any]

#: The default fields of an image.
RAW: Image = {"disk_format": "raw", "container_format": "bare", "visibility": "private"}


def unique(name: str) -> str:
    """Return a unique name."""
    made: str = data_utils.rand_name(name, prefix=CONF.resource_name_prefix)
    return made


class Images:
    """A user's images in several regions, which are deleted after the test.

    :param clients: the user's clients, such as ``os_primary``.
    :param regions: the names of the regions.
    :param cleanup: registers a function and its arguments, which is called after the test.
    """

    def __init__(self, clients: Any, regions: Sequence[str], cleanup: Callable[..., None]) -> None:
        self._cleanup = cleanup
        # The factory of the user's clients is not used, because it passes the region of one client
        # on to the next ones.
        params = config.service_client_config("image")
        self._regions = {
            region: images_client.ImagesClient(
                clients.auth_provider, **{**params, "region": region}
            )
            for region in regions
        }

    def make(self, region: str, data: bytes | None = b"data", **fields: Any) -> Image:
        """Create an image.

        :param data: the data to upload; ``None`` for no data.
        :returns: the image in Glance's form.
        """
        client = self._regions[region]
        image = client.create_image(**{"name": unique("kingbird"), **RAW, **fields})
        # The test may have copied the image to every region.
        for each in self._regions:
            self._cleanup(self.delete, each, image["id"])
        if data is not None:
            client.store_image_file(image["id"], io.BytesIO(data))
        return self.see(region, image["id"])

    def get(self, region: str, image_id: str) -> Image | None:
        """Return an image, or ``None`` if it does not exist."""
        try:
            return dict(self._regions[region].show_image(image_id))
        except exceptions.NotFound:
            return None

    def see(self, region: str, image_id: str) -> Image:
        """Return an image.

        :raises tempest.lib.exceptions.NotFound: the image does not exist.
        """
        return dict(self._regions[region].show_image(image_id))

    def change(self, region: str, image_id: str, **fields: Any) -> Image:
        """Set fields of an image, including new ones."""
        # Tempest's client refuses to add a field that exists.
        image = self.see(region, image_id)
        patch = [
            {"replace" if name in image else "add": f"/{name}", "value": value}
            for name, value in fields.items()
        ]
        return dict(self._regions[region].update_image(image_id, patch))

    def delete(self, region: str, image_id: str) -> None:
        """Delete an image if it exists."""
        test_utils.call_and_ignore_notfound_exc(self._regions[region].delete_image, image_id)

    def delete_later(self, region: str, image_id: str) -> None:
        """Delete an image that Kingbird created, after the test."""
        self._cleanup(self.delete, region, image_id)
