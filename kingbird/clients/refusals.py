"""Say what is wrong with a region that refuses a call, and what to look at.

The statuses of a list are told apart, because the same request works in every sound region.
Glance's own words about a record are enough, except for a token that it does not accept.
"""

import html
import json
import re
from typing import Any

import requests

from kingbird.text import clean

#: The bytes of an answer that are looked at.
MAX_BYTES = 65536
#: The maximum length of a service's own words.
MAX_WORDS = 1000
#: Statuses of an address that belongs to another service, or to another path of the same one.
WRONG_ADDRESS = frozenset({404, 405, *range(300, 400)})
#: The status with which a Glance sends its list of versions.
VERSIONS = 300


def words_of(response: requests.Response) -> str:
    """Return the text of an error without HTML and JSON, or its status."""
    # response.text would guess the encoding, which is slow and logs.
    text = response.content[:MAX_BYTES].decode("utf-8", "replace")
    try:
        text = _sentence_in(json.loads(text))
    except (ValueError, RecursionError):
        text = re.sub(r"(?is)<head.*?</head>|<title.*?</title>|<h1.*?</h1>", " ", text)
    text = html.unescape(re.sub(r"<[^>]*>", " ", text))
    return clean(text.strip(), MAX_WORDS) or f"HTTP {response.status_code}"


def _sentence_in(body: Any) -> str:
    """Return the sentence of an error in the forms that OpenStack's services have."""
    if isinstance(body, str):
        return body
    if isinstance(body, dict):
        for name in ("message", "detail", "faultstring"):
            if isinstance(body.get(name), str):
                return str(body[name])
        body = list(body.values())
    if isinstance(body, list):
        parts = (_sentence_in(part) for part in body if isinstance(part, (dict, list)))
        return next(filter(None, parts), "")
    return ""


def answer_of(status: int, words: str) -> str:
    """Return a status, with the service's own words if it had any."""
    answer = f"HTTP {status}"
    return answer if words in ("", answer) else f"{answer}: {words}"


def explain(region: str, status: int, words: str, *, is_list: bool) -> str:
    """Return a sentence about a refused call.

    :param words: the service's own words; see :func:`words_of`.
    :param is_list: True if the call lists images.
    """
    answer = answer_of(status, words)
    if status == 401:
        return (
            f"The image service of region {region} does not accept the token ({answer}). If "
            "other regions accept it, this one has another Keystone, or may not reach it: compare "
            "[keystone_authtoken] in its glance-api.conf"
        )
    if not is_list:
        return words
    if status == 403:
        return (
            f"The image service of region {region} does not let the user list images "
            f"({answer}): look at get_images in its policy"
        )
    if status in WRONG_ADDRESS:
        return (
            f"At the image endpoint of region {region} in the service catalog there is no image "
            f"API v2 ({answer}): correct the endpoint's URL"
        )
    return (
        f"The image service of region {region} refuses to list images ({answer}): its release "
        "may be too old, or its log says more"
    )
