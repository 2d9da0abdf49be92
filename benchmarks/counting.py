"""Run a program of Kingbird that counts its database statements.

The counts are in a file that other processes read at any moment.
"""

import importlib
import mmap
import struct
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

_FORM = struct.Struct("QQQQ")


class Counted(NamedTuple):
    """The database calls of a program since its start.

    :ivar ended: commits and rollbacks, each of which is a call too.
    :ivar connections: new connections.
    :ivar bytes: characters of the statements and of their parameters, which is about what is sent.
    """

    statements: int
    ended: int
    connections: int
    bytes: int

    def since(self, before: "Counted") -> "Counted":
        """Return the difference to an earlier count."""
        return Counted(*(now - then for now, then in zip(self, before, strict=True)))


def command(file: Path, name: str) -> tuple[str, ...]:
    """Return the command that runs a program, such as ``engine``, with its count in a file."""
    file.write_bytes(_FORM.pack(0, 0, 0, 0))
    return sys.executable, "-m", "benchmarks.counting", str(file), name


def read(file: Path) -> Counted:
    """Return the present count of a program."""
    return Counted(*_FORM.unpack(file.read_bytes()))


def main() -> None:
    """Run the program that the arguments name, with the arguments after it."""
    file, name = sys.argv[1:3]
    sys.argv[1:] = sys.argv[3:]
    # The program sets up its concurrency when it is imported, before anything else.
    program: Any = importlib.import_module(f"kingbird.cmd.{name}")
    sa: Any = importlib.import_module("sqlalchemy")

    lock = threading.Lock()
    with Path(file).open("r+b") as opened:
        shared = mmap.mmap(opened.fileno(), _FORM.size)

    def add(**numbers: int) -> None:
        # A process that the program forks goes on with the same count.
        with lock:
            counts = Counted(*_FORM.unpack_from(shared))
            changed = {name: getattr(counts, name) + number for name, number in numbers.items()}
            _FORM.pack_into(shared, 0, *counts._replace(**changed))

    def count_statement(_: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        add(statements=1, bytes=len(statement) + len(str(parameters)))

    sa.event.listen(sa.Engine, "before_cursor_execute", count_statement)
    for end in ("commit", "rollback"):
        sa.event.listen(sa.Engine, end, lambda *_: add(ended=1))
    sa.event.listen(sa.pool.Pool, "connect", lambda *_: add(connections=1))
    program.main()


if __name__ == "__main__":
    main()
