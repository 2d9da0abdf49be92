"""Pages of a list: what is asked, where the next one begins, what is no page."""

import json
from urllib.parse import parse_qs, parse_qsl, urlencode

import pytest
from keystoneauth1 import token_endpoint
from keystoneauth1.session import Session

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import list_query, name_filters, names_with_room
from kingbird.tests.doubles.glance import FakeGlance

WALK = [
    ("visibility", "all"),
    ("member_status", "all"),
    ("sort_key", "id"),
    ("sort_dir", "asc"),
    ("limit", "1000"),
]


@pytest.fixture
def images():
    """Give images of a region that nobody calls."""
    url = "http://127.0.0.1:1"
    return ImageClient("R1", url, Session(), token_endpoint.Token(url, "token"))


def as_page(*found, **links):
    """Write a page as Glance does: the list first, and the links after it."""
    first = {"first": "/v2/images", "schema": "/v2/schemas/images"}
    return json.dumps({"images": found, **first, **links}, ensure_ascii=False).encode()


class TestQueries:
    def test_the_bare_one(self):
        assert parse_qsl(list_query()) == WALK

    def test_hidden_images_and_a_marker(self):
        query = parse_qsl(list_query(hidden=True, marker="a"))
        assert query == [*WALK, ("os_hidden", "true"), ("marker", "a")]

    def test_filters_keep_their_order_and_repetitions(self):
        filters = [("tag", "a&b"), ("tag", "ü"), ("name", "in:x")]
        assert parse_qsl(list_query(filters=filters)) == [*filters, *WALK]

    def test_a_visibility_takes_the_place_of_all(self):
        query = parse_qs(list_query(filters=[("visibility", "public")]))
        assert query["visibility"] == ["public"]


class TestNextMarker:
    def test_after_the_last_page_there_is_none(self, images):
        assert images.next_marker(as_page()) is None
        assert images.next_marker(as_page({"id": "a"})) is None
        assert images.next_marker(as_page({"id": "a"}, next=None)) is None
        assert images.next_marker(as_page({"id": "a"}, next="")) is None

    def test_the_images_are_not_read_for_it(self, images):
        """That would take most of a walk's time."""
        page = as_page({"id": "a"}, next="/v2/images?marker=right")
        assert images.next_marker(page.replace(b'{"id": "a"}', b"{nonsense}")) == "right"

    @pytest.mark.parametrize(
        "name",
        [
            "plain",
            "]",
            '"], "next": "/v2/images?marker=wrong"}',
            '\\"], \\"next\\": \\"/v2/images?marker=wrong',
            '{"images": [',
            "[{]}",
            "ü€\N{GRINNING FACE}",
            "back\\slash\\",
        ],
    )
    def test_whatever_names_and_tags_hold(self, images, name):
        found = {"id": "a", "name": name, "tags": [name, "]"], name: name, "kept": ["x"]}
        link = f"/v2/images?{urlencode({'name': name, 'tag': name, 'marker': 'right'})}"
        first = f"/v2/images?{urlencode({'name': name})}"
        for page in (as_page(found, next=link, first=first), as_page(found, found, next=link)):
            assert images.next_marker(page) == "right"
        assert images.next_marker(as_page(found, first=first)) is None

    def test_brackets_that_a_proxy_left_in_the_links(self, images):
        # Glance quotes them; then the page is parsed.
        link = "/v2/images?name=in:[x]&marker=right"
        assert images.next_marker(as_page({"id": "a"}, next=link, first="/v2/images?[]")) == (
            "right"
        )

    @pytest.mark.parametrize(
        "page",
        [
            {"next": "/v2/images?marker=right", "images": [{"id": "a"}]},
            {"images": [{"id": "a"}], "next": "http://elsewhere/v2/images?marker=right"},
            {"images": [{"id": "a"}], "next": "/v2/images?marker=wrong&marker=right"},
            {"first": "/v2/images?marker=wrong", "images": [], "next": "?marker=right"},
        ],
    )
    def test_other_ways_to_write_a_page(self, images, page):
        for separators in (None, (",", ":")):
            body = json.dumps(page, separators=separators).encode()
            assert images.next_marker(body) == "right"

    def test_an_indented_page(self, images):
        page = {"images": [{"id": "a"}], "next": "?marker=right"}
        assert images.next_marker(json.dumps(page, indent=1).encode()) == "right"

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"[]",
            b"<p>Maintenance</p>",
            b'{"images": [',
            b'{"images": [{"id": "a"',
            b'{"images": [{"id": "a"}], "next": "/v2/im',
            b'{"images": [], "name": "\xff"}',
            b'{"images": [], "next": "http://[/v2/images?marker=a"}',
            b'{"next": "http://[/v2/images?marker=a", "images": []}',
            b'{"images": [], "a": ' + b'{"a": ' * 100_000,
        ],
    )
    def test_what_is_no_page_is_an_outage(self, images, body):
        with pytest.raises(exception.RegionUnavailable, match="R1"):
            images.next_marker(body)


