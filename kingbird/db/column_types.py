"""Columns for text of strangers: whatever is stored in them, each database takes it.

PostgreSQL refuses NUL, MariaDB and MySQL refuse halves of surrogate pairs in JSON, and each
refuses a text that is longer than its column.  MySQL's TEXT ends at 65,535 bytes, and a character
has up to four.
"""

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from kingbird.text import clean


class CleanText(sa.types.TypeDecorator[str]):
    """Sentences for a person, as one line without control characters.

    :param limit: the maximum of characters.
    """

    impl = sa.Text
    cache_ok = True

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        """Clean and shorten a text that is to be stored."""
        return None if value is None else clean(value, self.limit)


class CleanJSON(sa.types.TypeDecorator[Any]):
    """JSON whose texts hold whole characters.

    :param limit: the maximum of characters of the JSON, or ``None``.  A server drops the
        connection on which it gets a statement that is too large.
    """

    impl = sa.JSON
    cache_ok = True

    def __init__(self, *, none_as_null: bool = False, limit: int | None = None) -> None:
        super().__init__(none_as_null=none_as_null)
        self.none_as_null = none_as_null
        self.limit = limit

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any]:
        """Return a function that writes a value as JSON.

        It raises ValueError if the JSON is too long, so that the row is not sent.
        """
        serialize: Any = super().bind_processor(dialect)

        def bind(value: Any) -> Any:
            text = serialize(value)
            if not isinstance(text, str):
                return text
            if self.limit is not None and len(text) > self.limit:
                raise ValueError(f"JSON of {len(text)} characters is too long")
            # Surrogates are escaped in ASCII, like this: \ud83d\udc26.
            return _with_whole_characters(text) if "\\ud" in text else text

        return bind


def _with_whole_characters(text: str) -> str:
    """Replace lone surrogates in JSON; pairs stay."""
    spelled = json.dumps(json.loads(text), ensure_ascii=False)
    whole = spelled.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.dumps(json.loads(whole))


def fit(table: Any, row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose texts fit into the columns of a table."""
    lengths = {column.name: getattr(column.type, "length", None) for column in table.c}

    def fitting(value: Any, length: int | None) -> Any:
        return clean(value, length) if isinstance(value, str) and length else value

    return {name: fitting(value, lengths.get(name)) for name, value in row.items()}
