"""With what the commands exit, so that scripts need not read their output."""

import argparse
import sys
from typing import NoReturn

#: All is well: where a command waits for a job, no item of it failed.
OK = 0
#: The command was used wrongly, the API refused, or something could not be reached.
ERROR = 1
#: The job failed, or a part of it.
FAILURE = 2
#: The job was cancelled.
CANCELLED = 3
#: The job had not ended when the time was over.
TIMEOUT = 4
#: ``diff --exit-code`` found that the regions differ.
DIFFERENT = 5

_OF_JOB = {"SUCCESS": OK, "FAILURE": FAILURE, "CANCELLED": CANCELLED, "IN_PROGRESS": TIMEOUT}


def for_status(status: str) -> int:
    """Return what to exit with after waiting for a job that is in this state now."""
    return _OF_JOB.get(status, ERROR)


def set_usage_error(parser: argparse.ArgumentParser) -> None:
    """Let wrong usage exit with :data:`ERROR`; argparse's 2 stands for a failed job here."""

    def error(message: str) -> NoReturn:
        parser.print_usage(sys.stderr)
        parser.exit(ERROR, f"{parser.prog}: error: {message}\n")

    parser.error = error  # type: ignore[method-assign]
