"""Refusals are told in the service's own words, without its markup."""

import json

import pytest
import requests

from kingbird.clients import refusals
from kingbird.clients.refusals import MAX_BYTES, MAX_WORDS, answer_of, explain, words_of


def answer(body, status=403):
    response = requests.Response()
    response.status_code = status
    response._content = body.encode() if isinstance(body, str) else body
    return response


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "HTTP 403"),
        ("  ", "HTTP 403"),
        ("No.", "No."),
        (
            "<html><head><title>403</title>\n</head><body>No &amp; never.</body></html>",
            "No & never.",
        ),
        ("<HTML><TITLE>403\n</TITLE><H1>Forbidden\n</H1>No.</HTML>", "No."),
        ("<p>One</p> <p>two</p>", "One two"),
        ('"No."', "No."),
        ('{"message": "No.", "code": 403}', "No."),
        ('{"detail": "No.", "message": 5}', "No."),
        ('{"faultstring": "No."}', "No."),
        ('{"message": "first", "detail": "second", "faultstring": "third"}', "first"),
        ('{"detail": "second", "faultstring": "third"}', "second"),
        ('{"forbidden": {"message": "No.", "code": 403}}', "No."),
        ('{"errors": [{"code": 1}, {"detail": "No."}, {"detail": "Never."}]}', "No."),
        ('{"error": {"title": "Forbidden", "inner": {"message": "No."}}}', "No."),
        ('{"title": "Forbidden"}', "HTTP 403"),
        ("[]", "HTTP 403"),
        ("5", "HTTP 403"),
        ('["words"]', "HTTP 403"),
        ('{"message": "<b>No.</b> &lt;x&gt;"}', "No. <x>"),
        ("{nonsense", "{nonsense"),
        (b"No \xff", "No \ufffd"),
        ("[" * 100_000, None),
    ],
)
def test_words(body, words):
    found = words_of(answer(body))
    assert found == words if words else found


def test_words_are_bounded():
    assert len(words_of(answer("x" * (2 * MAX_BYTES)))) == MAX_WORDS
    # Later parts of the text are not looked at.
    late = json.dumps({"pad": "x" * MAX_BYTES, "message": "No."})
    assert words_of(answer(late)) != "No."
    full = json.dumps({"message": "No.", "pad": ""})
    full = json.dumps({"message": "No.", "pad": "x" * (MAX_BYTES - len(full))})
    assert len(full) == MAX_BYTES
    assert words_of(answer(full)) == "No."


@pytest.mark.parametrize(
    ("words", "told"), [("", "HTTP 403"), ("HTTP 403", "HTTP 403"), ("No.", "HTTP 403: No.")]
)
def test_an_answer(words, told):
    assert answer_of(403, words) == told


@pytest.mark.parametrize(
    ("status", "of_list", "of_record"),
    [
        (401, "does not accept the token (HTTP 401: No.)", "does not accept the token"),
        (403, "(HTTP 403: No.): look at get_images in its policy", None),
        (300, "there is no image API v2 (HTTP 300: No.)", None),
        (399, "there is no image API v2 (HTTP 399: No.)", None),
        (404, "there is no image API v2 (HTTP 404: No.)", None),
        (405, "there is no image API v2 (HTTP 405: No.)", None),
        (400, "refuses to list images (HTTP 400: No.)", None),
        (413, "refuses to list images (HTTP 413: No.)", None),
    ],
)
def test_what_to_look_at(status, of_list, of_record):
    told = explain("R1", status, "No.", is_list=True)
    assert of_list in told
    assert "region R1" in told
    record = explain("R1", status, "No.", is_list=False)
    if of_record:
        assert of_record in record
        assert "R1" in record
    else:
        assert record == "No."


def test_statuses_of_another_service():
    assert refusals.VERSIONS in refusals.WRONG_ADDRESS
    assert {300, 399, 404, 405} <= refusals.WRONG_ADDRESS
    assert not {200, 299, 400, 401, 403, 406} & refusals.WRONG_ADDRESS
