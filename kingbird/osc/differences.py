"""Write the values of fields that differ, as one text or as a cell."""

import json
from collections.abc import Mapping
from typing import Any

from cliff import columns

#: The text for a field that an image does not have.
ABSENT = "(none)"

#: By field, the values of the source and of the copy in the API's form.
Differences = Mapping[str, Mapping[str, str | None]]


def describe(fields: Differences | None) -> str:
    """Return the values of fields, such as ``name: "a" -> "b"``.

    The source has the first value, and the copy the second one.
    """
    return ", ".join(
        f"{name}: {_quoted(values.get('source'))} -> {_quoted(values.get('target'))}"
        for name, values in sorted((fields or {}).items())
    )


def explain(word: str, message: str | None, fields: Differences | None) -> str:
    """Return a reason with its message and the values that differ, if there are some."""
    text = f"{word}: {message}" if message else word
    values = describe(fields)
    return f"{text}; {values}" if values else text


def _quoted(value: str | None) -> str:
    return ABSENT if value is None else json.dumps(value, ensure_ascii=False)


class DifferencesColumn(columns.FormattableColumn[Any]):
    """A cell with the fields that differ; programs get both values of each."""

    def human_readable(self) -> str:
        """Return the values as text."""
        return describe(self._value)
