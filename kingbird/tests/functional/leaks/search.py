"""Searches texts of any length for many secrets at once."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import ahocorasick

#: The number of characters that are read at a time.
CHUNK = 1 << 22


def search(secrets: Mapping[str, str], files: Iterable[Path]) -> Iterator[str]:
    """Yield each file and kind of secret once, without the secret itself.

    :param secrets: the kind of each secret.
    :raises FileNotFoundError: a file is gone and cannot be searched.
    """
    if not secrets:
        return
    automaton = ahocorasick.Automaton()
    for secret, kind in secrets.items():
        automaton.add_word(secret, (kind, len(secret)))
    automaton.make_automaton()
    longest = max(map(len, secrets))
    for path in files:
        yield from sorted(
            {
                f"a {kind} is in {path}, as in: {near}"
                for kind, near in _first(automaton, path, longest)
            }
        )


def _first(
    automaton: ahocorasick.Automaton, path: Path, longest: int
) -> Iterator[tuple[str, str]]:
    """Yield the kinds of secrets in a file, each with the text before the first one."""
    seen = set()
    kept = ""
    with path.open(encoding="utf-8", errors="replace") as file:
        while piece := file.read(CHUNK):
            text = kept + piece
            for end, (kind, length) in automaton.iter(text):
                if kind not in seen:
                    seen.add(kind)
                    start = end - length + 1
                    yield kind, repr(text[max(0, start - 120) : start])
            kept = text[-longest:]
