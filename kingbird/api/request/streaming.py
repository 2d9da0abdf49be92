"""Send a long list as one JSON document, in parts, so that it is never in memory as a whole.

An error in the middle cuts the document short, so that no client can take it for complete.
"""

import json
from collections.abc import Iterator
from itertools import chain
from typing import Any

JSON = dict[str, Any]


def join(parts: Iterator[JSON]) -> Iterator[bytes]:
    """Yield the text of one response with the entries of all parts.

    :param parts: responses, whose first field holds the entries.  The other fields are those of
        the first part.
    """
    first = next(parts)
    name, *others = first
    rest = {other: first[other] for other in others}
    yield f'{{"{name}": ['.encode()
    separator = ""
    for part in chain((first,), parts):
        if part[name]:
            yield f"{separator}{json.dumps(part[name])[1:-1]}".encode()
            separator = ", "
    yield f"], {json.dumps(rest)[1:]}".encode()
