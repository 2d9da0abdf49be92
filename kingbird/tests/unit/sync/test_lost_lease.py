"""No call that writes to Glance is made once the lease is lost: each call, wherever it is made."""

import contextlib
import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from kingbird import exception
from kingbird.clients.glance import ImageClient
from kingbird.clients.image_lists import Image
from kingbird.states import MemberMode
from kingbird.sync.request import SyncSet
from kingbird.tests.doubles.glance import HALF_MADE, FakeGlance, refused, unavailable
from kingbird.tests.unit.sync.scene import ADMIN, DEMO, OTHER, Scene

#: Values for the arguments of the client's calls, by type.
VALUES: dict[Any, Any] = {
    str: "aaaaaaaa-0000-4000-8000-000000000001",
    str | None: "aaaaaaaa-0000-4000-8000-000000000001",
    bytes: b"{}",
    bool: False,
    Image: {},
    Iterable[str]: ["aaaaaaaa-0000-4000-8000-000000000001"],
    list[dict[str, Any]]: [],
}


class Recorder(ImageClient):
    """Note the HTTP methods that are used instead of calling a Glance."""

    def __init__(self) -> None:
        self.region = "R1"
        self.methods: set[str] = set()

    def _fetch(self, method: str, url: str, **kwargs: Any) -> bytes:
        self.methods.add(method)
        return b'{"id": "a", "images": [], "members": []}'


def methods_of(call: Callable[..., Any]) -> set[str]:
    """Return the HTTP methods that a call of the client uses."""
    client = Recorder()
    types = typing.get_type_hints(call)
    _, *parameters = inspect.signature(call).parameters.values()
    needed = [one.name for one in parameters if one.default is one.empty]
    with contextlib.suppress(exception.KingbirdError):
        call(client, **{name: VALUES[types[name]] for name in needed})
    return client.methods


#: The calls of the client that write.
WRITES = sorted(
    name
    for name, call in inspect.getmembers(ImageClient, inspect.isfunction)
    if not name.startswith("_") and methods_of(call) - {"GET"}
)


class Region(FakeGlance):
    """A region in which the lease is lost after a number of calls.

    :ivar lose_after: the number of calls; ``None`` keeps the lease.
    :ivar made: whether each call wrote.
    """

    lose_after: int | None = None

    def __init__(self, region: str) -> None:
        super().__init__(region)
        self.made: list[bool] = []

    def handle(self, caller: Any, method: str, url: str, body: Any) -> bytes:
        self.made.append(method != "GET")
        return super().handle(caller, method, url, body)

    def check(self) -> None:
        """Check the lease, as an engine does."""
        if self.lose_after is not None and len(self.made) >= self.lose_after:
            raise exception.LeaseLost("Another engine has the work")


class Work:
    """An item in R2 and the faults of R2 on the way.

    :param options: of the set.
    """

    def __init__(self, *, is_admin: bool = False, **fields: Any) -> None:
        self.scene = Scene(retry_timeout=60)
        self.region = self.scene.glances["R2"] = Region("R2")
        self.caller = self.scene.caller(ADMIN, True) if is_admin else self.scene.caller()
        self.image = self.scene.create(tags=["x"], p="v", **fields)["id"]

    def plan(self, **options: Any) -> None:
        options = {"preferred": ("R1",), **options}
        wanted = SyncSet((self.image,), ("R1",), ("R2",), options.pop("force", False), **options)
        (self.item,) = self.scene.plan_sets(wanted, caller=self.caller)
        self.region.made.clear()

    def sweep(self) -> None:
        """Plan a set that has orphans deleted."""
        wanted = SyncSet(("*",), ("R1",), ("R2",), on_orphan="delete")
        (self.item,) = (
            item
            for item in self.scene.plan_sets(wanted, caller=self.caller)
            if item.resource == self.image
        )
        self.region.made.clear()

    def do(self, lose_after: int | None) -> list[bool]:
        """Do the work until the lease is lost, and return which calls wrote."""
        self.region.lose_after = lose_after
        try:
            self.scene.apply(self.item, self.caller, may_write=self.region.check)
        except exception.LeaseLost:
            assert lose_after is not None
        else:
            assert lose_after is None or not any(self.region.made[lose_after:])
        return self.region.made


def created() -> Work:
    work = Work()
    work.plan()
    return work


def created_in_a_second_try() -> Work:
    work = created()
    work.region.fail("create", unavailable(503), times=2)
    work.region.fail("get", unavailable(503))
    return work


def created_under_the_next_id() -> Work:
    work = Work()
    (outcome,) = work.scene.sync(work.image, force=True)
    work.region.delete(str(outcome.target_resource))
    work.plan(force=True)
    return work


