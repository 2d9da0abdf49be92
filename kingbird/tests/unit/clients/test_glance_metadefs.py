"""The calls about namespaces, and the answers that are none."""

import json
from urllib.parse import parse_qs

import pytest
import requests_mock
from keystoneauth1 import token_endpoint
from keystoneauth1.session import Session

from kingbird import exception
from kingbird.clients.call_limits import time_left
from kingbird.clients.glance_http import open_http
from kingbird.clients.glance_metadefs import MetadefClient
from kingbird.clients.image_lists import LIST_TIMEOUT, PAGE_SIZE, SHRINK

URL = "http://glance.test"
ROOT = f"{URL}/v2/metadefs/namespaces"


@pytest.fixture
def glance():
    with requests_mock.Mocker() as mocker:
        yield mocker


@pytest.fixture
def metadefs():
    auth = token_endpoint.Token(URL, "token")
    return MetadefClient("R1", open_http(URL, Session(), auth, None))


def page(*names, more=False):
    link = {"next": f"/v2/metadefs/namespaces?marker={names[-1]}"} if more else {}
    return {"json": {"namespaces": [{"namespace": name} for name in names], **link}}


def queries(glance):
    return [one.qs for one in glance.request_history]


def test_pages_follow_each_other_by_name(glance, metadefs):
    glance.get(ROOT, [page("a", "b", more=True), page("b", "c", more=True), page()])
    found = metadefs.list_namespaces()
    assert [one["namespace"] for one in found] == ["a", "b", "c"]
    first = {"sort_key": ["namespace"], "sort_dir": ["asc"], "limit": [str(PAGE_SIZE)]}
    assert queries(glance) == [first, {**first, "marker": ["b"]}, {**first, "marker": ["c"]}]


def test_a_list_that_repeats_ends(glance, metadefs):
    glance.get(ROOT, **page("a", more=True))
    with pytest.raises(exception.RegionUnavailable, match="R1 lists the same namespaces again"):
        metadefs.list_namespaces()
    assert len(glance.request_history) == 2


def too_large(monkeypatch, metadefs, more_than):
    """Refuse to read pages of more than some namespaces; return the sizes that are asked for."""
    asked = []

    def call(method, url, **kwargs):
        asked.append(int(parse_qs(url.partition("?")[2])["limit"][0]))
        if asked[-1] > more_than:
            raise exception.AnswerTooLarge("It is too large")
        return page("a")["json"]

    monkeypatch.setattr(metadefs, "_call", call)
    return asked


def test_a_page_that_is_too_large_is_asked_for_in_parts(monkeypatch, metadefs):
    asked = too_large(monkeypatch, metadefs, PAGE_SIZE // SHRINK)
    assert metadefs.list_namespaces() == [{"namespace": "a"}]
    assert asked == [PAGE_SIZE, PAGE_SIZE // SHRINK]


def test_one_namespace_that_is_too_large_is_an_error(monkeypatch, metadefs):
    asked = too_large(monkeypatch, metadefs, 0)
    with pytest.raises(exception.AnswerTooLarge):
        metadefs.list_namespaces()
    assert asked == [PAGE_SIZE // SHRINK**n for n in range(len(asked))]
    assert 1 <= asked[-1] < SHRINK


@pytest.mark.parametrize(("timeout", "longest"), [(None, LIST_TIMEOUT), (5, 5), (500, 500)])
def test_all_pages_together_have_a_time(monkeypatch, metadefs, timeout, longest):
    left = []

    def call(method, url, **kwargs):
        left.append(time_left())
        return page(f"n{len(left)}", more=len(left) < 3)["json"]

    monkeypatch.setattr(metadefs, "_call", call)
    assert len(metadefs.list_namespaces(timeout)) == 3
    assert left == sorted(left, reverse=True)
    assert longest - 5 < left[-1] < left[0] <= longest


@pytest.mark.parametrize(
    "answer",
    [
        {"json": {}},
        {"json": {"namespaces": {}}},
        {"json": {"namespaces": [{"namespace": 1}]}},
        {"json": {"namespaces": ["a"]}},
    ],
)
def test_an_answer_without_namespaces_is_no_list(glance, metadefs, answer):
    glance.get(ROOT, **answer)
    with pytest.raises(exception.RegionUnavailable, match="without a list of namespaces"):
        metadefs.list_namespaces()


def test_a_list_that_is_refused_names_the_policy(glance, metadefs):
    glance.get(ROOT, status_code=403, text="No.")
    with pytest.raises(exception.ImageRequestRejected) as refused:
        metadefs.list_namespaces()
    assert refused.value.status == 403
    assert "region R1 refuses to list" in refused.value.message
    assert "(HTTP 403: No.): look at get_metadef_namespaces" in refused.value.message


def test_a_token_that_is_refused_is_not_about_the_list(glance, metadefs):
    glance.get(ROOT, status_code=401)
    with pytest.raises(exception.KingbirdError) as refused:
        metadefs.list_namespaces()
    assert "get_metadef_namespaces" not in refused.value.message


def test_a_namespace_is_there_or_not(glance, metadefs):
    glance.get(f"{ROOT}/a%20b", json={"namespace": "a b", "tags": []})
    glance.get(f"{ROOT}/gone", status_code=404)
    glance.get(f"{ROOT}/secret", status_code=403)
    glance.get(f"{ROOT}/odd", json={"namespace": None})
    assert metadefs.get("a b") == {"namespace": "a b", "tags": []}
    assert metadefs.get("gone") is None
    with pytest.raises(exception.ImageRequestRejected) as refused:
        metadefs.get("secret")
    assert refused.value.status == 403
    with pytest.raises(exception.RegionUnavailable, match="without a namespace"):
        metadefs.get("odd")


def test_a_name_that_would_change_the_path_is_not_asked_for(glance, metadefs):
    assert metadefs.get("a/b") is None
    with pytest.raises(exception.ImageRequestRejected, match="nothing of that name") as refused:
        metadefs.add_tag("a", "b/c")
    assert refused.value.status == 404
    assert not glance.request_history


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (lambda m: m.create({"namespace": "n"}), "POST", "", {"namespace": "n"}),
        (lambda m: m.update("n", {"owner": "o"}), "PUT", "/n", {"owner": "o"}),
        (lambda m: m.add_property("n", {"name": "p"}), "POST", "/n/properties", {"name": "p"}),
        (
            lambda m: m.update_property("n", {"name": "p"}),
            "PUT",
            "/n/properties/p",
            {"name": "p"},
        ),
        (lambda m: m.add_object("n", {"name": "o"}), "POST", "/n/objects", {"name": "o"}),
        (lambda m: m.update_object("n", {"name": "o"}), "PUT", "/n/objects/o", {"name": "o"}),
        (lambda m: m.add_tag("n", "t"), "POST", "/n/tags/t", None),
        (
            lambda m: m.add_association("n", {"name": "r"}),
            "POST",
            "/n/resource_types",
            {"name": "r"},
        ),
    ],
)
def test_what_is_written(glance, metadefs, call, method, path, body):
    glance.register_uri(method, ROOT + path, json={"namespace": "n"})
    call(metadefs)
    (sent,) = glance.request_history
    assert sent.method == method
    assert (sent.text and json.loads(sent.text)) == body
