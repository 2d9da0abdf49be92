"""A cloud: one Keystone, and a Glance for each region."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from minicloud import broker, catalog
from minicloud.accounts import ACCOUNTS, PASSWORD
from minicloud.bringup import bring_up, end_recorded
from minicloud.broker import Broker
from minicloud.clientfiles import credentials, write_client_files
from minicloud.config import Options
from minicloud.description import Description
from minicloud.errors import MinicloudError
from minicloud.layout import DEFAULT_HOME, State, locked
from minicloud.processes import Process
from minicloud.rest import Keystone

DEFAULT_REGIONS = ("RegionOne", "RegionTwo", "RegionThree")


@dataclass(frozen=True)
class Status:
    """The status of one process of a cloud."""

    process: str
    url: str
    pid: int | None
    """None if it does not run."""


class Cloud:
    """A cloud whose files are in one folder.

    Changes hold a lock in the folder, so several processes may use the same cloud.

    :param state_dir: the folder.  An existing cloud is used.
    :param home: the folder of the installed services.
    :param regions: names; by default those of the existing cloud, or three.
    :param free_ports: use free ports, not 5000 for Keystone and 9292, 9293, ... for Glance.
    :param glance_options: region -> section -> option -> value, instead of the usual ones.
    :param keystone_options: section -> option -> value, likewise.

    The options may be changed later.  A process reads them when it is started or restarted.
    """

    def __init__(
        self,
        state_dir: str | Path,
        home: str | Path | None = None,
        regions: Sequence[str] | None = None,
        free_ports: bool = False,
        glance_options: dict[str, Options] | None = None,
        keystone_options: Options | None = None,
    ) -> None:
        self.state = State(Path(state_dir).resolve())
        self.free_ports = free_ports
        self._home = Path(home).resolve() if home else None
        self._regions = list(regions) if regions else None
        self.glance_options = glance_options or {}
        self.keystone_options = keystone_options or {}
        self._about = self._read()
        if glance_options is None:
            self.glance_options = self._about.glance_options
        if keystone_options is None:
            self.keystone_options = self._about.keystone_options

    @classmethod
    def load(cls, state_dir: str | Path) -> Cloud:
        """Return the cloud in a folder.

        :raises MinicloudError: the folder has no cloud.
        """
        cloud = cls(state_dir)
        if not cloud.state.description.exists():
            raise MinicloudError(f"there is no cloud in {cloud.state.path}")
        return cloud

    @property
    def regions(self) -> list[str]:
        return list(self._about.regions)

    @property
    def auth_url(self) -> str:
        """Return Keystone's URL with /v3."""
        return self._about.auth_url

    @property
    def glance_urls(self) -> dict[str, str]:
        """Return the URL of each region's Glance, regardless of the catalog."""
        return self._about.glance_urls

    @property
    def projects(self) -> dict[str, str]:
        """Return the projects' ids by name."""
        return dict(self._about.projects)

    @property
    def users(self) -> dict[str, str]:
        """Return the users' ids by name."""
        return dict(self._about.users)

    @property
    def broker(self) -> Broker | None:
        """Return where the Glances send notifications, or None without RabbitMQ."""
        return self._about.broker

    def credentials(self, user: str, project: str | None = None) -> dict[str, str]:
        """Return arguments of keystoneauth's password plugin.

        :param project: the project's name; by default the user's own.
        """
        account = next(account for account in ACCOUNTS if account.name == user)
        chosen = credentials(self.auth_url, account)
        return {**chosen, "project_name": project} if project else chosen

    def token(self, user: str, project: str | None = None) -> str:
        """Return a new token of the user."""
        chosen = self.credentials(user, project)
        return Keystone(self.auth_url, user, PASSWORD, chosen["project_name"]).token

    def up(self, fresh: bool = False) -> bool:
        """Start what does not run.

        :param fresh: end the cloud first, and begin with empty databases.  Regions and options
            stay unless others were given.
        :returns: False if everything was running already.
        :raises MinicloudError: a process cannot be started.  Then everything that this call
            started is ended.
        """
        with self._changing():
            if fresh:
                self._end_all()
                self.state.wipe()
                self._about = self._new(self._regions or self._about.regions)
            if self._regions is not None and self._regions != self._about.regions:
                there = ", ".join(self._about.regions)
                raise MinicloudError(
                    f"the cloud in {self.state.path} has the regions {there}; "
                    "to have others, begin anew (--fresh)"
                )
            if not self._about.ports:
                # An `up` that was killed early may have left processes.
                end_recorded(self.state, self.state.recorded())
            missing = [name for name in self._about.processes if not self._running(name)]
            if not missing:
                return False
            # Running processes know the ports of the others, so these cannot change.
            is_down = missing == self._about.processes
            if is_down:
                self._find_broker()
            try:
                bring_up(self._about, self.state, missing, self.free_ports and is_down)
            except BaseException:
                if is_down:
                    self._end_all()
                raise
            write_client_files(self.state, self.auth_url, self.regions)
            return True

    def down(self) -> list[str]:
        """End all processes, and return the names of those that were running.  The data stay."""
        if not self.state.path.exists():
            return []
        with self._changing():
            return self._end_all()

    def stop(self, process: str) -> None:
        """End one process: keystone, or glance-REGION.  Its port stays reserved."""
        with self._changing():
            self._check(process)
            end_recorded(self.state, [process])

    def start(self, process: str) -> None:
        """Start one process on its previous port, unless it runs."""
        with self._changing():
            self._check(process)
            if not self._running(process):
                bring_up(self._about, self.state, [process], free_ports=False)

    def restart(self, process: str) -> None:
        """Restart one process on the same port with the present options."""
        with self._changing():
            self._check(process)
            end_recorded(self.state, [process])
            bring_up(self._about, self.state, [process], free_ports=False)

    def status(self) -> list[Status]:
        self._about = self._read()
        return self._statuses()

    def register_service(self, type_: str, name: str, endpoints: catalog.Urls) -> None:
        """Create or update a service: region -> URL, or region -> interface -> URL."""
        catalog.register_service(self._admin(), type_, name, endpoints)

    def set_endpoint(self, type_: str, region: str, interface: str, url: str) -> None:
        """Create or change one endpoint of a registered service."""
        catalog.set_endpoint(self._admin(), type_, region, interface, url)

    def _find_broker(self) -> None:
        """Make the place for notifications, or again the one that the cloud had."""
        known = self._about.broker
        if known is None or not known.virtual_host or not broker.restore(known.virtual_host):
            self._about.broker = broker.make()

    def _end_all(self) -> list[str]:
        ended = end_recorded(self.state, self.state.recorded())
        if self._about.broker is not None:
            self._about.broker.remove()
        return ended

    @contextlib.contextmanager
    def _changing(self) -> Iterator[None]:
        """Lock the cloud, read its description, and save it at the end."""
        with locked(self.state.lock):
            self._about = self._read()
            self._about.glance_options = self.glance_options
            self._about.keystone_options = self.keystone_options
            try:
                yield
            finally:
                # The description is saved after a failure too, because ports may have changed.
                if self._about.users:
                    self._about.save(self.state.description, self._pids())

    def _read(self) -> Description:
        try:
            about = Description.load(self.state.description)
        except FileNotFoundError:
            return self._new(self._regions or list(DEFAULT_REGIONS))
        about.home = self._home or about.home
        return about

    def _new(self, regions: list[str]) -> Description:
        return Description(
            home=self._home or DEFAULT_HOME,
            regions=regions,
            keystone_options=self.keystone_options,
            glance_options=self.glance_options,
        )

    def _statuses(self) -> list[Status]:
        return [
            Status(process, self._about.url(process), self._running(process))
            for process in self._about.processes
        ]

    def _pids(self) -> dict[str, int]:
        found = {process: self._running(process) for process in self._about.processes}
        return {process: pid for process, pid in found.items() if pid}

    def _running(self, process: str) -> int | None:
        found = Process.load(self.state.pid(process))
        return found.pid if found and found.is_running() else None

    def _check(self, process: str) -> None:
        if process not in self._about.ports:
            names = ", ".join(self._about.ports) or "none"
            raise MinicloudError(f"no process is called {process}; there are: {names}")

    def _admin(self) -> Keystone:
        return Keystone(self.auth_url, "admin", PASSWORD, "admin")
