"""Run alternatives in turns, because a machine's speed varies."""

import statistics
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")


def take_turns(rounds: int, *ways: Callable[[], T]) -> list[list[T]]:
    """Measure alternatives, and begin with another one in each round.

    :returns: for each alternative its results by round.
    """
    measured: list[list[T]] = [[] for _ in ways]
    for number in range(rounds):
        for step in range(len(ways)):
            index = (number + step) % len(ways)
            measured[index].append(ways[index]())
    return measured


def median(seconds: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(seconds)


def spread(seconds: Sequence[float]) -> str:
    """Return the median, the minimum and the maximum as a text."""
    if len(seconds) == 1:
        return f"{seconds[0]:.2f} s"
    return f"{median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})"
