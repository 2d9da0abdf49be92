"""Test images that would double a name in a target."""

import uuid

import pytest

from kingbird.sync import compare
from kingbird.sync import image as fields
from kingbird.sync.plan.retry_sets import sets_to_retry
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import refused, unavailable
from kingbird.tests.unit.sync.scene import ADMIN, DEMO, OTHER, Scene

ALL3 = ("R1", "R2", "R3")


@pytest.fixture
def scene():
    return Scene()


def active(scene, region="R1", data=b"data", **fields_of):
    image = scene.create(region, **{"visibility": "private", "name": "Debian", **fields_of})
    return scene.glances[region].upload(image["id"], data)


def one_set(ids=("*",), sources=("R1",), targets=("R2",), **options):
    return SyncSet(ids, sources, targets, **options)


def record_of_another(scene, **marks):
    """Make a record without data in R2, as Kingbird makes one of an image with the same data."""
    source = active(scene, "R3")
    record = fields.record_for(source, "R3", fields.Rules(), image_id=source["id"])
    return scene.images("R2").create({**record, **marks})


def with_other_hash(scene):
    other = active(scene, "R2")
    return scene.glances["R2"]._change(other["id"], os_hash_algo="md5", os_hash_value="x")


#: Images in the target, and whether one of them would double the name.
OTHERS = {
    "the same": (lambda scene: active(scene, "R2"), True),
    "public": (lambda scene: active(scene, "R2", visibility="public", owner=DEMO), True),
    "another algorithm": (with_other_hash, True),
    "a record of the same": (record_of_another, True),
    "a record, and a wrong hash": (
        lambda scene: record_of_another(scene, kingbird_source_hash="sha512:0"),
        False,
    ),
    "a record that inherited the hash": (
        lambda scene: record_of_another(scene, kingbird_source_id=str(uuid.uuid4())),
        False,
    ),
    "another name": (lambda scene: active(scene, "R2", name="debian"), False),
    "another owner": (lambda scene: active(scene, "R2", owner=OTHER, visibility="public"), False),
    "other data": (lambda scene: active(scene, "R2", b"other"), False),
    "no data": (lambda scene: scene.create("R2", name="Debian"), False),
    "hidden": (lambda scene: active(scene, "R2", os_hidden=True), False),
    "nothing": (lambda scene: None, False),
}


@pytest.mark.parametrize("is_admin", [False, True])
@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("wildcard", [False, True])
@pytest.mark.parametrize("kind", OTHERS)
def test_an_image_in_the_target(scene, kind, wildcard, dry_run, skips, is_admin):
    make, doubles = OTHERS[kind]
    other = make(scene)
    image = active(scene)
    ids = ("*",) if wildcard else (image["id"],)
    one = one_set(ids, dry_run=dry_run, skips_same_name=skips, all_projects=True)
    (item,) = scene.plan_sets(one, caller=scene.caller(ADMIN if is_admin else DEMO, is_admin))
    text = doubles and f"mage {other['id']} in R2 has the same name, owner and data"
    if doubles and skips:
        assert (item.action, item.work, item.target_resource) == ("none", None, other["id"])
        assert item.outcome.status == ("PLANNED" if dry_run else "SKIPPED")
        assert item.outcome.reason == "same_name"
        assert item.outcome.message == f"I{text}"
        return
    assert item.action == "create"
    if dry_run:
        assert item.outcome.status == "PLANNED"
        assert item.outcome.reason == ("same_name" if doubles else "missing")
        said = f"; same_name: i{text}" if doubles else ""
        assert item.outcome.message == f"Would be created from R1{said}"
    else:
        outcome = scene.apply(item, scene.caller(ADMIN if is_admin else DEMO, is_admin))
        assert outcome.reason == "created"
        assert outcome.message == (f"same_name: i{text}" if doubles else None)


@pytest.mark.parametrize("fields_of", [{"os_hidden": True}, {"name": ""}, {"name": "a\0b"}])
def test_an_image_that_doubles_no_name(scene, fields_of):
    """Create hidden images and those without a name that can be asked for."""
    active(scene, "R2", **{**fields_of, "os_hidden": False})
    active(scene, **fields_of)
    (item,) = scene.plan_sets(one_set(skips_same_name=True))
    assert item.action == "create"


