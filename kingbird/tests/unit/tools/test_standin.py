"""The stand-in of the benchmarks, beyond the contract that it shares with the double."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest
from keystoneauth1 import token_endpoint
from keystoneauth1.session import Session
from standin import Standin, StandinError
from standin.images import Mill, image_id

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import list_query

SOURCE, TARGET = "RegionOne", "RegionTwo"


@pytest.fixture(scope="module")
def running() -> Iterator[Standin]:
    with Standin([SOURCE, TARGET]) as made:
        yield made


@pytest.fixture
def standin(running: Standin) -> Standin:
    """Give the stand-in as if it was new."""
    for region in running.urls:
        running.clear(region)
        running.heal(region)
        running.page_size(region, None)
    running.latency(None, 0)
    running.reset_counts()
    return running


def images(standin: Standin, region: str = SOURCE, token: str = "whatever") -> ImageClient:
    url = standin.urls[region]
    return ImageClient(region, url, Session(), token_endpoint.Token(url, token))


def everything(standin: Standin, region: str, token: str = "whatever") -> dict[str, Any]:
    found, marker = {}, None
    while True:
        body = images(standin, region, token).fetch_page(list_query(marker=marker))
        found.update({image["id"]: image for image in images(standin).parse_page(body)})
        marker = images(standin).next_marker(body)
        if marker is None:
            return found


def test_seeds_are_the_same_whenever_they_are_made(standin: Standin) -> None:
    assert standin.seed(SOURCE, 1200, project="p") == 1200
    first = everything(standin, SOURCE)
    assert len(first) == 1200
    assert image_id(7) in first
    assert standin.seed(SOURCE, 1200, project="p") == 0
    standin.clear(SOURCE)
    standin.seed(SOURCE, 1200, project="p")
    assert everything(standin, SOURCE) == first
    image = first[image_id(7)]
    assert len(image) >= 25
    assert (image["owner"], image["status"]) == ("p", "active")


def test_a_target_lacks_some_and_differs_in_some(standin: Standin) -> None:
    standin.seed(SOURCE, 1000)
    standin.seed(TARGET, 1000, source=SOURCE, missing=0.1, drifted=0.2)
    source, target = everything(standin, SOURCE), everything(standin, TARGET)
    assert set(target) < set(source)
    assert 850 < len(target) < 950
    fields = ("name", "tags", "os_version")
    drifted = [each for each in target if any(target[each][f] != source[each][f] for f in fields)]
    assert 150 < len(drifted) < 250
    copy = target[drifted[0]]
    assert (copy["status"], copy["kingbird_source_region"]) == ("queued", SOURCE)
    assert copy["kingbird_source_hash"] == f"sha512:{source[copy['id']]['os_hash_value']}"


def test_regions_share_what_is_the_same() -> None:
    mill = Mill()
    one, two = (list(mill.records(region, 5, source="S")) for region in ("A", "B"))
    assert all(a is b for a, b in zip(one, two, strict=True))


def test_tokens_say_who_calls(standin: Standin) -> None:
    standin.seed(SOURCE, 3, project="p")
    assert len(everything(standin, SOURCE, "p:member,reader")) == 3
    assert everything(standin, SOURCE, "q:member,reader") == {}
    with pytest.raises(exception.ImageRequestRejected) as caught:
        images(standin, SOURCE, "q:reader").create({})
    assert caught.value.status == 403


def test_there_has_to_be_a_token(standin: Standin) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{standin.urls[SOURCE]}/v2/images")
    assert caught.value.code == 401


def test_calls_are_counted_by_region_and_kind(standin: Standin) -> None:
    made = images(standin).create({"name": "x"})
    images(standin).get(made["id"])
    images(standin).list_by_ids([made["id"]])
    images(standin).update(made["id"], [])
    images(standin).list_members(made["id"])
    calls = {"create": 1, "get": 1, "list": 1, "update": 1, "members": 1}
    assert standin.counts() == {SOURCE: calls, TARGET: {}}
    assert standin.sizes() == {SOURCE: 1, TARGET: 0}
    standin.reset_counts()
    assert standin.counts() == {SOURCE: {}, TARGET: {}}


def test_late_answers_dont_wait_for_each_other(standin: Standin) -> None:
    standin.latency(SOURCE, 1000)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: images(standin).fetch_page("limit=1"), range(8)))
    assert time.monotonic() - began >= 1
    assert standin.peaks()[SOURCE] > 4


def test_pages_and_outages_as_ordered(standin: Standin) -> None:
    standin.seed(SOURCE, 5)
    standin.page_size(SOURCE, 2)
    assert len(images(standin).parse_page(images(standin).fetch_page(list_query()))) == 2
    standin.fail(SOURCE, "list", 503, retry_after=3)
    with pytest.raises(exception.RegionUnavailable) as caught:
        images(standin).fetch_page(list_query())
    assert (caught.value.status, caught.value.retry_after) == (503, 3)
    images(standin).fetch_page(list_query())


def test_a_wrong_request_is_refused(standin: Standin) -> None:
    with pytest.raises(StandinError, match="KeyError"):
        standin.seed("nowhere", 1)
    taken = urlsplit(standin.urls[SOURCE]).port or 0
    with pytest.raises(StandinError, match="ended at once"):
        Standin(1, port_base=taken).start()


def test_a_region_refuses_connections_while_it_is_closed(standin: Standin) -> None:
    client = images(standin, TARGET)
    made = client.create({"name": "one"})
    standin.close(TARGET)
    with pytest.raises(exception.RegionUnavailable):
        client.get(made["id"])
    assert images(standin, SOURCE).list_by_ids([made["id"]]) == []
    standin.open(TARGET)
    assert (client.get(made["id"]) or {})["name"] == "one"
