"""Look the images and regions of a request up with as few calls as possible."""

import itertools
import uuid
from typing import Any

import pytest

from kingbird import exception
from kingbird.api.jobs import resolve
from kingbird.tests.doubles.glance import FakeGlance, FakeImages, refused, unavailable

PROJECT = "a" * 32


def sync_set(resources: Any, sources: Any = ("R1",), targets: Any = ("R9",)) -> Any:
    return {
        "resource_type": "image",
        "resources": list(resources),
        "sources": list(sources),
        "preferred": [region for region in sources if region != "*"],
        "targets": list(targets),
        "force": False,
    }


@pytest.fixture
def glances() -> dict[str, FakeGlance]:
    return {region: FakeGlance(region) for region in ("R1", "R2")}


@pytest.fixture
def opened(glances: dict[str, FakeGlance]) -> dict[str, FakeImages]:
    return {region: glance.images_for(PROJECT) for region, glance in glances.items()}


#: Ids are part of the names of cases, which have to be the same in each process.
_numbers = itertools.count()


def new_ids(count: int) -> list[str]:
    return [str(uuid.uuid5(uuid.NAMESPACE_OID, str(next(_numbers)))) for _ in range(count)]


def fill(glance: FakeGlance, ids: list[str], **fields: Any) -> None:
    images = glance.images_for(PROJECT)
    for image_id in ids:
        images.create({"id": image_id, **fields})
    glance.calls.clear()


def asked(glance: FakeGlance) -> list[int]:
    assert {method for method, _ in glance.calls} <= {"list"}
    return [len(ids) for _, ids in glance.calls]


def test_images_are_asked_for_by_the_hundred(glances: Any, opened: Any) -> None:
    ids = new_ids(250)
    fill(glances["R1"], ids)
    resolve.check_resources({"set": sync_set(ids)}, opened)
    assert asked(glances["R1"]) == [100, 100, 50]
    assert asked(glances["R2"]) == []


def test_what_is_not_found_is_asked_for_among_the_hidden(glances: Any, opened: Any) -> None:
    shown, hidden = new_ids(150), new_ids(20)
    fill(glances["R1"], shown)
    fill(glances["R1"], hidden, os_hidden=True)
    resolve.check_resources({"set": sync_set(shown + hidden)}, opened)
    assert asked(glances["R1"]) == [100, 70, 20]


def test_later_sources_are_asked_for_what_the_first_lack(glances: Any, opened: Any) -> None:
    first, second = new_ids(30), new_ids(10)
    fill(glances["R1"], first)
    fill(glances["R2"], first + second)
    resolve.check_resources({"set": sync_set(first + second, ["R1", "R2"])}, opened)
    assert asked(glances["R1"]) == [40, 10]
    assert asked(glances["R2"]) == [10]


def test_no_image_is_asked_for_twice(glances: Any, opened: Any) -> None:
    ids = new_ids(30)
    fill(glances["R1"], ids)
    sets = {
        "one": sync_set(ids[:20]),
        "two": sync_set(ids[10:]),
        "three": sync_set(ids, ["R1", "R2"]),
    }
    resolve.check_resources(sets, opened)
    assert asked(glances["R1"]) == [20, 10]
    assert asked(glances["R2"]) == []


def test_an_image_under_an_upper_case_id_is_found_by_no_other(glances: Any, opened: Any) -> None:
    image_id = new_ids(1)[0]
    fill(glances["R1"], [image_id.upper()])
    with pytest.raises(exception.NotFound):
        resolve.check_resources({"set": sync_set([image_id])}, opened)


def test_images_that_are_missing_are_named(glances: Any, opened: Any) -> None:
    here, missing = new_ids(3), new_ids(7)
    fill(glances["R1"], here)
    sets = {"one": sync_set(here), "two": sync_set(missing, ["R2", "R1"])}
    with pytest.raises(exception.NotFound) as caught:
        resolve.check_resources(sets, opened)
    assert "7 image(s)" in caught.value.message
    for image_id in missing[:5]:
        assert f"{image_id} in R2 or R1 (two)" in caught.value.message
    assert "and 2 more" in caught.value.message
    assert len(caught.value.message) < 1000


