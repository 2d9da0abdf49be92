"""Read a body completely, or refuse it with a message."""

import io
import json

import pytest
import webob
from hypothesis import given
from hypothesis import strategies as st

from kingbird import exception
from kingbird.api.request import body as request_body

LIMIT = 1000
DEPTH = 16


class Dripping(io.BytesIO):
    """Gives a few bytes at a time, as a socket may, and counts them."""

    given = 0

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(min(7, size if size is not None and size >= 0 else 7))
        self.given += len(chunk)
        return chunk


def read(stream: io.BytesIO, length: str | None, *, terminated: bool = False) -> bytes:
    environ = webob.Request.blank("/", method="POST").environ
    environ["wsgi.input"] = stream
    environ.pop("CONTENT_LENGTH", None)
    if length is not None:
        environ["CONTENT_LENGTH"] = length
    if terminated:
        environ["wsgi.input_terminated"] = True
    return request_body.read(webob.Request(environ), LIMIT)


def test_a_body_is_read_as_long_as_it_says() -> None:
    assert read(Dripping(b"x" * LIMIT + b"next request"), str(LIMIT)) == b"x" * LIMIT


def test_a_body_in_chunks_is_read_to_its_end() -> None:
    assert read(Dripping(b"x" * LIMIT), None, terminated=True) == b"x" * LIMIT


def test_no_length_and_no_end_is_no_body() -> None:
    stream = Dripping(b"x")
    assert read(stream, None) == b""
    assert stream.given == 0


@pytest.mark.parametrize("length", ["", "0", "-1"])
def test_no_length_is_no_body(length: str) -> None:
    assert read(Dripping(b"x"), length) == b""


@pytest.mark.parametrize(
    ("size", "length", "terminated"),
    [
        (LIMIT + 1, str(LIMIT + 1), False),
        (LIMIT + 1, None, True),
        # A length beside chunks may be a lie.
        (LIMIT + 1, "1", True),
        (LIMIT * 1000, str(LIMIT * 1000), False),
        (LIMIT * 1000, None, True),
        # Less than it says comes, but it says too much.
        (1, str(LIMIT * 1000), False),
    ],
)
def test_a_body_that_is_too_large(size: int, length: str | None, terminated: bool) -> None:
    stream = Dripping(b"x" * size)
    with pytest.raises(exception.RequestTooLarge, match="larger than 1000 bytes"):
        read(stream, length, terminated=terminated)
    assert stream.given <= LIMIT * request_body.DRAIN_FACTOR


def test_a_body_that_breaks_off() -> None:
    with pytest.raises(exception.BadRequest, match="shorter than Content-Length"):
        read(Dripping(b"x"), "2")


def test_a_length_that_is_no_number() -> None:
    with pytest.raises(exception.BadRequest, match="Content-Length"):
        read(Dripping(b"x"), "many")


def test_a_connection_that_breaks() -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("reset by peer")

    with pytest.raises(exception.BadRequest, match="can't be read"):
        read(Broken(), "5")


@given(st.binary(max_size=200))
def test_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        value = request_body.parse(body, DEPTH)
    except exception.BadRequest as error:
        json.dumps(error.message).encode("ascii")
    else:
        assert json.loads(body) == value


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"a": 1}'.encode("utf-16"), "byte order mark"),
        ('{"a": 1}'.encode("utf-16-le"), "not in UTF-8 but holds NULs"),
        ('{"a": 1}'.encode("utf-32-be"), "not in UTF-8 but holds NULs"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a": "\xe4"}', "not in UTF-8: byte 7 is 0xe4"),
        (b'"\xed\xa0\x80"', "not in UTF-8"),
        (b'{"a": NaN}', "has no NaN"),
        (b"[-Infinity]", "has no -Infinity"),
        (b"[" * 100_000, "too deeply"),
        (b"[" * 100_000 + b"]" * 100_000, "too deeply"),
        (b"[" * 17 + b"]" * 17, r"too deeply; it can have 16 levels \(\[api\] max_json_depth\)"),
        (b'{"a":' * 17 + b"1" + b"}" * 17, "too deeply"),
        (b"1" * 5000, "a number of 5000 digits; it can have 64"),
        (b"-" + b"1" * 5000, "a number of 5001 digits"),
        (b"[1e400]", "too large: 1e400"),
        (b"-1e999", "too large: -1e999"),
        (b'{"a": 1, "b": {}, "a": 2}', 'has "a" twice in one object'),
        (b'{"a": [{"b": 1, "\\u0062": 1}]}', 'has "b" twice'),
        (b'["\\ud800"]', r'half of a character in "\\ud800"'),
        (b'{"\\uDC00": 1}', "half of a character"),
        (b'"a\nb"', "not JSON: Invalid control character"),
        (b"'a'", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_bodies_that_are_refused(body: bytes, words: str) -> None:
    with pytest.raises(exception.BadRequest, match=words):
        request_body.parse(body, DEPTH)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}]}', {"a": {"a": 1}, "b": [{"a": 1}] * 2}),
        (b'"\\ud83d\\ude00"', "\N{GRINNING FACE}"),
        ('"\N{GRINNING FACE}"'.encode(), "\N{GRINNING FACE}"),
        (b"9" * 64, int("9" * 64)),
        (b"[" * 16 + b"]" * 16, json.loads("[" * 16 + "]" * 16)),
        (b"1e-999", 0.0),
    ],
)
def test_bodies_that_are_read(body: bytes, value: object) -> None:
    assert request_body.parse(body, DEPTH) == value