@pytest.mark.parametrize("skips", [False, True])
def test_the_images_own_copies_are_no_others(scene, skips):
    """Make a forced copy beside a copy under the own id, without a word."""
    image = active(scene)
    active(scene, "R2", id=image["id"])
    one = one_set((image["id"],), force=True, skips_same_name=skips)
    (item,) = scene.plan_sets(one)
    assert (item.action, item.work.note) == ("create", None)
    # An image under a forced copy's id counts as that copy.
    active(scene, "R2", id=fields.forced_id(image["id"], "R2", 3))
    (item,) = scene.plan_sets(one)
    assert (item.action, item.outcome.reason) == ("none", "in_sync")


# Two ids in two regions.


@pytest.mark.parametrize("by_id", [False, True])
@pytest.mark.parametrize("dry_run", [False, True])
def test_two_ids_of_one_image_do_not_meet_in_a_third_region(scene, by_id, dry_run):
    first, second = sorted(str(uuid.uuid4()) for _ in range(2))
    active(scene, "R1", id=first)
    active(scene, "R2", id=second)
    ids = (first, second) if by_id else ("*",)
    one = one_set(ids, ALL3, ALL3, skips_same_name=True, dry_run=dry_run)
    for run in range(2):
        items = [item for item in scene.plan_sets(one) if item.target_region != item.source_region]
        found = {
            (item.resource, item.target_region): item.outcome and item.outcome.reason
            for item in items
            if not (run and item.outcome and item.outcome.reason == "no_data")
        }
        created = {(first, "R3"): "missing" if dry_run else None}
        skipped = {(first, "R2"), (second, "R1"), (second, "R3")}
        if not dry_run and run:
            created = {}
        assert found == dict.fromkeys(skipped, "same_name") | created
        (third,) = [
            item for item in items if (item.resource, item.target_region) == (second, "R3")
        ]
        assert first in third.outcome.message
        for item in items:
            if item.work:
                assert scene.apply(item).reason == "created"
    assert scene.glances["R3"].ids == (set() if dry_run else {first})


def test_the_default_doubles_names_and_says_so(scene):
    for region in ("R1", "R2"):
        active(scene, region)
    items = scene.plan_sets(one_set(("*",), ALL3, ALL3))
    said = [scene.apply(item).message for item in items]
    assert len(said) == 4
    assert sum(bool(message) for message in said) == 3
    assert sum("that the job makes in R3" in (message or "") for message in said) == 1


def test_a_set_by_id_and_a_wildcard_share_what_they_make(scene):
    named, other = active(scene)["id"], active(scene)["id"]
    sets = one_set((named,)), one_set(skips_same_name=True)
    items = {item.resource: item for item in scene.plan_sets(*sets)}
    assert items[named].action == "create"
    assert items[other].outcome.reason == "same_name"
    assert items[other].target_resource == named


def test_a_retry_skips_too():
    one = one_set(skips_same_name=True)
    (retried,) = sets_to_retry([one], [("x", "R2")]).sets
    assert retried.skips_same_name


# Kernels.


@pytest.mark.parametrize("ids", ["ami", "all", "filtered"])
def test_a_machine_image_names_the_other_kernel(scene, ids):
    kernel = active(scene, data=b"kernel", name="kernel")["id"]
    other = active(scene, "R2", b"kernel", name="kernel")["id"]
    ami = active(scene, name="ami", kernel_id=kernel)["id"]
    one = {
        "ami": one_set((ami,), skips_same_name=True),
        "all": one_set(skips_same_name=True),
        "filtered": one_set(skips_same_name=True, filters={"name": "ami"}),
    }[ids]
    items = {item.resource: item for item in scene.plan_sets(one)}
    assert items[kernel].outcome.reason == "same_name"
    assert items[ami].work.record["kernel_id"] == other
    assert scene.apply(items[ami]).reason == "created"
    again = {item.resource: item.outcome.reason for item in scene.plan_sets(one)}
    assert again[kernel] == "same_name"
    assert again.get(ami) == ("no_data" if ids == "ami" else None)


# Calls.


def names_asked(scene, region="R2"):
    calls = [detail for name, detail in scene.glances[region].calls if name == "list"]
    return [detail["name"] for detail in calls if isinstance(detail, dict) and "name" in detail]


