"""The command line: python -m dashboard_run COMMAND."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from demo.errors import DemoError
from demo.stage import INTERRUPTS, RUN, Stage
from minicloud.accounts import PASSWORD
from minicloud.errors import MinicloudError

from dashboard_run import chromium
from dashboard_run.environment import PLUGIN, Environment
from dashboard_run.horizon import Horizon

_PREFIX = "dashboard-test-"
_PICTURES = PLUGIN.parent / "doc" / "source" / "images"
_TESTS = PLUGIN / "kingbird_dashboard" / "test"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    :returns: the exit status: 0, 1 after a failure, 130 if interrupted.
    """
    options = _parser().parse_args(arguments)
    for number in INTERRUPTS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        return int(options.run(options) or 0)
    except (DemoError, MinicloudError, chromium.BrowserMissing) as error:
        print(f"dashboard_run: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        print(f"dashboard_run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("dashboard_run: interrupted", file=sys.stderr)
        return 130


def _horizon(prefix: str = "", release: str = "newest") -> Horizon:
    return Horizon(RUN / f"{prefix}horizon", Environment(release))


def _install(_options: argparse.Namespace) -> None:
    """Install Horizon with the plugin, and make its static files."""
    from dashboard_run import static_files

    environment = Environment()
    environment.install()
    static_files.collect(environment)


def _up(options: argparse.Namespace) -> int:
    """Start what does not run, and print where to look."""
    from demo import play

    from dashboard_run import scene

    began = time.monotonic()
    Environment().install()
    code = play.up(options.free_ports)
    if code:
        return code
    stage, horizon = Stage(), _horizon()
    horizon.start(stage.cloud.auth_url, free_ports=options.free_ports)
    scene.put(stage.cloud, stage.service.url)
    print(f"\nHorizon is up after {time.monotonic() - began:.0f} s. Look at it as\n")
    for user, what in (
        ("demo", "a member of the project demo"),
        ("reader", "a reader of the same project, who sees no buttons"),
        ("admin", "an admin, with Admin > Compute > Image Sync"),
    ):
        print(f"  {user:<8} password {PASSWORD:<8} {what}")
    print(f"\nat {horizon.url} (domain: Default). `make down` stops everything.")
    return 0


def _down(_options: argparse.Namespace) -> None:
    if _horizon().stop():
        print("ended: horizon")


def _kingbird(options: argparse.Namespace) -> None:
    """Stop or start the Kingbird of a stage, for a test."""
    stage = Stage(options.prefix, free_ports=True)
    if options.what == "stop":
        stage.service.stop()
    else:
        stage.start()


@contextlib.contextmanager
def _staged(pictures: bool = False) -> Iterator[tuple[Environment, Stage, Path]]:
    """Start a cloud of its own with Kingbird and Horizon, and stop it at the end of the block.

    :param pictures: show no hostile names, and renew the pictures of the documentation.
    :yields: Horizon's environment, the cloud with Kingbird, and a file that tells about them.
    """
    from dashboard_run import scene

    environment = Environment()
    environment.install()
    browser = chromium.find()
    stage, horizon = Stage(_PREFIX, free_ports=True), _horizon(_PREFIX)
    began = time.monotonic()
    try:
        stage.start(fresh=True)
        horizon.start(stage.cloud.auth_url, free_ports=True)
        scene.put(stage.cloud, stage.service.url, hostile=not pictures)
        print(f"[{time.monotonic() - began:3.0f} s] a cloud, Kingbird and Horizon are up")
        about = {
            "url": horizon.url,
            "auth_url": stage.cloud.auth_url,
            "kingbird": stage.service.url,
            "glances": stage.cloud.glance_urls,
            "regions": stage.cloud.regions,
            "projects": stage.cloud.projects,
            "password": PASSWORD,
            "browser": str(browser),
            "sessions": str(horizon.folder / "sessions"),
            "pids": {one.process: one.pid for one in stage.cloud.status()},
            "hostile": scene.HOSTILE,
            "pictures": str(_PICTURES if pictures else RUN / f"{_PREFIX}pictures"),
            "control": [sys.executable, "-m", "dashboard_run", "kingbird", "--prefix", _PREFIX],
        }
        file = horizon.folder / "about-tests.json"
        file.write_text(json.dumps(about))
        yield environment, stage, file
    finally:
        horizon.stop()
        stage.stop()


def _test(options: argparse.Namespace) -> int:
    """Run the browser's tests."""
    chosen = ("-k", "pictures") if options.pictures else options.arguments
    with _staged(options.pictures) as (environment, _stage, file):
        return subprocess.run(
            (
                *(str(environment.python), "-m", "pytest", "-p", "no:django"),
                *(str(_TESTS / "browser"), *chosen),
            ),
            check=False,
            cwd=PLUGIN,
            # The tests stop and start Kingbird by this program.
            env={
                **os.environ,
                "KINGBIRD_DASHBOARD": str(file),
                "PYTHONPATH": str(PLUGIN.parent / "tools"),
            },
        ).returncode


def _scale(_options: argparse.Namespace) -> int:
    """Measure the first screen with many regions and states."""
    from dashboard_run import scale

    with _staged() as (environment, stage, file):
        scale.fill(stage)
        script = _TESTS / "browser" / "first_paint.py"
        found = scale.measure(environment.python, script, file)
    print(f"{scale.REGIONS} regions, {scale.ROWS:,} states stored, median of five looks:")
    for name, value in found.items():
        print(f"  {name:<12} {value:,.2f}" + ("" if name == "cells" else " s"))
    return 0 if found["first_paint"] <= scale.BOUND else 1


def _unit(options: argparse.Namespace) -> int:
    """Run the plugin's unit tests with a release of Horizon."""
    environment = Environment(options.release)
    environment.install()
    return subprocess.run(
        (str(environment.python), "-m", "pytest", str(_TESTS / "unit"), *options.arguments),
        check=False,
        cwd=PLUGIN,
    ).returncode


def _policies(_options: argparse.Namespace) -> None:
    """Write the default policies of the plugin."""
    from dashboard_run import policies

    policies.write()


def _interrupt(*_: object) -> None:
    # Only once: a second Ctrl-C could interrupt the clean-up between two processes.
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dashboard_run", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    install = commands.add_parser("install", help="install Horizon with the plugin")
    install.set_defaults(run=_install)
    up = commands.add_parser("up", help="start a cloud, Kingbird and Horizon")
    up.set_defaults(run=_up)
    up.add_argument("--free-ports", action="store_true", help="not 5000, 9292, ..., 8118, 8080")
    commands.add_parser("down", help="end Horizon").set_defaults(run=_down)
    test = commands.add_parser("test", help="run the tests with a browser")
    test.set_defaults(run=_test)
    test.add_argument("--pictures", action="store_true", help="renew those of the documentation")
    test.add_argument("arguments", nargs="*", help="arguments of pytest, after --")
    scale = commands.add_parser("scale", help="measure the first screen with 100 regions")
    scale.set_defaults(run=_scale)
    unit = commands.add_parser("unit", help="run the unit tests of the plugin")
    unit.set_defaults(run=_unit)
    unit.add_argument("--release", default="newest", choices=("newest", "oldest"))
    unit.add_argument("arguments", nargs="*", help="arguments of pytest, after --")
    policies = commands.add_parser("policies", help="write the plugin's default policies")
    policies.set_defaults(run=_policies)
    kingbird = commands.add_parser("kingbird", help="stop or start the Kingbird of a stage")
    kingbird.set_defaults(run=_kingbird)
    kingbird.add_argument("--prefix", default="")
    kingbird.add_argument("what", choices=("stop", "start"))
    return parser


if __name__ == "__main__":
    sys.exit(main())
