"""The entry points of python-openstackclient: name, version and client of this plugin.

The published client has a plugin of its own under another name.  Both can be installed.
"""

import argparse
from typing import Any

from osc_lib import utils

from kingbird.osc.client import SERVICE_TYPE, SyncClient

API_NAME = "image_sync"
API_VERSION_OPTION = "os_image_sync_api_version"
DEFAULT_API_VERSION = "1"
API_VERSIONS = ("1", "1.0")


def make_client(instance: Any) -> SyncClient:
    """Return the client of the API.

    :param instance: the client manager of python-openstackclient.
    """
    return SyncClient(
        instance.session,
        interface=instance.interface,
        region_name=instance.region_name,
        endpoint=instance.sdk_connection.config.get_endpoint(SERVICE_TYPE),
    )


def build_option_parser(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Add the global options of this plugin."""
    parser.add_argument(
        "--os-image-sync-api-version",
        metavar="<image-sync-api-version>",
        default=utils.env("OS_IMAGE_SYNC_API_VERSION", default=DEFAULT_API_VERSION),
        help=f"Image synchronization API version, default={DEFAULT_API_VERSION} "
        "(Env: OS_IMAGE_SYNC_API_VERSION)",
    )
    return parser