def test_a_region_without_an_answer_is_named(glances: Any, opened: Any) -> None:
    glances["R1"].fail("list", exception.RegionUnavailable("Region R1 does not answer"))
    with pytest.raises(exception.Unavailable, match="R1"):
        resolve.check_resources({"set": sync_set(new_ids(1))}, opened)


def test_a_region_that_is_busy_is_named(glances: Any, opened: Any) -> None:
    glances["R1"].fail("list", exception.RegionUnavailable("Slow down", 429, retry_after=9))
    with pytest.raises(exception.Unavailable, match=r"R1.*Slow down") as caught:
        resolve.check_resources({"set": sync_set(new_ids(1))}, opened)
    assert caught.value.retry_after == 9


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, exception.Forbidden),
        (403, exception.Forbidden),
        (400, exception.Unavailable),
        (404, exception.Unavailable),
    ],
)
def test_a_region_that_says_no_is_named(
    glances: Any, opened: Any, status: int, error: type[exception.KingbirdError]
) -> None:
    glances["R1"].fail("list", refused(status, "Go away"))
    with pytest.raises(error, match=r"R1.*Go away"):
        resolve.check_resources({"set": sync_set(new_ids(1))}, opened)


def test_a_region_that_is_away_is_in_nobodys_way(glances: Any, opened: Any) -> None:
    ids = new_ids(5)
    fill(glances["R2"], ids)
    glances["R1"].fail("list", unavailable(), times=None)
    resolve.check_resources({"set": sync_set(ids, ["R1", "R2"])}, opened)


def test_a_region_that_refuses_is_in_nobodys_way(glances: Any, opened: Any) -> None:
    ids = new_ids(5)
    fill(glances["R2"], ids)
    glances["R1"].fail("list", refused(403), times=None)
    resolve.check_resources({"set": sync_set(ids, ["R1", "R2"])}, opened)


def test_without_a_service_token_no_other_region_is_asked(glances: Any, opened: Any) -> None:
    """Each would take as long as Keystone does not answer."""
    glances["R1"].fail("list", exception.KeystoneUnavailable("No token"))
    with pytest.raises(exception.KeystoneUnavailable):
        resolve.check_resources({"set": sync_set(new_ids(1), ["R1", "R2"])}, opened)
    assert glances["R2"].calls == []


def test_a_region_that_is_away_may_have_what_is_missing(glances: Any, opened: Any) -> None:
    here, missing = new_ids(3), new_ids(2)
    fill(glances["R2"], here)
    glances["R1"].fail("list", unavailable(retry_after=9), times=None)
    sets = {
        "one": sync_set(here + missing, ["R1", "R2"]),
        "two": sync_set(missing, ["R2", "R1"]),
    }
    with pytest.raises(exception.Unavailable, match="region R1 can't be used") as caught:
        resolve.check_resources(sets, opened)
    assert caught.value.retry_after == 9
    assert len(glances["R1"].calls) == 1, "once is enough"


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(resolve.time, "monotonic", made)
    return made


def slow(
    monkeypatch: pytest.MonkeyPatch, images: FakeImages, clock: Clock, seconds: float
) -> list[float]:
    """Let each call to a region take its time; return the calls' timeouts as they are made."""
    timeouts = []
    list_by_ids = images.list_by_ids

    def noted(ids: list[str], *, hidden: bool, timeout: float) -> Any:
        timeouts.append(timeout)
        clock.now += min(seconds, timeout)
        if seconds > timeout:
            raise exception.RegionUnavailable(f"Region {images.region} does not answer")
        return list_by_ids(ids, hidden=hidden, timeout=timeout)

    monkeypatch.setattr(images, "list_by_ids", noted)
    return timeouts


