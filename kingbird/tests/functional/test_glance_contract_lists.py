"""The contract of the real Glance for lists: walks, pages and filters."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import list_query, name_filters
from kingbird.tests.functional.contract_scenes import Scene, names, new_id, page, refusal
from kingbird.tests.functional.people import RAW, unique

BY_ID = (("sort_key", "id"), ("sort_dir", "asc"))


def some(scene: Scene, count: int, **fields: Any) -> tuple[tuple[str, str], list[str]]:
    """Create images of demo's.  Return a filter that finds them, and their ids in order."""
    mark = unique("mark")
    made = [scene.images("demo").create({"tags": [mark], **fields}) for _ in range(count)]
    return ("tag", mark), sorted(image["id"] for image in made)


def ids(answer: dict[str, Any]) -> list[str]:
    return [image["id"] for image in answer["images"]]


def walk(images: ImageClient, *query: tuple[str, str]) -> list[list[str]]:
    """Return the ids of each page of a walk that follows the client's markers."""
    pages: list[list[str]] = []
    marker: str | None = None
    while True:
        body = images.fetch_page(list_query(marker=marker, filters=query))
        pages.append([image["id"] for image in images.parse_page(body)])
        marker = images.next_marker(body)
        if marker is None:
            return pages


class TestPages:
    def test_a_walk_in_the_order_of_ids(self, scene: Scene) -> None:
        mark, made = some(scene, 5)
        images = scene.images("demo")
        first = page(images, mark, *BY_ID, ("limit", 2))
        assert ids(first) == made[:2]
        second = page(images, mark, *BY_ID, ("limit", 2), ("marker", made[1]))
        assert ids(second) == made[2:4]
        last = page(images, mark, *BY_ID, ("limit", 2), ("marker", made[3]))
        assert ids(last) == made[4:]
        assert "next" not in last
        assert walk(images, mark) == [made]

    def test_links(self, scene: Scene) -> None:
        mark, made = some(scene, 2)
        answer = page(scene.images("demo"), mark, *BY_ID, ("limit", 1), ("marker", made[0]))
        assert list(answer) == ["images", "first", "schema", "next"]
        asked = f"/v2/images?tag={mark[1]}&sort_key=id&sort_dir=asc&limit=1"
        assert answer["first"] == asked
        assert answer["next"] == f"{asked}&marker={made[1]}"
        assert answer["schema"] == "/v2/schemas/images"

    def test_a_full_last_page_has_a_next_one(self, scene: Scene) -> None:
        mark, made = some(scene, 2)
        images = scene.images("demo")
        full = images.fetch_page(f"tag={mark[1]}&limit=2&sort_key=id&sort_dir=asc")
        assert images.next_marker(full) == made[1]
        empty = images.fetch_page(
            f"tag={mark[1]}&limit=2&marker={made[1]}&sort_key=id&sort_dir=asc"
        )
        assert images.parse_page(empty) == []
        assert images.next_marker(empty) is None

    def test_of_several_tags_the_link_keeps_one(self, scene: Scene) -> None:
        mark, _ = some(scene, 1)
        other = scene.images("demo").create({"tags": [mark[1], "b]"]})
        answer = page(scene.images("demo"), mark, ("tag", "b]"), ("limit", 1))
        assert ids(answer) == [other["id"]]
        assert parse_qs(urlsplit(answer["next"]).query)["tag"] == ["b]"]

    def test_without_a_limit_pages_are_25_long_and_newest_come_first(self, scene: Scene) -> None:
        mark, _ = some(scene, 26)
        listed = page(scene.images("demo"), mark)
        assert len(listed["images"]) == 25
        times = [image["created_at"] for image in listed["images"]]
        assert times == sorted(times, reverse=True)
        marker = listed["images"][-1]["id"]
        assert len(page(scene.images("demo"), mark, ("marker", marker))["images"]) == 1

    def test_any_limit_is_accepted(self, scene: Scene) -> None:
        mark, made = some(scene, 1)
        images = scene.images("demo")
        assert ids(page(images, mark, ("limit", 100000))) == made
        nothing = page(images, mark, ("limit", 0))
        assert (nothing["images"], "next" in nothing) == ([], False)