@pytest.mark.parametrize("wildcard", [False, True])
def test_one_call_for_a_hundred_names(scene, wildcard):
    ids = tuple(active(scene, name=f"n{n}")["id"] for n in range(150))
    one = one_set(("*",) if wildcard else ids, ("R1",), ("R2", "R3"))
    items = scene.plan_sets(one)
    assert len(items) == 300
    for region in ("R2", "R3"):
        assert [len(value[0].split(",")) for value in names_asked(scene, region)] == [100, 50]
    asked = [detail for name, detail in scene.glances["R2"].calls if name == "list"]
    owners = [each["owner"] for each in asked if isinstance(each, dict) and "name" in each]
    assert owners == [[DEMO], [DEMO]]
    assert not names_asked(scene, "R1")
    for item in items:
        scene.apply(item)
    for glance in scene.glances.values():
        glance.calls.clear()
    scene.plan_sets(one)
    assert not [*names_asked(scene, "R2"), *names_asked(scene, "R3")]


def test_a_name_that_many_images_have_is_listed_by_the_page(scene):
    for _ in range(5):
        active(scene, "R2", b"other")
    last = active(scene, "R2")["id"]
    active(scene)
    scene.glances["R2"].page_size = 2
    (item,) = scene.plan_sets(one_set(skips_same_name=True))
    assert item.target_resource == last


def test_an_admins_records_of_several_owners_are_looked_up_at_once(scene):
    doubled = active(scene, "R2", owner=OTHER)["id"]
    for owner in (OTHER, DEMO):
        active(scene, owner=owner)
    one = one_set(all_projects=True, skips_same_name=True)
    items = scene.plan_sets(one, caller=scene.caller(ADMIN, is_admin=True))
    assert sorted(item.target_resource == doubled for item in items) == [False, True]
    assert names_asked(scene) == [['in:"Debian"']]


# Names that can't be looked up.


@pytest.mark.parametrize("dry_run", [False, True])
@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize(
    ("error", "reason"), [(unavailable(), "region_unavailable"), (refused(403), "forbidden")]
)
def test_a_region_that_lists_no_names(scene, error, reason, skips, dry_run):
    """Create nothing that was to be skipped, and say what is not known otherwise."""
    scene.glances["R2"].fail(
        "list",
        lambda asked: error if isinstance(asked, dict) and "name" in asked else None,
        times=None,
    )
    active(scene)
    items = scene.plan_sets(one_set(targets=("R2", "R3"), skips_same_name=skips, dry_run=dry_run))
    found = {item.target_region: item for item in items}
    assert found["R3"].action == "create"
    if skips:
        assert (found["R2"].action, found["R2"].work) == ("none", None)
        assert (found["R2"].outcome.status, found["R2"].outcome.reason) == ("FAILURE", reason)
        return
    message = found["R2"].outcome.message if dry_run else scene.apply(found["R2"]).message
    assert "Images of the same name could not be looked up in R2: " in message


def test_a_region_that_failed_is_asked_no_more(scene):
    for n in range(150):
        active(scene, name=f"n{n}")
    asked = []

    def failing(query):
        if "name" not in query:
            return None
        asked.append(query)
        return refused(400, "No names.")

    scene.glances["R2"].fail("list", failing, times=None)
    items = scene.plan_sets(one_set(skips_same_name=True))
    assert {item.outcome.reason for item in items} == {"listing_refused"}
    # The names of the 150 images take two calls, which begin at the same time.
    assert len(asked) <= 2


def test_a_note_about_members_comes_after_it(scene):
    active(scene, "R2")
    scene.glances["R1"].fail("members", refused(403, "Not yours."))
    active(scene, visibility="shared")
    (item,) = scene.plan_sets(one_set())
    message = scene.apply(item).message
    assert 0 <= message.find("same_name: ") < message.find("Its members could not be listed")


@pytest.mark.parametrize(
    ("image", "keys"),
    [
        ({"status": "queued", "os_hash_algo": "a", "os_hash_value": "b"}, set()),
        ({"status": "active"}, set()),
        ({"status": "active", "os_hash_algo": "a", "os_hash_value": "b"}, {"a:b"}),
        ({"status": "active", "checksum": "c", "size": 1}, {"c 1"}),
        (
            {"status": "deactivated", "os_hash_algo": "a", "os_hash_value": "b", "checksum": "c"},
            {"a:b", "c None"},
        ),
    ],
)
def test_keys_of_data(image, keys):
    """Give images with the same data a key in common."""
    assert compare.data_keys(image) == keys
