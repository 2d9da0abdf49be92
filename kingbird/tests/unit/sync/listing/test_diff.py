"""The merge and the differences, against a naive comparison of random regions."""

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kingbird.sync.image import Rules, forced_id
from kingbird.sync.listing import diff
from kingbird.sync.listing.merge import merge_by_id
from kingbird.sync.outcome import outcome_of
from kingbird.sync.plan.shelf import ForcedCopies
from kingbird.sync.plan.targets import is_forced_copy
from kingbird.sync.request import Requester, SyncSet, WildcardScope

REGIONS = ("R1", "R2", "R3")
RULES = Rules(dropped=frozenset({"instance_uuid"}))
ME, YOU = "a" * 32, "b" * 32


class PartialCoverage:
    """Coverage of regions of which some are listed up to an id only."""

    lagging = ()
    unsorted = ()

    def __init__(self, **ends):
        self.ends = ends
        self.last = ""

    def unknown_regions(self, image_id):
        return {region for region, end in self.ends.items() if image_id > end}

    def advance(self, image_id):
        assert image_id >= self.last
        self.last = image_id


def an_image(image_id="1", **fields):
    return {
        "id": image_id,
        "name": "one",
        "owner": ME,
        "status": "active",
        "visibility": "private",
        "disk_format": "raw",
        "container_format": "bare",
        "min_disk": 0,
        "min_ram": 0,
        "protected": False,
        "os_hidden": False,
        "tags": [],
        "checksum": "c",
        "size": 1,
        "os_hash_algo": "sha512",
        "os_hash_value": "h",
        "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        **fields,
    }


#: Few values, so that images are often the same and often not; ``...`` is a field that is absent.
FIELDS: dict[str, list[Any]] = {
    "name": ["one", "two"],
    "owner": [ME, ME, ME, YOU],
    "status": ["active", "active", "queued", "deactivated"],
    "tags": [[], ["x", "y"], ["y", "x"]],
    "os_hash_value": ["h", "h", "g"],
    "os_hash_algo": ["sha512", "sha512", "sha256", None],
    "checksum": ["c", "c", "d", None],
    "created_at": ["2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z"],
    "os_distro": [..., "debian", "fedora"],
    "instance_uuid": [..., "i", "j"],
    "kingbird_source_id": [..., "s"],
    "kernel_id": [..., None],
    "os_hidden": [False, True],
}


def image_at(index):
    """Return the fields of one row of the table that has every combination of them.

    Hypothesis draws one integer for an image, as drawing each field takes twenty times as long.
    """
    found = {}
    for name, values in FIELDS.items():
        index, at = divmod(index, len(values))
        if values[at] is not ...:
            found[name] = values[at]
    return found


images = st.integers(0, math.prod(len(values) for values in FIELDS.values()) - 1).map(image_at)
ids = st.sampled_from([*"0123456789", "A", "b"])
regions = st.fixed_dictionaries({region: st.dictionaries(ids, images) for region in REGIONS})
some_regions = st.lists(st.sampled_from(REGIONS), min_size=1, unique=True).map(tuple)
#: A page may be empty; the last one takes what is left.
page_sizes = st.lists(st.integers(0, 4), max_size=8)


def streams_of(draw, region):
    """Cut a region's images into pages: its visible and its hidden ones."""
    for hidden in (False, True):
        found = [
            an_image(image_id, **fields)
            for image_id, fields in region.items()
            if fields["os_hidden"] == hidden
        ]
        found.sort(key=lambda image: image["id"].lower())
        pages = []
        for size in [*draw(page_sizes), len(found)]:
            pages.append(found[:size])
            found = found[size:]
        yield iter(pages)


def same_data(a, b):
    if not {a["status"], b["status"]} <= {"active", "deactivated"}:
        return True
    if a["os_hash_algo"] and a["os_hash_algo"] == b["os_hash_algo"]:
        return a["os_hash_value"] == b["os_hash_value"]
    if a["checksum"] and b["checksum"]:
        return (a["checksum"], a["size"]) == (b["checksum"], b["size"])
    return True


def naive_fields(source, copy):
    """Return the fields that differ, one by one."""
    fields = {name for name in ("name", "os_hidden") if source[name] != copy[name]}
    if sorted(source["tags"]) != sorted(copy["tags"]):
        fields.add("tags")
    if "os_distro" in source and source["os_distro"] != copy.get("os_distro"):
        fields.add("os_distro")
    if {source["status"], copy["status"]} == {"active", "deactivated"}:
        fields.add("status")
    return fields


