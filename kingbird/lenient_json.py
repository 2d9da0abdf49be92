"""JSON fast, and of whatever text: half a surrogate pair, which a name can hold, is no Unicode.

orjson takes a fraction of the time, and refuses what the standard library takes.
"""

import json
from typing import Any

import orjson


def loads(body: bytes) -> Any:
    """Parse JSON.

    :raises ValueError: it is none, or nested deeper than anything sound is.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            return json.loads(body)
        except RecursionError as error:
            raise ValueError("JSON that is nested too deep") from error


def dumps(value: Any) -> bytes:
    """Write JSON without line breaks."""
    try:
        return orjson.dumps(value)
    except orjson.JSONEncodeError:
        return json.dumps(value).encode()
