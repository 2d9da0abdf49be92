"""Start the missing processes of a cloud, and end them again if one fails."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack

from minicloud import config, services
from minicloud.accounts import PASSWORD, create_accounts
from minicloud.catalog import register_service
from minicloud.databases import Setup, set_up_glances, set_up_keystone
from minicloud.description import Description
from minicloud.errors import MinicloudError, PortTaken
from minicloud.install import is_current
from minicloud.layout import SERVICES, Home, State
from minicloud.ports import GLANCE_PORT, KEYSTONE_PORT, listen, listen_on_free_port
from minicloud.processes import Process, end
from minicloud.rest import Keystone


def bring_up(about: Description, state: State, missing: Sequence[str], free_ports: bool) -> None:
    """Start the missing processes, and create missing databases and accounts.

    If this fails or is interrupted, the started processes are ended.

    :param free_ports: choose a free port if the recorded or usual one is taken.  Running processes
        know the recorded ports, so this is only for a cloud that does not run.
    """
    home = Home(about.home)
    for service in SERVICES:
        if not is_current(home, service):
            raise MinicloudError(
                f"{service} is not installed in {home.path}, or not as its constraints now say; "
                "run: python3 -m minicloud install"
            )
    state.make_folders()
    with ExitStack() as listening:
        listeners = {
            process: listening.enter_context(_listen(about, process, free_ports))
            for process in missing
        }
        for process in missing:
            write_config(about, state, process)
        with ExitStack() as on_failure:
            on_failure.callback(end_recorded, state, missing)
            _start(about, home, state, listeners, on_failure)
            on_failure.pop_all()


def _start(
    about: Description,
    home: Home,
    state: State,
    listeners: dict[str, socket.socket],
    on_failure: ExitStack,
) -> None:
    setups: dict[str, Setup] = {}
    new = [process for process in listeners if not state.database(process).exists()]
    new_glances = [process for process in new if process != "keystone"]
    if "keystone" in new:
        setups["keystone"] = set_up_keystone(home, state, about.auth_url, about.regions[0])
        on_failure.callback(setups["keystone"].abandon)
    if new_glances:
        setups["glance"] = set_up_glances(home, state, new_glances)
        on_failure.callback(setups["glance"].abandon)

    # Each service starts as soon as its database exists.  Glance does not call Keystone before its
    # first request, so it may start while Keystone is filled.
    started: dict[str, Process] = {}
    while len(started) < len(listeners):
        for process in [name for name in listeners if name not in started]:
            service = services.service_of(process)
            if service in setups:
                if not setups[service].has_ended():
                    continue
                setups.pop(service).finish()
            # This copy of the socket is closed, otherwise it would still listen after the process
            # ended.
            with listeners[process] as listener:
                started[process] = services.start(home, state, process, listener)
        time.sleep(0.02)
    for process in listeners:  # Keystone comes first
        services.wait_until_ready(state, process, started[process], about.ports[process])
        if process == "keystone" and not about.seeded:
            seed(about)


def seed(about: Description) -> None:
    """Create the accounts and the endpoints that Keystone lacks."""
    keystone = Keystone(about.auth_url, "admin", PASSWORD, "admin")
    about.projects, about.users = create_accounts(keystone)
    # Keystone has an endpoint in every region, because clients look for it in theirs.
    everywhere = dict.fromkeys(about.regions, about.auth_url)
    register_service(keystone, "identity", "keystone", everywhere)
    register_service(keystone, "image", "glance", about.glance_urls)
    about.seeded = True


def write_config(about: Description, state: State, process: str) -> None:
    if process == "keystone":
        config.write_keystone(state, about.ports[process], about.keystone_options)
        return
    region = process.removeprefix("glance-")
    config.write_glance(
        state,
        Home(about.home),
        region,
        about.ports,
        about.glance_options.get(region, {}),
        about.broker,
    )


def end_recorded(state: State, names: Sequence[str]) -> list[str]:
    """End processes, and delete their records.

    :returns: the names of those that were running.
    """
    recorded = {name: Process.load(state.pid(name)) for name in names}
    running = {name: found for name, found in recorded.items() if found and found.is_running()}
    end(list(running.values()))
    for name in names:
        state.pid(name).unlink(missing_ok=True)
    return list(running)


def _listen(about: Description, process: str, free_ports: bool) -> socket.socket:
    port = about.ports.get(process)
    if port is None and not free_ports:
        port = _usual_port(about, process)
    if port is None:
        listener = listen_on_free_port()
    else:
        try:
            listener = listen(port)
        except PortTaken:
            if not free_ports:
                raise
            listener = listen_on_free_port()
    chosen = listener.getsockname()[1]
    if chosen != about.ports.get(process):
        about.ports[process] = chosen
        about.seeded = False
    return listener


def _usual_port(about: Description, process: str) -> int:
    if process == "keystone":
        return KEYSTONE_PORT
    return GLANCE_PORT + about.regions.index(process.removeprefix("glance-"))
