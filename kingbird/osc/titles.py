"""Titles of columns that are the names of the fields of the API's response."""

_SHORT = {"id": "ID", "pid": "PID"}


def titled(*fields: str) -> dict[str, str]:
    """Return columns that have the names of their fields as titles."""
    return {_SHORT.get(one, one.replace("_", " ").title()): one for one in fields}
