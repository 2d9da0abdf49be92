"""Rounds: two ways to do the same take turns, as a machine is not always as fast."""

import statistics
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def take_turns(rounds: int, *ways: Callable[[], T]) -> list[list[T]]:
    """Measure in several ways, beginning with another one in each round.

    :returns: for each way what it returned, round by round.
    """
    measured: list[list[T]] = [[] for _ in ways]
    for number in range(rounds):
        for step in range(len(ways)):
            index = (number + step) % len(ways)
            measured[index].append(ways[index]())
    return measured


def median(seconds: Sequence[float]) -> float:
    """Return the middle one."""
    return statistics.median(seconds)


def spread(seconds: Sequence[float]) -> str:
    """Say what was measured: the median, and the least and the most."""
    if len(seconds) == 1:
        return f"{seconds[0]:.2f} s"
    return f"{median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
