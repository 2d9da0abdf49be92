"""The command line: python3 -m demo [up|down]."""

from __future__ import annotations

import argparse
import io
import signal
import sys
from collections.abc import Sequence

from minicloud.errors import MinicloudError

import demo
from demo.errors import DemoError
from demo.stage import INTERRUPTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    :returns: the exit status: 0, 1 if a check failed, 130 if interrupted.
    """
    options = _parser().parse_args(arguments)
    # A signal must also end the processes that the command has started.
    for number in INTERRUPTS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A reader of a pipe should see the progress too.
        sys.stdout.reconfigure(line_buffering=True)
    try:
        return int(_run(options) or 0)
    except (DemoError, MinicloudError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int | None:
    # The imports are late because `down` has to work where nothing is installed.
    if options.command == "down":
        from demo import play

        return play.down()
    if options.command == "up":
        from demo import play

        return play.up(options.free_ports)
    from demo import show

    return show.run()


def _interrupt(*_: object) -> None:
    # Only once: a second Ctrl-C could interrupt the clean-up between two processes.
    for number in INTERRUPTS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="demo", description=demo.__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("show", help="start, sync six images, compare, stop (the default)")
    up = commands.add_parser("up", help="start a cloud and Kingbird, and leave them running")
    up.add_argument("--free-ports", action="store_true", help="not 5000, 9292, ... and 8118")
    commands.add_parser("down", help="end what `up` started; the data stay")
    return parser


if __name__ == "__main__":
    sys.exit(main())
