"""What must not be in a log: tokens, and faults of Kingbird's own."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from kingbird.tests.functional.proxy import Call

TOKEN_HEADERS = ("X-Auth-Token", "X-Subject-Token", "X-Service-Token")
#: Characters of a token's middle that are looked for; all tokens begin alike.
PIECE = slice(24, 72)

#: What a traceback that may be in a log says, as an expression, and why it may.
LISTED: dict[str, str] = {}

_BEGIN = "Traceback (most recent call last):"
#: What oslo.log puts before each line of a traceback.
_PREFIX = re.compile(r"^\d{4}-\d\d-\d\d [\d:.]+ \d+ [A-Z]+ (\S+) ?")


class Logs:
    """Looks at what was written since it looked last."""

    def __init__(self) -> None:
        self._seen: dict[Path, int] = {}

    def news(self, logs: Iterable[Path]) -> dict[Path, str]:
        """Return what is new in some logs."""
        found = {}
        for log in logs:
            with log.open("rb") as file:
                file.seek(self._seen.get(log, 0))
                text = file.read()
                self._seen[log] = file.tell()
            found[log] = text.decode("utf-8", "replace")
        return found


def tokens(calls: Iterable[Call]) -> set[str]:
    """Return the tokens that came with some calls, or with their answers."""
    return {
        value
        for call in calls
        for name, value in (*call.headers.items(), *call.answered.items())
        if name.title() in TOKEN_HEADERS
    }


def tracebacks(text: str) -> Iterator[str]:
    """Yield who logged a traceback, and its last line: the exception and what it says."""
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
    """Say what is in logs that should not be.

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