class TestReadPage:
    def test_images(self, images):
        assert images.parse_page(as_page({"id": "a"}, {"id": "b"})) == [{"id": "a"}, {"id": "b"}]
        assert images.parse_page(as_page()) == []

    @pytest.mark.parametrize("nonsense", [{"name": "no id"}, None, 5, "id", ["id"]])
    def test_what_is_no_image(self, images, nonsense):
        with pytest.raises(exception.RegionUnavailable, match="without a list of images"):
            images.parse_page(as_page({"id": "a"}, nonsense))


class TestWalk:
    def test_pages_follow_each_other_to_the_end(self):
        glance = FakeGlance("R1")
        images = glance.images_for("project")
        for name in ("]", '"next"', '{"images": ['):
            images.create({"name": name, "tags": [name, "both"]})
        glance.page_size = 1
        seen, marker = [], None
        for _ in range(10):
            filters = [("tag", "both"), ("visibility", "shared")]
            body = images.fetch_page(list_query(marker=marker, filters=filters))
            seen += images.parse_page(body)
            marker = images.next_marker(body)
            if marker is None:
                break
        assert [image["id"] for image in seen] == sorted(glance.ids)
        # The page after the last full one is empty.
        assert glance.count()["list"] == 4


class TestMembers:
    def test_projects_are_quoted(self):
        glance = FakeGlance("R1")
        images = glance.images_for("project")
        made = images.create({})
        images.add_member(made["id"], "a/b c")
        glance.images_for("admins", is_admin=True).set_member_status(
            made["id"], "a/b c", "accepted"
        )
        assert glance.shares(made["id"]) == {"a/b c": "accepted"}

    @pytest.mark.parametrize("answer", [b"{}", b'{"members": null}', b'{"members": {}}'])
    def test_what_is_no_list_of_members(self, images, monkeypatch, answer):
        monkeypatch.setattr(images, "_fetch", lambda *args, **kwargs: answer)
        with pytest.raises(exception.RegionUnavailable, match="without a list of members"):
            images.list_members("a")


def test_a_name_with_half_a_surrogate_pair_is_read():
    page = b'{"images": [{"id": "1", "name": "\\ud800"}]}'
    (image,) = FakeGlance("R1").images_for("p").parse_page(page)
    assert image["name"] == "\ud800"


class TestNameFilters:
    @pytest.mark.parametrize(
        ("names", "filters"),
        [
            ([], []),
            (["a"], ['in:"a"']),
            (["a", "b,c", " ", "d:e", "back\\slash"], ['in:"a","b,c"," ","d:e","back\\slash"']),
            (["a", 'q"x', "end\\", "b"], ['eq:q"x', "eq:end\\", 'in:"a","b"']),
            (["a\0", "b\n", "\ud800", "c\x85"], []),
        ],
    )
    def test_what_can_be_asked(self, names, filters):
        """Quote names in a list, and ask for those that can't be quoted one by one."""
        assert name_filters(names) == filters

    def test_the_length_of_a_query(self):
        """Bound the URL by the number of names and by their length."""
        few = name_filters(f"{n:03}" for n in range(250))
        assert [len(value.split(",")) for value in few] == [100, 100, 50]
        assert few[0] == "in:" + ",".join(f'"{n:03}"' for n in range(100))
        long = ["\N{SNOWMAN}" * 255 for _ in range(3)]
        assert [len(value.split(",")) for value in name_filters(long)] == [1, 1, 1]
        assert all(len(list_query(filters=[("name", one)])) < 4096 for one in (*few, *long))

    def test_the_names_of_the_last_query_leave_room(self):
        """A full list, and a name with a query of its own, leave none."""
        many = [f"{n:03}" for n in range(250)]
        assert names_with_room(many) == many[200:]
        assert names_with_room(many[:200]) == []
        assert names_with_room([]) == []
        assert names_with_room(['q"x', "a\0"]) == []
        assert names_with_room(["a", 'q"x', "b"]) == ["a", "b"]
        long = ["\N{SNOWMAN}" * 255, "\N{SNOWMAN}" * 254]
        assert names_with_room(long) == long[1:]