class TestMarkers:
    def test_an_image_outside_the_filter_will_do(self, scene: Scene) -> None:
        mark, made = some(scene, 3)
        marker = scene.images("demo").create({"os_hidden": True})["id"]
        after = [each for each in made if each > marker]
        assert ids(page(scene.images("demo"), mark, *BY_ID, ("marker", marker))) == after

    @pytest.mark.parametrize("marker", ["", "no-uuid", new_id()], ids=["empty", "bad", "unknown"])
    def test_one_that_never_was(self, scene: Scene, marker: str) -> None:
        for user in ("demo", "admin"):
            error = refusal(page, scene.images(user), ("marker", marker))
            assert error.status == 400
            assert "No image found with ID" in error.message

    def test_one_that_was_deleted_serves_admins_only(self, scene: Scene) -> None:
        mark, made = some(scene, 3)
        scene.delete({"id": made[1]})
        query = (mark, *BY_ID, ("marker", made[1]))
        error = refusal(page, scene.images("demo"), *query)
        assert error.status == 400
        assert f"(HTTP 400: No image found with ID {made[1]})" in error.message
        assert ids(page(scene.images("admin"), *query)) == made[2:]

    def test_one_that_became_anothers_private_image(self, scene: Scene) -> None:
        image = scene.images("demo").create({"visibility": "community"})
        query = (*BY_ID, ("marker", image["id"]), ("limit", 1))
        page(scene.images("other"), *query)
        private = [{"op": "replace", "path": "/visibility", "value": "private"}]
        scene.images("demo").update(image["id"], private)
        error = refusal(page, scene.images("other"), *query)
        assert error.status == 403
        assert f"(HTTP 403: Forbidding request, image {image['id']} not visible)" in error.message

    def test_pending_shares_will_do(self, scene: Scene) -> None:
        image = scene.images("demo").create({})
        scene.share(image, "other", "pending")
        page(scene.images("other"), *BY_ID, ("marker", image["id"]), ("limit", 1))


class TestWalks:
    def test_hidden_images_are_a_walk_of_their_own(self, scene: Scene) -> None:
        mark, made = some(scene, 1)
        _, hidden = some(scene, 1, os_hidden=True, tags=[mark[1]])
        for user in ("demo", "admin"):
            assert walk(scene.images(user), mark) == [made]
            assert walk(scene.images(user), mark, ("os_hidden", "true")) == [hidden]

    def test_who_sees_what(self, scene: Scene) -> None:
        mark = unique("mark")
        tagged: dict[str, Any] = {"tags": [mark]}
        for visibility in ("private", "shared", "community"):
            scene.images("demo").create({**tagged, "name": visibility, "visibility": visibility})
        scene.images("admin").create({**tagged, "name": "public", "visibility": "public"})
        for status in ("pending", "accepted", "rejected"):
            image = scene.images("demo").create({**tagged, "name": status})
            scene.share(image, "other", status)

        def seen(user: str, *query: tuple[str, str]) -> set[str]:
            body = scene.images(user).fetch_page(list_query(filters=[("tag", mark), *query]))
            return {image["name"] for image in scene.images(user).parse_page(body)}

        shares = {"pending", "accepted", "rejected"}
        everything = {"private", "shared", "community", "public", *shares}
        assert seen("admin") == seen("demo") == seen("reader") == everything
        assert seen("other") == {"community", "public", *shares}
        assert seen("demo", ("visibility", "shared")) == {"shared", *shares}
        assert seen("other", ("visibility", "shared")) == shares
        assert seen("other", ("visibility", "public")) == {"public"}
        assert seen("admin", ("visibility", "community")) == {"community"}
        assert seen("admin", ("owner", scene.project("admin"))) == {"public"}
        assert seen("other", ("owner", scene.project("demo"))) == {"community", *shares}
        error = refusal(scene.images("svconly").fetch_page, list_query())
        assert error.status == 403