def test_looking_ends_in_time(opened: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call takes no longer than is left, and none begins when nothing is."""
    timeouts = slow(monkeypatch, opened["R1"], clock, 7.5)
    with pytest.raises(exception.Unavailable, match="took too long; region R1") as caught:
        resolve.check_resources({"set": sync_set(new_ids(550))}, {"R1": opened["R1"]})
    assert caught.value.retry_after == 30
    assert timeouts == [8.0, 8.0, 8.0, 7.5]


def test_a_region_is_not_waited_for_longer_than_a_caller_waits(
    opened: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    timeouts = slow(monkeypatch, opened["R1"], clock, 60)
    with pytest.raises(exception.Unavailable, match="R1 does not answer"):
        resolve.check_resources({"set": sync_set(new_ids(250))}, {"R1": opened["R1"]})
    assert timeouts == [8.0]
    assert clock.now <= 100 + 9


def test_silent_regions_leave_time_for_others(
    glances: Any, opened: Any, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = new_ids(3)
    fill(glances["R2"], ids)
    timeouts = slow(monkeypatch, opened["R1"], clock, 60)
    resolve.check_resources({"set": sync_set(ids, ["R1", "R2"])}, opened)
    assert timeouts == [4.0]


def test_many_silent_regions_take_no_longer_than_one(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"R{number}" for number in range(9)]
    opened: Any = {name: FakeGlance(name).images_for(PROJECT) for name in names}
    timeouts = {name: slow(monkeypatch, images, clock, 60) for name, images in opened.items()}
    with pytest.raises(exception.Unavailable, match="R0 does not answer"):
        resolve.check_resources({"set": sync_set(new_ids(1), names)}, opened)
    assert [*timeouts.values()][:3] == [[4.0], [4.0], []]
    assert clock.now <= 100 + 9


def test_what_is_missing_for_certain_is_reported_first(glances: Any, opened: Any) -> None:
    glances["R1"].fail("list", unavailable(), times=None)
    sets = {"one": sync_set(new_ids(1), ["R1"]), "two": sync_set(new_ids(2), ["R2"])}
    with pytest.raises(exception.NotFound, match=r"2 image\(s\)"):
        resolve.check_resources(sets, opened)


def test_what_nobody_named_is_not_looked_for(glances: Any, opened: Any) -> None:
    sets = {"one": sync_set(["*"]), "two": sync_set(new_ids(1))}
    assert set(resolve.sets_with_ids(sets)) == {"two"}
    resolve.check_resources({"one": sets["one"]}, opened)
    assert glances["R1"].calls == []


ONE, TWO = new_ids(2)


@pytest.mark.parametrize(
    ("sets", "words"),
    [
        (
            [((ONE,), ("R2",), True), ((ONE,), ("R2",), False)],
            r"^b\.dry_run .* true as a\.dry_run",
        ),
        (
            [((ONE,), ("R2",), False), ((ONE,), ("R2",), True)],
            r"^b\.dry_run .* false as a\.dry_run",
        ),
        (
            [((TWO,), ("R2",), True), ((TWO, ONE), ("R3",), False), ((ONE,), ("R2", "R3"), True)],
            rf'^c\.dry_run .* false as b\.dry_run is, .* {ONE} for region "R3"$',
        ),
        ([((ONE,), ("R2",), True), ((ONE,), ("R3",), False)], None),
        ([((ONE,), ("R2",), True), ((TWO,), ("R2",), False)], None),
        ([((ONE,), ("R2",), True), ((ONE,), ("R2",), True)], None),
        ([((ONE,), ("R2",), True), (("*",), ("R2",), False)], None),
        ([], None),
    ],
)
def test_a_dry_run_and_a_sync_of_one_image_are_refused(sets: Any, words: str | None) -> None:
    by_field: Any = {
        field: {**sync_set(ids, targets=targets), "dry_run": dry_run}
        for field, (ids, targets, dry_run) in zip("abc", sets, strict=False)
    }
    if words is None:
        resolve.check_dry_runs(resolve.sets_with_ids(by_field))
    else:
        with pytest.raises(exception.BadRequest, match=words):
            resolve.check_dry_runs(by_field)


KNOWN = {"R1": "http://r1", "R2": "http://r2"}


@pytest.mark.parametrize(
    ("sources", "targets", "words"),
    [
        (["R3"], ["R2"], 'set.source names a region without an image endpoint: "R3"; known'),
        (["R1", "r2"], ["R2"], 'set.source .* "r2"; known are R1, R2'),
        (["R1"], ["R2", "R3"], 'set.target .* "R3"; known'),
        (["R1"], ["R2", "R1"], "set.target names R1, which is the only source; .* are R2$"),
        (["R1"], ["R" * 5000], r"RRR\.\.\.; known"),
    ],
)
def test_regions_that_are_refused(sources: Any, targets: Any, words: str) -> None:
    with pytest.raises(exception.BadRequest, match=words):
        resolve.check_regions({"set": sync_set([], sources, targets)}, KNOWN)


def test_an_only_region_has_no_other() -> None:
    with pytest.raises(exception.BadRequest, match=r"which is the only source; .* are none$"):
        resolve.check_regions({"set": sync_set([], ["R1"], ["R1"])}, {"R1": "http://r1"})


def test_no_region_is_known_without_a_catalog() -> None:
    with pytest.raises(exception.BadRequest, match="known are none"):
        resolve.check_regions({"set": sync_set([])}, {})


def test_one_of_several_sources_may_be_a_target() -> None:
    resolve.check_regions({"set": sync_set([], ["R1", "R2"], ["R1", "R2"])}, KNOWN)


@pytest.mark.parametrize(("sources", "targets"), [(["*"], ["*"]), (["R1", "*"], ["R2"])])
def test_a_star_is_no_unknown_region(sources: Any, targets: Any) -> None:
    resolve.check_regions({"set": sync_set(["*"], sources, targets)}, KNOWN)


@pytest.mark.parametrize(
    ("sources", "targets", "concrete"),
    [
        (["R2"], ["R1"], (["R2"], ["R1"])),
        (["R2"], ["*"], (["R2"], ["R1", "R3"])),
        (["R2", "R1"], ["*"], (["R2", "R1"], ["R1", "R2", "R3"])),
        (["*"], ["R1"], (["R1", "R2", "R3"], ["R1"])),
        (["*"], ["*"], (["R1", "R2", "R3"], ["R1", "R2", "R3"])),
        (["R3", "*"], ["*"], (["R3", "R1", "R2"], ["R1", "R2", "R3"])),
        (["*", "R3", "R2"], ["R1"], (["R3", "R2", "R1"], ["R1"])),
    ],
)
def test_what_a_star_stands_for(sources: Any, targets: Any, concrete: Any) -> None:
    known = {"R3": "http://r3", **KNOWN}
    resolved = resolve.resolve_regions({"set": sync_set(["*"], sources, targets)}, known)
    assert (resolved["set"]["sources"], resolved["set"]["targets"]) == concrete


@pytest.mark.parametrize(
    ("sources", "targets"), [(["R1"], ["*"]), (["*"], ["*"]), (["*"], ["R1"])]
)
def test_a_cloud_of_one_region_has_nothing_to_sync(sources: Any, targets: Any) -> None:
    with pytest.raises(exception.BadRequest, match=r"set leaves no region to sync to; .* R1"):
        resolve.resolve_regions({"set": sync_set(["*"], sources, targets)}, {"R1": "http://r1"})


def test_a_cloud_without_regions_has_nothing_to_sync() -> None:
    with pytest.raises(exception.BadRequest, match="are none"):
        resolve.resolve_regions({"set": sync_set(["*"], ["*"], ["*"])}, {})