def naive(region_images, scopes, known):
    """Compare by looking at each image in each target."""
    result, in_sync = set(), Counter()
    everything = {image["id"].lower() for each in region_images.values() for image in each}
    for image_id in everything:
        copies = {
            region: image
            for region, each in region_images.items()
            for image in each
            if image["id"].lower() == image_id
        }
        seen = set()
        for scope in scopes:
            usable = [
                region
                for region in scope.sources
                if region in copies
                and copies[region]["status"] in ("active", "deactivated")
                and copies[region]["owner"] == ME
            ]
            if not usable:
                continue
            source_region = min(usable, key=lambda region: (copies[region]["created_at"], region))
            source = copies[source_region]
            for target in set(scope.targets) - seen:
                copy = copies.get(target)
                if source["status"] == "deactivated" and not (
                    copy is not None
                    and "status" in naive_fields(source, copy)
                    and copy["owner"] == ME
                    and same_data(source, copy)
                ):
                    continue
                seen.add(target)
                if copy is None:
                    if target not in known.unknown_regions(image_id):
                        result.add((image_id, source_region, target, "missing", ()))
                    continue
                fields = naive_fields(source, copy)
                if copy["owner"] != ME:
                    found = "owner_conflict", ()
                elif not same_data(source, copy):
                    found = "data_conflict", ()
                elif fields and target != source_region:
                    found = "drift", tuple(sorted(fields))
                elif copy["status"] != source["status"]:
                    found = "no_data", ()
                else:
                    in_sync[target] += 1
                    continue
                result.add((image_id, source_region, target, *found))
    return result, in_sync


def flat(differences, in_sync):
    """Return the same of what a Differ yields."""
    result = set()
    for one in differences:
        image_id = one.source["id"].lower()
        in_sync.update(one.in_sync)
        rows = [(target, "missing", ()) for target in one.missing]
        rows += [(target, "no_data", ()) for target in one.no_data]
        rows += [(target, v.reason, v.fields) for target, v in one.comparisons.items()]
        for target, reason, fields in rows:
            row = (image_id, one.source_region, target, reason, fields)
            assert row not in result, "nothing comes twice"
            result.add(row)
    return result


@given(st.data(), regions, st.lists(st.tuples(some_regions, some_regions), min_size=1, max_size=2))
def test_the_same_as_a_naive_comparison(data, drawn, pairs):
    ends = data.draw(st.dictionaries(st.sampled_from(REGIONS), ids.map(str.lower), max_size=1))
    known = PartialCoverage(**ends)
    scopes = [
        WildcardScope(SyncSet(("*",), sources, targets), Requester(ME))
        for sources, targets in pairs
    ]
    differ = diff.Differ(scopes, RULES, known)
    streams = {region: list(streams_of(data.draw, each)) for region, each in drawn.items()}
    found = flat(differ.differences(merge_by_id(streams)), differ.in_sync)
    region_images = {
        region: [an_image(key, **fields) for key, fields in each.items()]
        for region, each in drawn.items()
    }
    expected, in_sync = naive(region_images, scopes, known)
    assert found == expected
    assert +differ.in_sync == in_sync


@given(st.data(), regions)
def test_a_merge_gives_each_image_once_and_in_order(data, drawn):
    pages = list(
        merge_by_id({region: streams_of(data.draw, each) for region, each in drawn.items()})
    )
    keys = [image_id for page in pages for image_id in page.ids]
    assert keys == sorted(set(keys))
    for region, each in drawn.items():
        merged = [image for page in pages for image in page.images[region]]
        assert sorted(merged) == sorted(key.lower() for key in each)


def test_a_merge_holds_one_page_of_each_stream():
    live = 0

    def pages(count):
        nonlocal live
        for number in range(count):
            live += 1
            yield [an_image(f"{number:05}{n}") for n in range(10)]
            live -= 1

    for page in merge_by_id({region: [pages(50)] for region in REGIONS}):
        assert live <= len(REGIONS)
        assert len(page.ids) <= 10


def differences(*, of=(), known=None, handled=None, is_forced=None, **regions):
    scopes = of or [WildcardScope(SyncSet(("*",), REGIONS, REGIONS), Requester(ME))]
    differ = diff.Differ(
        scopes,
        RULES,
        known or PartialCoverage(),
        handled=handled,
        is_forced=is_forced or (lambda region, image: False),
    )
    streams = {region: [[images]] for region, images in regions.items()}
    found = list(differ.differences(merge_by_id(streams)))
    return found, differ.in_sync


def test_what_is_equal_everywhere_makes_no_difference():
    same = {region: [an_image()] for region in REGIONS}
    assert differences(**same) == ([], Counter(dict.fromkeys(REGIONS, 1)))