#: Filters, and the names of the images that they find.
FILTERS = [
    ([("name", "plain")], "plain"),
    ([("name", "eq:plain")], "plain"),
    ([("name", "pla")], ""),
    ([("name", "in:plain,active")], "active plain"),
    ([("name", "eq:a:b")], "a:b"),
    ([("name", 'in:"a:b","x,y"')], "a:b x,y"),
    ([("name", 'q"[]')], 'q"[]'),
    ([("name", "")], ""),
    ([("tag", "one")], "plain x,y"),
    ([("tag", "one"), ("tag", "two")], "x,y"),
    ([("tag", "one"), ("tag", "three")], ""),
    ([("tag", " one ")], "plain x,y"),
    ([("status", "active")], "active"),
    ([("status", "in:active,deactivated")], "active"),
    ([("status", "in:queued")], 'a:b plain q"[] x,y'),
    ([("status", "bogus")], ""),
    ([("size_min", "5")], "active"),
    ([("size_min", "6")], ""),
    ([("size_max", "5")], "active"),
    ([("size_min", "1"), ("size_max", "4")], ""),
    ([("size", "5")], "active"),
    ([("min_ram", "0")], 'a:b active plain q"[]'),
    ([("min_ram", "6")], ""),
    ([("protected", "true")], "x,y"),
    ([("protected", "false"), ("status", "queued")], 'a:b plain q"[]'),
    ([("os_distro", "plan9")], "plain"),
    ([("os_distro", "plan")], ""),
    ([("os_distro", "in:plan9")], ""),
    ([("absent", "")], ""),
    ([("disk_format", "raw")], "active"),
    ([("container_format", "in:bare,ova")], "active"),
    ([("id", "no-uuid")], ""),
    ([("created_at", "gte:2026-01-01T00:00:00Z")], 'a:b active plain q"[] x,y'),
    ([("created_at", "lt:2026-01-01T00:00:00Z")], ""),
    ([("updated_at", "gte:2026-01-01T00:00:00+02:00")], 'a:b active plain q"[] x,y'),
    ([("updated_at", "gte:2026-01-01")], 'a:b active plain q"[] x,y'),
    ([("updated_at", "neq:2026-01-01T00:00:00Z")], 'a:b active plain q"[] x,y'),
    ([("updated_at", "2026-01-01T00:00:00Z")], ""),
    ([("deleted", "true"), ("name", "plain")], "plain"),
]

ODD_NAMES = [
    *(
        "plain",
        "two words",
        " blank ",
        "x,y",
        "a:b",
        "in:x",
        "eq:x",
        "%",
        "a&b=c",
        "a+b",
        "100%25",
    ),
    *('q"x', '"', '"quoted"', "back\\slash", "end\\", 'end\\"', "\N{SNOWMAN}" * 255),
]

REFUSED = [
    ("limit", "x", "limit param must be an integer"),
    ("limit", "-1", "limit param must be positive"),
    ("sort_key", "owner", "Invalid sort key: owner"),
    ("sort_dir", "up", "Invalid sort direction: up"),
    ("visibility", "secret", "Invalid visibility value: secret"),
    ("member_status", "lost", "Invalid status: lost"),
    ("os_hidden", "yes", "Invalid value 'yes' for 'os_hidden' filter"),
    ("protected", "True", "Invalid value 'True' for 'protected' filter"),
    ("size_min", "x", "Unable to filter on a range with a non-numeric value."),
    ("name", "a:b", "Unable to filter by unknown operator 'a'."),
    ("name", "a b: c", "Unable to filter by unknown operator 'a b'."),
    ("status", "neq:active", "Unable to filter by unknown operator 'neq'."),
    ("name", 'in:q"x', "There is no comma before opening quotation mark."),
    ("updated_at", "gte:x", 'Bad "updated_at" query filter format.'),
    ("updated_at", "", 'Bad "updated_at" query filter format.'),
    ("created_at", "since:2026-01-01T00:00:00Z", "Unable to filter on a unknown operator."),
    ("changes-since", "2026-01-01T00:00:00Z", 'The "changes-since" filter is no longer'),
]


