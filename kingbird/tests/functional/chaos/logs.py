"""Checks logs for tokens and for faults of Kingbird itself."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from kingbird.tests.functional.proxy import Call

TOKEN_HEADERS = ("X-Auth-Token", "X-Subject-Token", "X-Service-Token")
#: The part of a token to search for.  All tokens begin alike.
PIECE = slice(24, 72)

#: Last lines of tracebacks that a log may contain, as expressions, with the reason.
LISTED: dict[str, str] = {
    r"^oslo_messaging\._drivers\.amqpdriver: .*DuplicateMessageError": (
        "A broker delivers a message again after a broken connection, and oslo.messaging skips it"
    ),
}

_BEGIN = "Traceback (most recent call last):"
#: The prefix of oslo.log before each line of a traceback.
_PREFIX = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \d+ [A-Z]+ (\S+) ?")


class Logs:
    """Returns new text of logs since the previous check."""

    def __init__(self) -> None:
        self._seen: dict[Path, int] = {}

    def news(self, logs: Iterable[Path]) -> dict[Path, str]:
        """Return the new text of some logs."""
        found = {}
        for log in logs:
            with log.open("rb") as file:
                file.seek(self._seen.get(log, 0))
                text = file.read()
                self._seen[log] = file.tell()
            found[log] = text.decode("utf-8", "replace")
        return found


def tokens(calls: Iterable[Call]) -> set[str]:
    """Return the tokens in calls and in their responses."""
    return {
        value
        for call in calls
        for name, value in (*call.headers.items(), *call.answered.items())
        if name.title() in TOKEN_HEADERS
    }


def tracebacks(text: str) -> Iterator[str]:
    """Yield the logger and the last line of each traceback: the exception and its message."""
    lines = iter(text.splitlines())
    for line in lines:
        if _BEGIN not in line:
            continue
        prefix = _PREFIX.match(line)
        logger = prefix[1] if prefix else "nobody"
        for following in lines:
            said = _PREFIX.sub("", following)
            if said and not said.startswith(" "):
                yield f"{logger}: {said}"
                break


def complaints(news: dict[Path, str], seen: set[str]) -> list[str]:
    """Describe the forbidden content of logs.

    :param seen: the tokens that were used meanwhile.
    """
    found = []
    for log, text in news.items():
        if any(token[PIECE] in text for token in seen if len(token) >= PIECE.stop):
            found.append(f"a token is in {log.name}")
        for said, times in Counter(tracebacks(text)).items():
            if not any(re.search(pattern, said) for pattern in LISTED):
                found.append(f"a traceback is in {log.name}, {times} times, by {said[:300]}")
    return found
