"""Finds tokens, passwords and trusts in calls and configuration, and remembers them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from kingbird.tests.functional.proxy import Answer, Call


TOKEN, PASSWORD, TRUST = "token", "password", "trust id"

_TOKEN_HEADERS = frozenset({"x-auth-token", "x-subject-token", "x-service-token"})
_TRUST_PATH = re.compile(r"/OS-TRUST/trusts/([0-9a-f]{32})\b")
#: Options whose values are passwords, and options whose values are URLs that may hold one.
_PASSWORD_OPTIONS = frozenset({"password"})
_URL_OPTIONS = frozenset({"connection", "transport_url"})
#: Values that are too short or too common to search for.  If no RabbitMQ user can be made, the
#: tests use `guest`, whose password is its name.
SHORTEST = 6
ORDINARY = frozenset({"guest", "rabbit", "secret", "password", "nonsense"})


class Secrets:
    """All secrets of a run, by kind."""

    def __init__(self) -> None:
        self._kinds: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, kind: str, value: Any) -> None:
        """Remember a secret, unless its value is common."""
        if not isinstance(value, str) or len(value) < SHORTEST or value in ORDINARY:
            return
        if kind == TOKEN and not value.isprintable():
            return
        self._kinds.setdefault(value, kind)

    def of(self, *kinds: str) -> dict[str, str]:
        """Return the secrets of some kinds, each with its kind."""
        # Other threads may add secrets meanwhile.
        return {value: kind for value, kind in [*self._kinds.items()] if kind in kinds}

    def see_config(self, options: Mapping[str, Mapping[str, Any]]) -> None:
        """Remember the secrets of a configuration, given by section and option."""
        for section in options.values():
            for name, value in section.items():
                if name in _PASSWORD_OPTIONS:
                    self.add(PASSWORD, value)
                elif name in _URL_OPTIONS:
                    password = urlsplit(str(value)).password
                    self.add(PASSWORD, unquote(password) if password else None)

    def see_call(self, call: "Call", answer: "Answer") -> None:
        """Remember the secrets in a call to Keystone or Glance and in its response."""
        for name, value in (*call.headers.items(), *answer.headers):
            if name.lower() in _TOKEN_HEADERS and len(value) > 20:
                self.add(TOKEN, value)
        for trust in _TRUST_PATH.findall(call.path):
            self.add(TRUST, trust)
        if call.path.endswith("/OS-TRUST/trusts"):
            for trust in _trusts(_parsed(answer.body)):
                self.add(TRUST, trust.get("id"))
        elif call.path.endswith("/auth/tokens"):
            self._see_authentication(_parsed(call.body), _parsed(answer.body))

    def _see_authentication(self, asked: Any, answered: Any) -> None:
        for found in _walk([asked, answered]):
            self.add(PASSWORD, found.get("password"))
            self.add(PASSWORD, found.get("secret"))
            trust = found.get("OS-TRUST:trust")
            if isinstance(trust, dict):
                self.add(TRUST, trust.get("id"))


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _trusts(answer: Any) -> Iterable[dict[str, Any]]:
    if not isinstance(answer, dict):
        return []
    return [*answer.get("trusts", []), answer.get("trust") or {}]


def _walk(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from _walk(each)
