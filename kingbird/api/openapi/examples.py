"""Examples of calls, as tests have recorded them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Example:
    """A call and its answer.

    :ivar name: the name of its file, without what stands behind the dot.
    :ivar operation: the operation's name.
    :ivar summary: what it shows.
    :ivar request: ``method`` and ``path``, and ``body`` if there is one.
    :ivar response: ``status``, and the ``body``.
    """

    name: str
    operation: str
    summary: str
    request: dict[str, Any] = field(default_factory=dict)
    response: dict[str, Any] = field(default_factory=dict)


def read(folder: Path) -> list[Example]:
    """Return the examples in a folder, in the order of their names."""
    return [
        Example(name=path.stem, **json.loads(path.read_text()))
        for path in sorted(folder.glob("*.json"))
    ]
