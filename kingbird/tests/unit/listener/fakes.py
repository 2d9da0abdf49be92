"""A database of marks that can be away, in place of the real one."""

import threading
from collections.abc import Collection, Sequence
from typing import Any

from kingbird import exception


class FakeDatabase:
    """Stand for ``kingbird.db.api`` where a listener uses it.

    :ivar error: raised by each call while it is set.
    """

    def __init__(self, *rules: Any) -> None:
        self.rules = list(rules)
        self.marks, self.listeners, self.rule_runs = self, self, self
        self.added: list[tuple[int, str]] = []
        self.cleared: list[tuple[str, frozenset[int]]] = []
        self.full_runs: list[str] = []
        self.beats: list[dict[str, Any]] = []
        self.gone: list[str] = []
        self.reads = 0
        self.error: Exception | None = None
        self.asked = threading.Event()

    def go_away(self) -> None:
        self.error = exception.Unavailable("The database can't be used at the moment")

    def _call(self) -> None:
        self.asked.set()
        if self.error is not None:
            raise self.error

    def fingerprint(self) -> tuple[Any, ...]:
        self._call()
        return tuple(rule.pk for rule in self.rules)

    def rules_to_match(self) -> Sequence[Any]:
        self._call()
        self.reads += 1
        return list(self.rules)

    def add(self, pairs: Collection[tuple[int, str]], *, settle: float) -> int:
        self._call()
        new = set(pairs) - set(self.added)
        self.added += sorted(new)
        return len(new)

    def clear(self, image_id: str, rule_pks: Collection[int]) -> int:
        self._call()
        self.cleared.append((image_id, frozenset(rule_pks)))
        return 1

    def full_run_due(self, region: str) -> int:
        self._call()
        self.full_runs.append(region)
        return 1

    def beat(self, listener_id: str, **values: Any) -> None:
        self._call()
        self.beats.append({"id": listener_id, **values})

    def deregister(self, listener_id: str) -> None:
        self._call()
        self.gone.append(listener_id)
