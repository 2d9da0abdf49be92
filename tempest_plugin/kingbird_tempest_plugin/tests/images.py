"""The images of every region as one user sees them, by Tempest's own image client."""

import io
from collections.abc import Callable, Sequence
from typing import Any

from tempest import config
from tempest.lib import exceptions
from tempest.lib.common.utils import data_utils, test_utils
from tempest.lib.services.image.v2 import images_client

CONF = config.CONF

Image = dict[str, Any]

#: What an image with data is made of, if not told otherwise.
RAW: Image = {"disk_format": "raw", "container_format": "bare", "visibility": "private"}


def unique(name: str) -> str:
    """Return a name that no other test uses."""
    made: str = data_utils.rand_name(name, prefix=CONF.resource_name_prefix)
    return made


class Images:
    """A user's images in several regions; what is made here is deleted after the test.

    :param clients: the user's clients, such as ``os_primary``.
    :param regions: their names.
    :param cleanup: takes a function and its arguments, to be called when the test is over.
    """

    def __init__(self, clients: Any, regions: Sequence[str], cleanup: Callable[..., None]) -> None:
        self._cleanup = cleanup
        # Not by the factory of the user's clients: it hands what it was told once, such as
        # another region, to the clients that it makes later.
        params = config.service_client_config("image")
        self._regions = {
            region: images_client.ImagesClient(
                clients.auth_provider, **{**params, "region": region}
            )
            for region in regions
        }

    def make(self, region: str, data: bytes | None = b"data", **fields: Any) -> Image:
        """Create an image.

        :param data: what is uploaded; ``None`` for nothing.
        :returns: the image as Glance shows it then.
        """
        client = self._regions[region]
        image = client.create_image(**{"name": unique("kingbird"), **RAW, **fields})
        # It may be in every region when the test is over.
        for each in self._regions:
            self._cleanup(self.delete, each, image["id"])
        if data is not None:
            client.store_image_file(image["id"], io.BytesIO(data))
        return self.see(region, image["id"])

    def get(self, region: str, image_id: str) -> Image | None:
        """Return an image, or ``None`` if it is not there."""
        try:
            return dict(self._regions[region].show_image(image_id))
        except exceptions.NotFound:
            return None

    def see(self, region: str, image_id: str) -> Image:
        """Return an image that is there.

        :raises tempest.lib.exceptions.NotFound: it is not.
        """
        return dict(self._regions[region].show_image(image_id))

    def change(self, region: str, image_id: str, **fields: Any) -> Image:
        """Set some fields of an image, also such that it has not."""
        # Of the patches that Tempest's client sends, one that adds what is there is refused.
        there = self.see(region, image_id)
        patch = [
            {"replace" if name in there else "add": f"/{name}", "value": value}
            for name, value in fields.items()
        ]
        return dict(self._regions[region].update_image(image_id, patch))

    def delete(self, region: str, image_id: str) -> None:
        """Delete an image if it is there."""
        test_utils.call_and_ignore_notfound_exc(self._regions[region].delete_image, image_id)

    def delete_later(self, region: str, image_id: str) -> None:
        """Delete an image when the test is over; Kingbird made it."""
        self._cleanup(self.delete, region, image_id)
