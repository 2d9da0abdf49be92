"""A tag is another one when the answer is, and a caller who has the answer gets 304."""

import pytest
import webob

from kingbird import version
from kingbird.api.request import conditional


def ask(header, *parts):
    """Return whether a caller with a header gets the answer, and the answer's tag."""
    request, response = webob.Request.blank("/"), webob.Response()
    if header is not None:
        request.headers["If-None-Match"] = header
    try:
        conditional.check(request, response, *parts)
    except conditional.NotModified:
        return False, response.etag
    return True, response.etag


TAG = conditional.tag("a", 1)


@pytest.mark.parametrize("header", [f'"{TAG}"', f'W/"{TAG}"', f'"x", "{TAG}"', "*"])
def test_who_has_the_answer_does_not_get_it(header):
    assert ask(header, "a", 1) == (False, TAG)


@pytest.mark.parametrize("header", [None, "", '"x"', 'nonsense, "', "\xff", f'"{TAG[1:]}"'])
def test_who_does_not_gets_it(header):
    assert ask(header, "a", 1) == (True, TAG)


def test_each_part_counts():
    parts = [("a", 1), ("a", 2), ("b", 1), ("a1",), (["a", 1],), ([("a", 1)],), ("\ud800",)]
    assert len({conditional.tag(*each) for each in parts}) == len(parts)


def test_another_release_answers_otherwise(monkeypatch):
    monkeypatch.setattr(version, "version_string", lambda: "99.0")
    assert conditional.tag("a", 1) != TAG


def test_proxies_keep_no_answer_for_others():
    response = webob.Response()
    conditional.check(webob.Request.blank("/"), response, 1)
    assert response.headers["Cache-Control"] == "private, no-cache"


def test_the_answer_to_who_has_it_is_empty():
    response = webob.Response(json={"some": "thing"})
    response = conditional.not_modified(response)
    assert (response.status_int, response.body) == (304, b"")
