"""Collects the secrets of a run and everything that must not contain them.

The single :data:`WATCH` collects nothing until a run begins.  Proxies, API clients and deployments
all report to it.
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
    """The secrets and texts of a test run so far.

    :ivar secrets: the tokens, passwords and trusts that existed.
    """

    def __init__(self) -> None:
        self.secrets = Secrets()
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._logs: list[Path] = []

    @property
    def is_on(self) -> bool:
        """Return True while the watch collects."""
        return self._folder is not None

    def begin(self, folder: Path) -> None:
        """Collect from now on.

        :param folder: a folder for copies of texts that would be gone at the end.
        """
        self._folder = folder
        self.secrets = Secrets()
        self._logs = []

    def end(self) -> None:
        """Stop collecting."""
        self._folder = None

    def called(self, call: "Call", answer: "Answer") -> None:
        """Collect the secrets of a call that Kingbird made."""
        if self._folder is not None:
            self.secrets.see_call(call, answer)

    def token(self, value: str | None) -> None:
        """Add a token that Kingbird was given."""
        if self._folder is not None and value and len(value) > 20:
            self.secrets.add(TOKEN, value)

    def answered(self, headers: Mapping[str, str], body: bytes) -> None:
        """Keep a response of Kingbird, or the output of a client."""
        text = body.decode("utf-8", "replace")
        self._keep("answers", [f"{name}: {value}" for name, value in headers.items()] + [text])

    def ended(self, config: Path, logs: Iterable[Path], rows: Mapping[str, Any]) -> None:
        """Keep the configuration, logs and rows of a deployment that has ended.

        :param rows: the rows of the database, by table.
        """
        if self._folder is None:
            return
        parser = configparser.RawConfigParser(default_section="no section stands for all")
        parser.read(config)
        self.secrets.see_config({name: dict(parser[name]) for name in parser.sections()})
        self._logs += logs
        # JSON would escape strings that are not ASCII.
        self._keep("rows", [json.dumps(rows, default=str, ensure_ascii=False)])

    def _keep(self, name: str, lines: Iterable[str]) -> None:
        if self._folder is None:
            return
        with self._lock, (self._folder / name).open("a", errors="replace") as file:
            file.writelines(f"{line}\n" for line in lines)

    @property
    def logs(self) -> list[Path]:
        """Return the logs of the deployments that have ended."""
        return list(dict.fromkeys(self._logs))

    def found(self) -> list[str]:
        """Return the places of leaked secrets.

        The id of a trust may be in the database, because engines need it.
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
