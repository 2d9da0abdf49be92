"""Parse and write JSON with orjson, and with the standard library where orjson refuses.

orjson is several times faster.  It refuses lone surrogates, which a name of an image can contain.
"""

import json
from typing import Any

import orjson


def loads(body: bytes) -> Any:
    """Parse JSON.

    :raises ValueError: the text is not JSON, or nested too deeply.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            return json.loads(body)
        except RecursionError as error:
            raise ValueError("JSON that is nested too deep") from error


def dumps(value: Any) -> bytes:
    """Return a value as JSON without line breaks."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value).encode()
