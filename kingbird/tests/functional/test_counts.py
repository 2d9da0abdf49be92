"""The number of calls that a sync makes, as the proxies count them."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Call, Proxy

IMAGES = 100
TARGETS = ["RegionTwo", "RegionThree"]
#: The lists that a target is asked for about images that it does not have.
LISTED = ("100", "100 hidden", "forced copies", "forced copies hidden")


def keystone_call(call: Call) -> str | None:
    """Return the name of a call that Kingbird makes to Keystone for a job.

    Validations of the middleware, the service user's own token and the reaper's list of trusts do
    not count.
    """
    if call.path.startswith("/v3/OS-TRUST/trusts") and call.writes:
        return f"{call.method} trust"
    if call.path == "/v3/auth/tokens" and call.method == "POST":
        trusted = "OS-TRUST:trust" in call.json["auth"].get("scope", {})
        return "POST token of a trust" if trusted else None
    apart = {("GET", "/v3/auth/tokens"), ("GET", "/v3/OS-TRUST/trusts")}
    return None if (call.method, call.path) in apart else f"{call.method} {call.path}"


def glance_call(call: Call) -> str:
    """Return the name of a call to Glance."""
    if call.method != "GET":
        return f"{call.method} {call.path}"
    assert call.path == "/v2/images", call
    hidden = " hidden" if call.query.get("os_hidden") == "true" else ""
    if "kingbird_forced" in call.query:
        return f"list forced copies{hidden}"
    count = len(call.query["id"].removeprefix("in:").split(","))
    assert count <= 100, call
    return f"list {count}{hidden}"


def test_calls_of_a_sync(
    demo: Person,
    api: Callable[[Person], KingbirdAPI],
    deployment: Deployment,
    glances: dict[str, Proxy],
) -> None:
    with ThreadPoolExecutor(4) as pool:
        # Images are shared by default, so their members are requested too.
        images = list(
            pool.map(lambda _: demo.make("RegionOne", visibility="private"), range(IMAGES))
        )
    ids = [image["id"] for image in images]
    # A new process has to make its one-time calls now.
    since = len(deployment.keystone.calls)
    assert api(demo).run(sync(demo.make("RegionOne")["id"])).status == SUCCESS
    wait_for_trust(deployment.keystone, since)

    before = {region: len(proxy.calls) for region, proxy in glances.items()}
    with deployment.keystone.recording() as calls:
        since = len(deployment.keystone.calls)
        job = api(demo).run(sync(*ids, target=TARGETS))
        wait_for_trust(deployment.keystone, since)
    assert job.status == SUCCESS
    assert len(job.items) == IMAGES * len(TARGETS)
    assert {item["reason"] for item in job.items} == {"created"}

    made = Counter(name for call in of_one_job(calls) if (name := keystone_call(call)))
    assert made == {"POST trust": 1, "POST token of a trust": 1, "DELETE trust": 1}
    lists = dict.fromkeys((f"list {what}" for what in LISTED), 1)
    assert counts(glances["RegionOne"], before["RegionOne"]) == {"list 100": 2}
    for region in TARGETS:
        assert counts(glances[region], before[region]) == {**lists, "POST /v2/images": IMAGES}

    before = {region: len(proxy.calls) for region, proxy in glances.items()}
    job = api(demo).run(sync(*ids, target=TARGETS))
    assert {item["reason"] for item in job.items} == {"in_sync"}
    assert counts(glances["RegionOne"], before["RegionOne"]) == {"list 100": 2}
    # Images that the visible list has are not looked up in the hidden list, or as forced copies.
    for region in TARGETS:
        assert counts(glances[region], before[region]) == {"list 100": 1}


def wait_for_trust(keystone: Proxy, since: int) -> None:
    """Wait until a job's trust is deleted, which is after the job's end."""
    eventually(
        "the trust is deleted",
        lambda: "DELETE trust" in map(keystone_call, of_one_job(keystone.calls[since:])),
    )


def of_one_job(calls: Sequence[Call]) -> list[Call]:
    """Return the calls without the deletions of trusts that rules and jobs of others left."""
    own = {
        call.json["auth"]["scope"]["OS-TRUST:trust"]["id"]
        for call in calls
        if keystone_call(call) == "POST token of a trust"
    }
    return [
        call for call in calls if call.method != "DELETE" or call.path.rpartition("/")[2] in own
    ]


def counts(proxy: Proxy, since: int) -> dict[str, int]:
    """Count the calls since then, by name."""
    return dict(Counter(glance_call(call) for call in proxy.calls[since:]))


def test_hidden_images_cost_one_more_list(
    demo: Person, api: Callable[[Person], KingbirdAPI], glances: dict[str, Proxy]
) -> None:
    shown, hidden = (
        demo.make("RegionOne", visibility="private", os_hidden=hidden) for hidden in (False, True)
    )
    before = len(glances["RegionOne"].calls)
    assert api(demo).run(sync(shown["id"], hidden["id"])).status == SUCCESS
    # API and engine each look up both images, and then the missing one among hidden images.
    expected = {"list 2": 2, "list 1 hidden": 2}
    assert counts(glances["RegionOne"], before) == expected


def test_one_list_of_members_a_shared_image(
    demo: Person, api: Callable[[Person], KingbirdAPI], glances: dict[str, Proxy]
) -> None:
    image = demo.make("RegionOne", visibility="shared")
    for members in (1, 0):
        before = len(glances["RegionOne"].calls)
        assert api(demo).run(sync(image["id"], target=TARGETS)).status == SUCCESS
        asked = [call.path for call in glances["RegionOne"].calls[before:]]
        assert asked.count(f"/v2/images/{image['id']}/members") == members
