"""Write files for clients: clouds.yaml, and an openrc for each user."""

from __future__ import annotations

from collections.abc import Iterable

from minicloud.accounts import ACCOUNTS, PASSWORD, Account
from minicloud.layout import State


def credentials(auth_url: str, account: Account) -> dict[str, str]:
    """Return the arguments of keystoneauth's password plugin."""
    return {
        "auth_url": auth_url,
        "username": account.name,
        "password": PASSWORD,
        "project_name": account.project,
        "user_domain_id": "default",
        "project_domain_id": "default",
    }


def write_client_files(state: State, auth_url: str, regions: Iterable[str]) -> None:
    state.clouds_yaml.write_text(clouds_yaml(auth_url, regions))
    for account in ACCOUNTS:
        state.openrc(account.name).write_text(openrc(auth_url, account))


def clouds_yaml(auth_url: str, regions: Iterable[str]) -> str:
    lines = ["clouds:"]
    for account in ACCOUNTS:
        lines += [f"  {account.name}:", "    auth:"]
        for key, value in credentials(auth_url, account).items():
            lines.append(f"      {key}: {value}")
        lines += ["    identity_api_version: 3", "    interface: public", "    regions:"]
        lines += [f"      - {region}" for region in regions]
    return "\n".join(lines) + "\n"


def openrc(auth_url: str, account: Account) -> str:
    """Return shell text without a region, so that clients choose one."""
    lines = ["unset OS_CLOUD OS_REGION_NAME OS_TOKEN"]
    for key, value in credentials(auth_url, account).items():
        lines.append(f"export OS_{key.upper()}={value}")
    lines += ["export OS_IDENTITY_API_VERSION=3", "export OS_INTERFACE=public"]
    return "\n".join(lines) + "\n"
