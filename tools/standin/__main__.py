"""The command line: python -m standin."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

# The rules of Glance come from the unit tests' double.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal or the end of standard input."""
    from minicloud.__main__ import region_names

    from kingbird.tests.doubles.glance_rules import ADMIN_ROLES, Caller
    from standin.notifications import Sender
    from standin.server import run
    from standin.tokens import Tokens

    parser = argparse.ArgumentParser(prog="standin", description="A stand-in for Glances.")
    parser.add_argument(
        "--regions", type=region_names, default="3", help="a number or names: 3, or A,B,C"
    )
    parser.add_argument("--latency", type=float, default=0.0, metavar="MS", help="of each answer")
    parser.add_argument("--port-base", type=int, default=0, help="the first port; 0 for free ones")
    parser.add_argument(
        "--project", default="standin", help="project of callers without their own"
    )
    parser.add_argument("--roles", default=",".join(ADMIN_ROLES), help="roles of such callers")
    parser.add_argument(
        "--keystone", metavar="URL", help="with /v3: it tells whose the tokens of callers are"
    )
    parser.add_argument("--token", default="", help="of an admin, with which Keystone is asked")
    parser.add_argument("--notify", metavar="URL", help="the broker to send notifications to")
    parser.add_argument("--topics", default="notifications,kingbird", help="of notifications")
    parser.add_argument("--until-stdin-ends", action="store_true")
    options = parser.parse_args(arguments)
    run(
        options.regions,
        caller=Caller(options.project, tuple(options.roles.split(","))),
        latency_ms=options.latency,
        port_base=options.port_base,
        until_stdin_ends=options.until_stdin_ends,
        sender=Sender(options.notify, options.topics.split(",")) if options.notify else None,
        tokens=Tokens(options.keystone, options.token) if options.keystone else None,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
