"""cloud.json: the description of a cloud, for later commands and for tests."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from minicloud.accounts import ACCOUNTS, PASSWORD
from minicloud.broker import Broker
from minicloud.config import Options
from minicloud.errors import MinicloudError
from minicloud.ports import HOST


@dataclass
class Description:
    """The decisions of `up`, and the ids in Keystone."""

    home: Path
    regions: list[str]
    ports: dict[str, int] = field(default_factory=dict)
    """Process -> port. A process keeps its port for as long as the cloud exists."""
    projects: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    keystone_options: Options = field(default_factory=dict)
    glance_options: dict[str, Options] = field(default_factory=dict)
    seeded: bool = False
    """True if Keystone has the users, and the endpoints with these ports."""
    broker: Broker | None = None
    """Where the Glances send notifications, if they do."""

    def __post_init__(self) -> None:
        if len(set(self.regions)) < len(self.regions):
            raise MinicloudError(f"a region is named twice: {', '.join(self.regions)}")
        for region in self.regions:
            # The name becomes a part of file names.
            if not re.fullmatch(r"\w[\w.-]*", region, re.ASCII):
                raise MinicloudError(f"{region!r} can't be the name of a region here")

    @property
    def processes(self) -> list[str]:
        return ["keystone", *(f"glance-{region}" for region in self.regions)]

    @property
    def auth_url(self) -> str:
        return f"{self.url('keystone')}/v3"

    @property
    def glance_urls(self) -> dict[str, str]:
        return {region: self.url(f"glance-{region}") for region in self.regions}

    def url(self, process: str) -> str:
        """:raises MinicloudError: if the cloud was never up."""
        if process not in self.ports:
            raise MinicloudError("the cloud has no ports before it is up")
        return f"http://{HOST}:{self.ports[process]}"

    @classmethod
    def load(cls, file: Path) -> Description:
        """:raises FileNotFoundError: if there is no such cloud."""
        values = json.loads(file.read_text())
        return cls(
            home=Path(values["home"]),
            regions=list(values["regions"]),
            ports=values["ports"],
            projects=values["projects"],
            users={name: user["id"] for name, user in values["users"].items()},
            keystone_options=values["keystone_options"],
            glance_options=values["glance_options"],
            seeded=values["seeded"],
            broker=Broker(**values["broker"]) if values.get("broker") else None,
        )

    def save(self, file: Path, pids: dict[str, int]) -> None:
        """Write the file atomically, because another process may read it."""
        partial = file.with_suffix(".partial")
        partial.write_text(json.dumps(self.as_json(pids), indent=2) + "\n")
        partial.rename(file)

    def as_json(self, pids: dict[str, int]) -> dict[str, Any]:
        users = {
            account.name: {
                "id": self.users[account.name],
                "password": PASSWORD,
                "project": account.project,
                "roles": account.roles,
            }
            for account in ACCOUNTS
        }
        return {
            "auth_url": self.auth_url,
            "regions": self.glance_urls,
            "projects": self.projects,
            "users": users,
            "pids": pids,
            "ports": self.ports,
            "home": str(self.home),
            "keystone_options": self.keystone_options,
            "glance_options": self.glance_options,
            "seeded": self.seeded,
            "broker": asdict(self.broker) if self.broker else None,
        }
