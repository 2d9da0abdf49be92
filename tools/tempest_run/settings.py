"""Write ``tempest.conf`` for a cloud of minicloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from minicloud.config import Options, render


def tempest_conf(
    folder: Path,
    admin: Mapping[str, str],
    regions: Sequence[str],
    service_type: str,
    *,
    notifies: bool = False,
) -> str:
    """Return the text of the file.

    :param folder: the folder of Tempest's files.
    :param admin: the cloud's admin, as arguments of keystoneauth's password plugin.
    :param regions: the regions; the first one is Tempest's own.
    :param service_type: Kingbird's type in the catalog.
    :param notifies: whether the Glances send notifications that a listener hears.
    """
    options: Options = {
        "DEFAULT": {"log_file": str(folder / "tempest.log"), "debug": "true"},
        "oslo_concurrency": {"lock_path": str(folder / "locks")},
        "auth": {
            "admin_username": admin["username"],
            "admin_password": admin["password"],
            "admin_project_name": admin["project_name"],
            "admin_domain_name": "Default",
            # Each class of tests gets its own users and projects.
            "use_dynamic_credentials": "true",
            "create_isolated_networks": "false",
        },
        "identity": {
            "uri_v3": admin["auth_url"],
            "auth_version": "v3",
            "v3_endpoint_type": "public",
            "region": regions[0],
        },
        "service_available": {
            "glance": "true",
            "kingbird": "true",
            **dict.fromkeys(("cinder", "horizon", "neutron", "nova", "swift"), "false"),
        },
        "kingbird": {
            "catalog_type": service_type,
            "build_timeout": "60",
            "build_interval": "0.25",
            "glance_notifications": str(notifies).lower(),
        },
    }
    return render(options, {})