def completed() -> Work:
    work = created()
    work.region.fail("create", unavailable(500), when=HALF_MADE)
    return work


def shared(**faults: Any) -> Work:
    work = Work(is_admin=True, visibility="shared", owner=DEMO)
    work.scene.glances["R1"].share(work.image, OTHER)
    work.scene.glances["R1"].share(work.image, ADMIN, "pending")
    work.plan()
    for name, error in faults.items():
        work.region.fail(name, error)
    return work


def shared_in_a_second_try() -> Work:
    return shared(share=unavailable(503), accept=unavailable(503))


def updated() -> Work:
    work = Work(is_admin=True, visibility="shared", owner=DEMO)
    work.scene.sync(work.image, caller=work.caller)
    work.scene.glances["R1"].share(work.image, OTHER)
    work.scene.images("R1").update(
        work.image, [{"op": "add", "path": "/name", "value": "another"}]
    )
    work.plan(updates=True)
    return work


def updated_after_a_change() -> Work:
    work = updated()
    work.scene.images("R2").update(work.image, [{"op": "add", "path": "/p", "value": "changed"}])
    work.region.made.clear()
    work.region.fail("update", refused(409))
    return work


def quarantined() -> Work:
    work = Work()
    work.scene.glances["R1"].upload(work.image, b"x")
    work.scene.sync(work.image)
    work.region.upload(work.image, b"x")
    work.scene.images("R1").update(work.image, [{"op": "add", "path": "/p", "value": "new"}])
    work.scene.images("R1").set_active(work.image, False)
    work.plan(updates=True)
    return work


def released() -> Work:
    work = quarantined()
    work.scene.images("R2").set_active(work.image, False)
    work.scene.images("R1").set_active(work.image, True)
    work.plan(updates=True)
    return work


def exact() -> Work:
    work = Work(is_admin=True, visibility="shared", owner=DEMO)
    work.scene.sync(work.image, caller=work.caller)
    work.scene.glances["R1"].share(work.image, OTHER)
    work.scene.glances["R2"].share(work.image, ADMIN)
    work.plan(updates=True, members=MemberMode.EXACT)
    return work


def exact_in_a_second_try() -> Work:
    work = exact()
    for call in ("unshare", "share", "accept"):
        work.region.fail(call, unavailable(503))
    return work


def orphaned() -> Work:
    work = Work()
    work.scene.create("R1", name="another")
    work.scene.sync(work.image)
    work.scene.glances["R1"].delete(work.image)
    work.sweep()
    return work


def orphaned_for_long() -> Work:
    work = orphaned()
    work.scene.apply(work.item, work.caller)
    work.sweep()
    return work


def revived() -> Work:
    work = orphaned()
    work.scene.apply(work.item, work.caller)
    work.scene.glances["R1"].purge()
    work.scene.create("R1", id=work.image)
    work.sweep()
    return work


def undone(work: Work) -> Work:
    """Return the work of undoing some other work."""
    outcome = work.scene.apply(work.item, work.caller)
    assert work.item.work is not None
    spec = dataclasses.replace(work.item.work, undo={**(outcome.undo or {}), "job": "j"})
    work.item = dataclasses.replace(work.item, work=spec)
    work.region.made.clear()
    return work


#: The ways to each call that writes.
WAYS = {
    "create": (created, created_in_a_second_try, created_under_the_next_id),
    "update": (
        *(completed, updated, updated_after_a_change),
        *(lambda: undone(created()), lambda: undone(updated())),
        *(orphaned, revived),
    ),
    "delete": (orphaned_for_long,),
    "set_active": (quarantined, released, lambda: undone(quarantined())),
    "add_member": (shared, shared_in_a_second_try, exact, exact_in_a_second_try),
    "set_member_status": (shared, shared_in_a_second_try, exact),
    "remove_member": (exact, exact_in_a_second_try),
}


def test_each_call_that_writes_has_a_row() -> None:
    # The tests of the importer have the way to an import.
    assert sorted([*WAYS, "import_data"]) == WRITES


@pytest.mark.parametrize(
    ("call", "way"),
    [(call, way) for call, ways in WAYS.items() for way in ways],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_no_call_writes_once_the_lease_is_lost(
    call: str, way: Callable[[], Work], monkeypatch: pytest.MonkeyPatch
) -> None:
    called = []
    plain = getattr(ImageClient, call)

    def noted(self: ImageClient, *args: Any) -> Any:
        called.append(call)
        return plain(self, *args)

    monkeypatch.setattr(ImageClient, call, noted)
    whole = list(way().do(None))
    assert called, f"this is no way to {call}"
    for lost_after in range(len(whole) + 1):
        made = way().do(lost_after)
        assert made[:lost_after] == whole[:lost_after]
        assert not any(made[lost_after:]), f"{call} after the lease was lost"
