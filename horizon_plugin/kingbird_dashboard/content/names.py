"""Names of images, which are other people's text, so that each character can be seen.

A name may turn the text after it round (U+202E), hide itself, or end the line.  Such characters
are replaced by their pictures or their numbers.  Templates escape the rest.
"""

import unicodedata

_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def visible(name: object) -> str:
    """Return a text with its control and formatting characters shown; ``None`` is empty."""
    text = "" if name is None else str(name)
    return "".join(_shown(one) if unicodedata.category(one) in _HIDDEN else one for one in text)


def _shown(character: str) -> str:
    number = ord(character)
    # Unicode has pictures of the first 32 control characters.
    return chr(0x2400 + number) if number < 32 else f"[U+{number:04X}]"