@pytest.mark.parametrize(
    "other",
    [
        {"created_at": "2026-02-02T00:00:00Z", "updated_at": "2026-02-02T00:00:00Z"},
        {"kingbird_source_id": "1", "kingbird_source_region": "R1"},
        {"instance_uuid": "in R2 it is another"},
        {"direct_url": "file:///r2"},
    ],
)
def test_what_tells_nothing_is_not_compared(other):
    found, in_sync = differences(R1=[an_image()], R2=[an_image(**other)], R3=[an_image()])
    assert not found
    assert in_sync == Counter(dict.fromkeys(REGIONS, 1))


def test_a_copy_that_is_not_active_is_told_apart():
    queued = {"status": "queued", "checksum": None, "size": None, "os_hash_value": None}
    (one,), in_sync = differences(R1=[an_image()], R2=[an_image(**queued)], R3=[an_image()])
    assert (one.no_data, one.missing, one.comparisons) == (("R2",), (), {})
    assert sorted(one.in_sync) == ["R1", "R3"]
    assert not in_sync


def test_an_image_nobody_means_is_not_counted():
    queued = {region: [an_image(status="queued")] for region in REGIONS}
    assert differences(**queued) == ([], Counter())
    theirs = {region: [an_image(owner=YOU)] for region in REGIONS}
    assert differences(**theirs) == ([], Counter())


def test_the_first_set_that_means_an_image_counts():
    sets = [
        SyncSet(("*",), ("R1",), ("R2",), filters={"name": "one"}),
        SyncSet(("*",), ("R1",), ("R2", "R3")),
    ]
    scopes = [WildcardScope(one, Requester(ME)) for one in sets]
    found, _ = differences(of=scopes, R1=[an_image(), an_image("2", name="two")], R2=[], R3=[])
    assert [(one.source["id"], one.index, one.missing) for one in found] == [
        ("1", 0, ("R2",)),
        ("1", 1, ("R3",)),
        ("2", 1, ("R2", "R3")),
    ]


def test_what_was_dealt_with_is_left_out():
    done = {"1": {"R2"}}
    found, in_sync = differences(
        handled=lambda scope, image_id, copies: done.get(image_id, ()),
        R1=[an_image()],
        R2=[],
        R3=[],
    )
    assert [one.missing for one in found] == [("R3",)]
    assert not in_sync


def test_forced_copies_are_no_images_of_their_own():
    mark = {"kingbird_forced": "true", "kingbird_source_id": "1", "kingbird_source_region": "R1"}
    copy = an_image(forced_id("1", "R2", 2), **mark)
    pretender = an_image("9", **mark)
    found, _ = differences(
        is_forced=is_forced_copy, R1=[an_image("8")], R2=[copy, pretender], R3=[]
    )
    assert {one.source["id"] for one in found} == {"8", "9"}
    forced = ForcedCopies()
    forced.add("R2", [copy, pretender])
    assert forced.copies_of("R2", "1") == {copy["id"]: copy}


def test_properties_that_only_a_target_has_are_drift_when_they_are_to_go():
    regions = {"R1": [an_image()], "R2": [an_image(os_distro="debian")], "R3": [an_image()]}
    found, _ = differences(**regions)
    assert not found
    pruning = SyncSet(("*",), ("R1",), ("R2", "R3"), updates=True, prunes=True)
    (one,), _ = differences(of=[WildcardScope(pruning, Requester(ME))], **regions)
    assert {target: verdict.fields for target, verdict in one.comparisons.items()} == {
        "R2": ("os_distro",)
    }
    assert outcome_of(one.comparisons["R2"], "1", "R1").reason == "drift"


def test_what_a_lagging_region_shows_beyond_its_gap_waits():
    """Leave to the next part of the plan whatever may be in a region that it lists again."""
    known = PartialCoverage(R1="5")
    known.lagging = ("R1",)
    images = [an_image(image_id) for image_id in ("5", "6")]
    found, in_sync = differences(known=known, R1=images, R2=[images[1]], R3=[])
    assert [(one.source_region, one.source["id"], one.missing) for one in found] == [
        ("R1", "5", ("R2", "R3")),
        ("R2", "6", ("R3",)),
    ]
    assert [one.in_sync for one in found] == [("R1",), ()]
    assert not in_sync


def test_a_copy_that_is_shown_is_known_whatever_its_region_hides():
    """Update from a source that an incomplete list shows, and not beside one that it may hide."""
    updating = SyncSet(("*",), ("R1", "R2"), ("R3",), preferred=("R1", "R2"), updates=True)
    changed = [an_image(name="two")]
    for shown, doubtful in (([an_image()], ()), ([], ("R1",))):
        found, _ = differences(
            of=[WildcardScope(updating, Requester(ME))],
            known=PartialCoverage(R1=""),
            R1=shown,
            R2=[an_image()],
            R3=changed,
        )
        assert [one.doubtful for one in found] == [doubtful]
