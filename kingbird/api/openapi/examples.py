"""Read the examples that tests have recorded."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Example:
    """A request and its response.

    :ivar name: the name of the file without its suffix.
    :ivar request: ``method``, ``path`` and an optional ``body``.
    :ivar response: ``status`` and ``body``.
    """

    name: str
    operation: str
    summary: str
    request: dict[str, Any] = field(default_factory=dict)
    response: dict[str, Any] = field(default_factory=dict)


def read(folder: Path) -> list[Example]:
    """Return the examples in a folder, sorted by name."""
    return [
        Example(name=path.stem, **json.loads(path.read_text()))
        for path in sorted(folder.glob("*.json"))
    ]
