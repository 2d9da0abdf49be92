"""The changes that no unit test notices, with the reason why none has to."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mutate.mutants import Mutant

FILE = Path(__file__).with_name("survivors.toml")


@dataclass(frozen=True)
class Survivor:
    """A change that is known to survive.

    :ivar was: the lines that change, without their indentation.
    """

    path: str
    was: str
    now: str
    reason: str

    def matches(self, mutant: Mutant) -> bool:
        """Return whether a mutant is this one.  Lines move, so their text counts."""
        mine = (self.path, self.was.strip(), self.now.strip())
        return mine == (mutant.path, mutant.was, mutant.now)


def read(file: Path = FILE) -> list[Survivor]:
    """Return the survivors that a file names.

    :raises TypeError: an entry lacks one of the fields.
    """
    return [Survivor(**entry) for entry in tomllib.loads(file.read_text()).get("survivor", [])]


def is_named(mutant: Mutant, named: Sequence[Survivor]) -> bool:
    """Return whether a mutant is one of the survivors that have a reason."""
    return any(one.matches(mutant) for one in named)


def entry(mutant: Mutant) -> str:
    """Return the lines that name a mutant, once a reason is filled in."""
    quotes = '"""' if "'''" in f"{mutant.was}{mutant.now}" else "'''"
    fields = (("path", mutant.path), ("was", mutant.was), ("now", mutant.now), ("reason", ""))
    lines = [f"{name} = {quotes}\n{text}{quotes}" for name, text in fields]
    return "\n".join(["[[survivor]]", *lines])
