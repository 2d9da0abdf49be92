"""The result of a fault."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Result:
    """The result of a fault.

    :ivar seconds: the time after the fault until every region had an outcome again.
    :ivar problems: all violations, in words.
    """

    fault: str
    seed: int
    lost: int
    doubled: int
    stuck: int
    seconds: float
    problems: tuple[str, ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        lines = [f"{self.fault}, seed {self.seed}:", *self.problems]
        return "\n  ".join([*lines, *(f"({note})" for note in self.notes)])


def some(found: list[str], most: int = 5) -> list[str]:
    """Return the first few of many findings and the number of the others."""
    return [*found[:most], *([f"and {len(found) - most} more"] if len(found) > most else [])]