class TestFilters:
    def test_what_each_finds(self, scene: Scene) -> None:
        mark = unique("mark")
        images = scene.images("demo")
        images.create({"name": "plain", "tags": [mark, "one"], "os_distro": "plan9"})
        active = images.create({"name": "active", "tags": [mark], **RAW})
        active = scene.upload(active, b"bytes")
        images.create({"name": "a:b", "tags": [mark]})
        images.create({"name": 'q"[]', "tags": [mark], "x": '"name": "plain", '})
        tags = [mark, "one", "two"]
        images.create({"name": "x,y", "tags": tags, "protected": True, "min_ram": 64})
        ours = [("tag", mark), *BY_ID]
        for query, found in FILTERS:
            assert " ".join(sorted(names(images, *ours, *query))) == found, query
        for name in ("checksum", "os_hash_value", "os_hash_algo"):
            assert names(images, *ours, (name, active[name])) == ["active"]
            assert names(images, *ours, (name, "0")) == []

    def test_names_of_any_form(self, scene: Scene) -> None:
        images, mark = scene.images("demo"), unique("mark")
        wanted = [*ODD_NAMES, *(f"{n} \N{SNOWMAN} {'x' * 200}" for n in range(30))]
        for name in (*wanted, "other", "a", "x"):
            images.create({"name": name, "tags": [mark]})
        filters = name_filters(wanted)
        assert len(filters) < 10
        found = [names(images, ("tag", mark), *BY_ID, ("name", value)) for value in filters]
        assert sorted(name for each in found for name in each) == sorted(wanted)

    @pytest.mark.parametrize(("name", "value", "words"), REFUSED)
    def test_refused(self, scene: Scene, name: str, value: str, words: str) -> None:
        error = refusal(page, scene.images("demo"), (name, value))
        assert error.status == 400
        assert words in error.message

    @pytest.mark.parametrize("name", ["hw_max", "foo_min", "properties"])
    def test_names_over_which_glance_stumbles(self, scene: Scene, name: str) -> None:
        # A property may have this name.  Glance answers 500, which looks like an outage.
        with pytest.raises(exception.RegionUnavailable) as caught:
            page(scene.images("demo"), (name, "7"))
        assert caught.value.status == 500

    @pytest.mark.parametrize("name", ["metadata", "items", "update", "registry"])
    def test_properties_that_no_filter_finds(self, scene: Scene, name: str) -> None:
        # Glance takes these for attributes of its model and returns an empty list.
        mark, _ = some(scene, 1, **{name: "7"})
        assert ids(page(scene.images("demo"), mark, (name, "7"))) == []

    def test_tags_with_blanks_around_them_are_not_found(self, scene: Scene) -> None:
        tag = f" {unique('tag')} "
        scene.images("demo").create({"tags": [tag]})
        assert ids(page(scene.images("demo"), ("tag", tag))) == []

    def test_times_are_stored_more_precisely_than_shown(self, scene: Scene) -> None:
        mark, made = some(scene, 1)
        images = scene.images("demo")
        changes = [{"op": "add", "path": "/os_distro", "value": "plan9"}]
        shown = images.update(made[0], changes)["updated_at"]
        for operator in ("gt", "gte"):
            found = page(images, mark, ("updated_at", f"{operator}:{shown}"))
            assert ids(found) == made, operator
        assert ids(page(images, mark, ("updated_at", f"lt:{shown}"))) == []
