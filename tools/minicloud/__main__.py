"""The command line: python3 -m minicloud COMMAND."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import minicloud
from minicloud.cloud import Cloud
from minicloud.errors import MinicloudError
from minicloud.install import install_services
from minicloud.layout import DEFAULT_HOME, DEFAULT_STATE, Home

_NUMBERS = ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    :returns: the exit status: 0, 1 after a failure, or 3 from `status` if a process is down.
    """
    options = _parser().parse_args(arguments)
    # A signal must also end the processes that the command has started.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        return int(options.run(options) or 0)
    except MinicloudError as error:
        print(f"minicloud: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("minicloud: interrupted", file=sys.stderr)
        return 130


def region_names(text: str) -> list[str]:
    """Return RegionOne, RegionTwo, ... for a number, otherwise the names between commas."""
    if text.isdecimal() and int(text) > 0:
        return [f"Region{_NUMBERS[i] if i < len(_NUMBERS) else i + 1}" for i in range(int(text))]
    return [name.strip() for name in text.split(",")]


def region_and_url(text: str) -> tuple[str, str]:
    region, _, url = text.partition("=")
    if not region or not url:
        raise argparse.ArgumentTypeError("needs REGION=URL")
    return region, url


def _install(options: argparse.Namespace) -> None:
    install_services(Home((options.home or DEFAULT_HOME).resolve()))


def _up(options: argparse.Namespace) -> None:
    began = time.monotonic()
    cloud = Cloud(options.dir, options.home, options.regions, options.free_ports)
    if cloud.up(options.fresh):
        print(f"up in {time.monotonic() - began:.1f} s")
    else:
        print("up already")
    _print_status(cloud)
    print(f"  export OS_CLIENT_CONFIG_FILE={cloud.state.clouds_yaml}  OS_CLOUD=demo")
    print(f"  or: . {cloud.state.openrc('demo')}")


def _down(options: argparse.Namespace) -> None:
    print("ended:", ", ".join(Cloud(options.dir).down()) or "nothing was running")


def _status(options: argparse.Namespace) -> int:
    cloud = Cloud.load(options.dir)
    _print_status(cloud)
    return 0 if all(status.pid for status in cloud.status()) else 3


def _one(options: argparse.Namespace) -> None:
    cloud = Cloud.load(options.dir)
    getattr(cloud, options.command)(options.process)
    _print_status(cloud)


def _register(options: argparse.Namespace) -> None:
    Cloud.load(options.dir).register_service(options.type, options.name, dict(options.endpoint))


def _print_status(cloud: Cloud) -> None:
    for status in cloud.status():
        state = f"pid {status.pid}" if status.pid else "down"
        print(f"  {status.process:<20} {status.url:<24} {state}")


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="minicloud", description=minicloud.__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    home = argparse.ArgumentParser(add_help=False)
    home.add_argument("--home", type=Path, help="where the services are (.minicloud)")
    state = argparse.ArgumentParser(add_help=False)
    state.add_argument(
        "--dir", type=Path, default=DEFAULT_STATE, help="the cloud's files (.minicloud/cloud)"
    )

    command = commands.add_parser("install", parents=[home], help="install what is missing")
    command.set_defaults(run=_install)
    command = commands.add_parser("up", parents=[home, state], help="start what does not run")
    command.set_defaults(run=_up)
    command.add_argument("--regions", type=region_names, help="a number or names: 3, or A,B,C")
    command.add_argument("--free-ports", action="store_true", help="not 5000, 9292, 9293, ...")
    command.add_argument("--fresh", action="store_true", help="throw away what is there")
    command = commands.add_parser("down", parents=[state], help="end everything, keep the data")
    command.set_defaults(run=_down)
    command = commands.add_parser("status", parents=[state], help="show what runs")
    command.set_defaults(run=_status)
    for name in ("stop", "start", "restart"):
        command = commands.add_parser(name, parents=[state], help=f"{name} one process")
        command.set_defaults(run=_one)
        command.add_argument("process", help="keystone or glance-REGION")
    command = commands.add_parser("register", parents=[state], help="put a service in the catalog")
    command.set_defaults(run=_register)
    command.add_argument("type")
    command.add_argument("name")
    command.add_argument("endpoint", nargs="+", type=region_and_url, metavar="REGION=URL")
    return parser


if __name__ == "__main__":
    sys.exit(main())
