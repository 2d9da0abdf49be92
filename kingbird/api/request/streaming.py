"""Send a long list as one JSON document, in parts, so that it is never in memory as a whole.

An error in the middle cuts the document short, so that no client can take it for complete.
"""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

JSON = dict[str, Any]

#: The field of a response that holds a list's entries.
ENTRIES = "job_set"


def join(parts: Iterator[JSON]) -> Iterator[bytes]:
    """Yield the text of one response with the entries of all parts.

    :param parts: responses.  The other fields are those of the first.
    """
    first = next(parts)
    rest = {name: value for name, value in first.items() if name != ENTRIES}
    yield f'{{"{ENTRIES}": ['.encode()
    separator = ""
    for part in chain((first,), parts):
        if part[ENTRIES]:
            yield f"{separator}{json.dumps(part[ENTRIES])[1:-1]}".encode()
            separator = ", "
    yield f"], {json.dumps(rest)[1:]}".encode()
