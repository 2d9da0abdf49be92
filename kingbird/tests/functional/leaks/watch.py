"""Collects a run's secrets, and everything in which none of them may be.

There is one :data:`WATCH`, as what it is told of lies in many hands: proxies, clients of the API
and deployments.  It does nothing until a run begins.
"""

import configparser
import json
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kingbird.tests.functional.leaks.search import search
from kingbird.tests.functional.leaks.secrets_seen import PASSWORD, TOKEN, TRUST, Secrets

if TYPE_CHECKING:
    from kingbird.tests.functional.proxy import Answer, Call


class Watch:
    """What a run of tests has seen so far.

    :ivar secrets: the tokens, passwords and trusts that existed.
    """

    def __init__(self) -> None:
        self.secrets = Secrets()
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._logs: list[Path] = []

    @property
    def is_on(self) -> bool:
        """Whether anything is collected."""
        return self._folder is not None

    def begin(self, folder: Path) -> None:
        """Collect from now on.

        :param folder: a folder for what would be gone at the end.
        """
        self._folder = folder
        self.secrets = Secrets()
        self._logs = []

    def end(self) -> None:
        """Collect no more."""
        self._folder = None

    def called(self, call: "Call", answer: "Answer") -> None:
        """Look at a call that Kingbird made."""
        if self._folder is not None:
            self.secrets.see_call(call, answer)

    def token(self, value: str | None) -> None:
        """Note a token that Kingbird was given."""
        if self._folder is not None and value and len(value) > 20:
            self.secrets.add(TOKEN, value)

    def answered(self, headers: Mapping[str, str], body: bytes) -> None:
        """Keep an answer of Kingbird's, or what a program of its users printed."""
        text = body.decode("utf-8", "replace")
        self._keep("answers", [f"{name}: {value}" for name, value in headers.items()] + [text])

    def ended(self, config: Path, logs: Iterable[Path], rows: Mapping[str, Any]) -> None:
        """Note a deployment that has ended: what it was told, and what it leaves behind.

        :param rows: what is in the database, by table.
        """
        if self._folder is None:
            return
        parser = configparser.RawConfigParser(default_section="no section stands for all")
        parser.read(config)
        self.secrets.see_config({name: dict(parser[name]) for name in parser.sections()})
        self._logs += logs
        # As JSON only strings of ASCII would stay as they are.
        self._keep("rows", [json.dumps(rows, default=str, ensure_ascii=False)])

    def _keep(self, name: str, lines: Iterable[str]) -> None:
        if self._folder is None:
            return
        with self._lock, (self._folder / name).open("a", errors="replace") as file:
            file.writelines(f"{line}\n" for line in lines)

    @property
    def logs(self) -> list[Path]:
        """The logs of the deployments that have ended."""
        return list(dict.fromkeys(self._logs))

    def found(self) -> list[str]:
        """Return where a secret is that should not be there.

        A trust's id is stored, as engines need it; it is no secret in the database alone.
        """
        if self._folder is None:
            return []
        rows, answers = self._folder / "rows", self._folder / "answers"
        shown = [*self.logs, *([answers] if answers.exists() else [])]
        stored = [rows] if rows.exists() else []
        return [
            *search(self.secrets.of(TOKEN, PASSWORD), [*shown, *stored]),
            *search(self.secrets.of(TRUST), shown),
        ]


WATCH = Watch()
