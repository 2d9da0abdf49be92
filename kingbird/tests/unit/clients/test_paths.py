"""Text of Glance, Keystone and users stays at its place in a URL."""

from unittest import mock
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from keystoneauth1 import exceptions as ksa_exc
from osc_lib import exceptions as osc_exceptions

from kingbird import exception
from kingbird.clients import keystone
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import list_query
from kingbird.osc.client import SyncClient

ID = "aaaaaaaa-0000-4000-8000-000000000001"

#: Ids that nobody should have.
STRANGE = st.one_of(
    st.text(max_size=20),
    st.text(alphabet="./\\%?#&;=2eEfF \n\0", max_size=12),
    st.sampled_from(["../x?y", "..", ".", "", "%2e%2e", "a/../b", "\ud800", f"{ID}/members"]),
)


def sent(url):
    """Return the path and the query that requests would put on the wire."""
    parts = urlsplit(requests.Request("GET", f"http://glance.test{url}").prepare().url)
    return parts.path, parts.query


class Recorded(ImageClient):
    """Notes the URLs that are asked for; nothing is sent."""

    def __init__(self):
        self.region = "R1"
        self.urls = []

    def _call(self, method, url, **kwargs):
        self.urls.append(url)
        return {"id": ID, "members": [], "images": []}


#: No path holds them as a name.
LEAD_ELSEWHERE = {"", ".", ".."}


@given(image_id=STRANGE, project=STRANGE)
def test_an_id_stays_one_part_of_a_path(image_id, project):
    images = Recorded()
    for function, ids, rest in (
        (images.get, [image_id], []),
        (images.update, [image_id], [[]]),
        (images.list_members, [image_id], []),
        (images.add_member, [image_id], [project]),
        (images.set_member_status, [ID, project], ["accepted"]),
    ):
        if function != images.get and LEAD_ELSEWHERE.intersection(ids):
            with pytest.raises(exception.ImageRequestRejected):
                function(*ids, *rest)
        else:
            function(*ids, *rest)
    expected = {
        replaced(("", "v2", "images", image_id)),
        replaced(("", "v2", "images", image_id, "members")),
        replaced(("", "v2", "images", ID, "members", project)),
    }
    for url in images.urls:
        path, query = sent(url)
        assert not query
        assert tuple(unquote(part) for part in path.split("/")) in expected


def replaced(parts):
    return tuple(part.encode(errors="replace").decode() for part in parts)


@given(ids=st.lists(STRANGE))
def test_what_is_no_uuid_is_not_asked_for(ids):
    images = Recorded()
    images.list_by_ids(ids)
    assert not images.urls
    images.list_by_ids([*ids, ID])
    (url,) = images.urls
    assert parse_qs(sent(url)[1])["id"] == [f"in:{ID}"]


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(marker=TEXT, value=TEXT, name=TEXT.map("x_{}".format))
def test_markers_tags_and_properties_stay_values(marker, value, name):
    query = list_query(marker=marker, filters=[("tag", value), (name, value)])
    path, there = sent(f"/v2/images?{query}")
    assert path == "/v2/images"
    found = parse_qs(there, keep_blank_values=True)
    assert set(found) == {
        *("visibility", "member_status", "sort_key", "sort_dir", "limit", "marker", "tag", name)
    }
    assert (found["marker"], found["tag"], found[name]) == ([marker], [value], [value])


@pytest.mark.parametrize("link", ["http://[/v2/images?marker=a", "/v2/images?marker=\ud800"])
def test_a_link_that_is_none_is_no_end_of_a_list(link):
    images = Recorded()
    images._call = lambda *args, **kwargs: {"images": [], "next": link}
    with pytest.raises(exception.RegionUnavailable, match="no link"):
        images.list_by_ids([ID])
    images._parse = lambda body: {"next": link}
    with pytest.raises(exception.RegionUnavailable, match="no link"):
        images.next_marker(b"")


@given(trust=STRANGE)
def test_a_trusts_id_stays_one_part_of_a_path(trust):
    refused = False
    try:
        path, query = sent(f"/v3/OS-TRUST/trusts/{keystone._in_path(trust)}")
    except ksa_exc.NotFound:
        refused = True
    assert refused == (trust in LEAD_ELSEWHERE)
    if refused:
        return
    assert not query
    assert path.count("/") == 4
    assert unquote(path.rpartition("/")[2]) == replaced([trust])[0]


@pytest.mark.parametrize("trust", ["..", "a/b?c"])
def test_a_strange_trust_is_deleted_by_its_own_name_or_not_at_all(conf, trust):
    made = keystone.Keystone(conf)
    client = mock.Mock()
    with (
        mock.patch.object(made, "_client", return_value=client),
        mock.patch.object(keystone.Keystone, "service_auth", "service"),
        mock.patch.object(keystone.Keystone, "service_user_id", return_value="kingbird"),
    ):
        made.delete_trust(trust)
    called = [one.args for one in client.trusts.delete.call_args_list]
    assert called == ([] if trust == ".." else [("a%2Fb%3Fc",)])


@given(job=STRANGE, project=STRANGE)
def test_the_command_line_quotes_ids(job, project):
    answer = mock.Mock(status_code=200)
    answer.json.return_value = {"job": {}}
    client = SyncClient(mock.Mock())
    with mock.patch.object(client._adapter, "request", return_value=answer) as request:
        client._project = project or None
        client._adapter.get_project_id = lambda: "p"
        if LEAD_ELSEWHERE.intersection([job, project or "p"]):
            with pytest.raises(osc_exceptions.CommandError, match="is no id"):
                client.job(job)
            assert not request.called
            return
        client.job(job)
    path, query = sent(request.call_args.args[0])
    assert not query
    parts = [unquote(part) for part in path.split("/")]
    assert parts == ["", replaced([project or "p"])[0], "os-sync", replaced([job])[0]]
