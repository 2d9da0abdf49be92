"""Exit codes of the commands, for scripts."""

import argparse
import sys
from typing import NoReturn

#: Success.  If a command waits for a job, no item of it failed.
OK = 0
#: The usage is wrong, the API returned an error, or a service could not be reached.
ERROR = 1
#: The job, or a part of it, failed.  For commands that compare: something could not be compared.
FAILURE = 2
#: The job was cancelled.
CANCELLED = 3
#: The job did not end in time.
TIMEOUT = 4
#: A command with ``--exit-code`` found something that is not in order.
DIFFERENT = 5

_OF_JOB = {"SUCCESS": OK, "FAILURE": FAILURE, "CANCELLED": CANCELLED, "IN_PROGRESS": TIMEOUT}


def for_status(status: str) -> int:
    """Return the exit code for a job's status after waiting."""
    return _OF_JOB.get(status, ERROR)


def set_usage_error(parser: argparse.ArgumentParser) -> None:
    """Make wrong usage exit with :data:`ERROR`, because argparse's 2 means a failed job here."""

    def error(message: str) -> NoReturn:
        parser.print_usage(sys.stderr)
        parser.exit(ERROR, f"{parser.prog}: error: {message}\n")

    parser.error = error  # type: ignore[method-assign]
