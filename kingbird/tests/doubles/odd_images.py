"""Images from hypothesis: texts, lengths and numbers of fields up to what Glance accepts.

Glance refuses characters outside of the Basic Multilingual Plane.  It accepts all others, control
characters included.
"""

from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Body = dict[str, Any]
T = TypeVar("T")

#: The maximum of characters in a name, a tag and the name of a property.
LENGTH = 255
#: The maximum of tags, and that of properties.
QUOTA = 128
#: The maximum of properties that leaves room for the provenance of a copy.
ROOMY = QUOTA - 3

#: Characters that mean something to a terminal, a log, a URL, a template, a database or Glance.
_MEANT = (
    "\0\a\b\t\n\r\x1b\x1f\x7f\x85\x9b\xa0\xad"
    "\u0130\u0300\u200b\u200d\u200e\u2028\u2029\u202e\u3000\ufeff\ufffd\uffff"
    " !\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~"
)
TEXTS = [
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\a",
    "\r\n2026-11-23 10:00:00.000 1 INFO kingbird [-] Job forged",
    "{}",
    "{source} {target}",
    "%s %(name)s %d %",
    "%00%0a%2e%2e%2f",
    "../../etc",
    "<script>alert(1)</script>",
    "&lt;b&gt;&amp;",
    "in:a,b",
    "eq:a",
    '"quoted, text"',
    "'; DROP TABLE items; --",
    "$(reboot)",
    "None",
    "null",
    "true",
    "*",
    "-1",
    "a~1b~0c/d",
    " blanks ",
    "\u00a0",
]
_CHARACTERS = st.one_of(
    st.sampled_from(sorted(_MEANT)),
    st.characters(max_codepoint=0x7E, min_codepoint=0x20),
    st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]),
)
#: As many bytes as a text of that many characters can have.
_WIDE = st.builds(
    lambda character, number: character * number,
    st.sampled_from("x\uffdd\x1b"),
    st.integers(LENGTH - 1, LENGTH),
)


def texts(min_size: int = 0) -> st.SearchStrategy[str]:
    """Return texts that Glance accepts for a name or a tag."""
    return st.one_of(
        st.text(_CHARACTERS, min_size=min_size, max_size=12),
        st.sampled_from(TEXTS),
        _WIDE,
    )


#: Names that mean something in an image, and are free for properties all the same.
_NAMES = [
    "os_distro",
    "hw_disk_bus",
    "architecture",
    "members",
    "is_public",
    "properties",
    "Name",
    "instance_uuid",
    "img_signature",
    "kingbird_note",
]


def property_names() -> st.SearchStrategy[str]:
    """Return names of properties.  Some are those of fields in other letters."""
    return st.one_of(st.sampled_from(_NAMES), texts())


_VALUES = st.one_of(texts(), texts(), st.text(_CHARACTERS, max_size=400))
_FORMATS = [(None, None), ("raw", "bare"), ("qcow2", "bare"), ("iso", "bare"), ("ami", "ami")]
_NUMBERS = st.sampled_from([0, 1, 512, 2**31 - 1])


def _numbered(texts: list[str], number: int) -> list[str]:
    """Return so many different texts, each as long as the longest allowed one at most."""
    return [f"{n}{texts[n % len(texts)]}"[:LENGTH] for n in range(number)]


@st.composite
def _tags(draw: st.DrawFn) -> list[str]:
    some = draw(st.lists(texts(), max_size=4, unique=True))
    many = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 6, QUOTA]))
    return _numbered(some or ["tag"], many) if many else some


@st.composite
def _properties(draw: st.DrawFn) -> dict[str, str]:
    some = draw(st.dictionaries(property_names(), _VALUES, max_size=4))
    many = draw(st.sampled_from([0, 0, 0, 0, 0, 0, 0, 120, ROOMY, QUOTA]))
    if many:
        value = draw(_VALUES)
        some = dict.fromkeys(_numbered([*some] or ["\uffdd" * LENGTH], many), value)
    return some


@st.composite
def bodies(draw: st.DrawFn) -> Body:
    """Return the body of a POST by which a member makes an image, without an id."""
    body: Body = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "name": st.none() | texts(),
                "visibility": st.sampled_from(["private", "shared", "community"]),
                "os_hidden": st.booleans(),
                "protected": st.booleans(),
                "min_disk": _NUMBERS,
                "min_ram": _NUMBERS,
                "tags": _tags(),
            },
        )
    )
    body["disk_format"], body["container_format"] = draw(st.sampled_from(_FORMATS))
    return {**draw(_properties()), **body}


def draw(strategy: st.SearchStrategy[T], number: int, seed_of_all: int) -> list[T]:
    """Return so many values of a strategy, the same ones for each seed.

    Tests put many images into one job, because a job for each would take long.
    """
    drawn: list[T] = []

    @settings(
        max_examples=number,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @seed(seed_of_all)
    @given(strategy)
    def collect(value: T) -> None:
        drawn.append(value)

    collect()
    return drawn


def _wide(value: str) -> Body:
    """Return an image with the longest texts that its drift can have."""
    names = [f"{number}".ljust(LENGTH, "\uffdd") for number in range(ROOMY)]
    return {**dict.fromkeys(names, value), "name": "\uffdd" * LENGTH}


#: Pairs of an image and its version in another region, which every test has besides drawn ones.
PAIRS: list[tuple[Body, Body]] = [
    (_wide("a"), _wide("b")),
    ({"name": "control characters", "a\0b": "1", "\x1b[31mred": "1"}, {"a\0b": "\0"}),
    ({"name": "\0"}, {"name": "\x1b]0;title\a", "tags": ["\0", "\x9b"]}),
    # A change of these properties changes other fields, or nothing.
    ({"name": "blanks", "owner ": "1", " name": "1", " ": "1", "a\u2028": "1"}, {"owner ": "2"}),
    ({"name": "attributes", "base": "1", "delete": "1", "image_id": "1"}, {"__class__": "2"}),
]
