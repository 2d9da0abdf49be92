"""Quote untrusted text in error messages and logs."""

import json
import re
from typing import Any

#: The maximum of characters that a message quotes.
MAX_QUOTED = 80
#: Control characters and lone surrogates.
CONTROL = re.compile("[\0-\x1f\x7f-\x9f\ud800-\udfff]")


def quote(value: Any) -> str:
    """Return a value as JSON in ASCII, shortened to :data:`MAX_QUOTED` characters."""
    text = json.dumps(value[: MAX_QUOTED + 1] if isinstance(value, str) else value, default=repr)
    return text if len(text) <= MAX_QUOTED else f"{text[: MAX_QUOTED - 3]}..."
