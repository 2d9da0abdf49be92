"""The credentials of jobs: trusts that end with the job, or a token if there can be no trust."""

from collections.abc import Callable
from typing import Any

import pytest
import requests
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Call, Proxy, error
from kingbird.tests.functional.test_faults import is_post
from kingbird.tests.waiting import PATIENCE

API = Callable[[Person], KingbirdAPI]

TOKEN_HEADERS = ("X-Auth-Token", "X-Subject-Token", "X-Service-Token")


def trusts(admin: Person, cloud: Any) -> list[dict[str, Any]]:
    """Return the trusts made to Kingbird's service user."""
    query = f"/OS-TRUST/trusts?trustee_user_id={cloud.users['kingbird']}"
    found: list[dict[str, Any]] = admin.keystone("GET", query).json()["trusts"]
    return found


def is_trust(call: Call) -> bool:
    return call.path.startswith("/v3/OS-TRUST/trusts") and call.writes


def is_trust_token(call: Call) -> bool:
    """Return True if a call requests a token of a trust."""
    if (call.method, call.path) != ("POST", "/v3/auth/tokens"):
        return False
    return "OS-TRUST:trust" in call.json["auth"].get("scope", {})


@pytest.mark.parametrize("name", ["demo", "admin"])
def test_a_trust_lives_as_long_as_its_job(
    name: str,
    person: Callable[..., Person],
    admin: Person,
    cloud: Any,
    api: API,
    deployment: Deployment,
) -> None:
    who = person(name)
    image = who.make("RegionOne")
    with deployment.keystone.recording() as calls:
        assert api(who).run(sync(image["id"])).status == SUCCESS
        eventually("no trust is left", lambda: not trusts(admin, cloud))
    made, deleted = [call for call in calls if is_trust(call)]
    assert (made.method, deleted.method) == ("POST", "DELETE")
    trust = made.json["trust"]
    assert trust["impersonation"] is True
    assert trust["project_id"] == who.project_id
    assert trust["expires_at"]
    roles = {role["id"]: role["name"] for role in admin.keystone("GET", "/roles").json()["roles"]}
    delegated = [roles[role["id"]] for role in trust["roles"]]
    assert delegated == (["admin"] if name == "admin" else ["member"])


def test_tokens_renew_through_the_trust(
    demo: Person, api: API, deployment: Deployment, glances: dict[str, Proxy]
) -> None:
    """A job that outlives its token gets a new one when Glance rejects the old one."""
    image = demo.make("RegionOne")
    with (
        glances["RegionTwo"].recording() as calls,
        glances["RegionTwo"].broken(error(401), is_post, times=1),
        deployment.keystone.recording() as keystone_calls,
    ):
        job = api(demo).run(sync(image["id"]))
    assert job.outcome == (SUCCESS, "created")
    posts = [call for call in calls if is_post(call)]
    assert [post.status for post in posts] == [401, 201]
    first, second = [post.headers["X-Auth-Token"] for post in posts]
    assert first != second
    tokens = [call for call in keystone_calls if is_trust_token(call)]
    assert [call.status for call in tokens] == [201, 201]


def test_an_application_credential(
    demo: Person,
    admin: Person,
    cloud: Any,
    api: API,
    deployment: Deployment,
    application_token: str,
) -> None:
    image = demo.make("RegionOne", tags=["one"])
    with deployment.keystone.recording() as calls:
        job = api(demo).run(sync(image["id"], force=True), token=application_token)
    assert job.outcome == (SUCCESS, "created")
    assert demo.see("RegionTwo", job.only["target_resource"])["tags"] == ["one"]
    assert not [call for call in calls if is_trust(call)]
    # The trust of the previous job may still exist for a moment.
    eventually("no trust is left", lambda: not trusts(admin, cloud))


#: The calls of Kingbird that an application credential may make.
ACCESS_RULES = [
    {"service": "synchronization", "method": method, "path": path}
    for method, path in (
        ("POST", "/v1.0/*/os-sync"),
        ("GET", "/v1.0/*/os-sync"),
        ("GET", "/v1.0/*/os-sync/*"),
    )
]


@pytest.mark.parametrize("wildcard", [False, True])
def test_access_rules_for_synchronization_alone(
    wildcard: bool,
    newcomer: Person,
    api: API,
    cloud: Any,
    glances: dict[str, Proxy],
) -> None:
    """Kingbird's service token tells Glance that no user makes the calls, from API and engine."""
    image = newcomer.make("RegionOne", visibility="private")
    token = newcomer.application_token(access_rules=ACCESS_RULES)
    # Glance applies the rules to the user's own calls.
    url = f"{cloud.glance_urls['RegionOne']}/v2/images"
    assert requests.get(url, headers={"X-Auth-Token": token}, timeout=PATIENCE).status_code == 401
    body = sync(image["id"])
    if wildcard:
        body.update(resources=["*"], filters={"status": "queued"})
    with glances["RegionOne"].recording() as calls:
        job = api(newcomer).run(body, token=token)
    assert job.outcome == (SUCCESS, "created")
    assert newcomer.see("RegionTwo", image["id"])["owner"] == newcomer.project_id
    assert calls
    assert all("X-Service-Token" in call.headers for call in calls)
    # The rules hold for Kingbird.
    assert api(newcomer).call("GET", token=token).status_code == 200
    assert api(newcomer).call("DELETE", f"/{job.id}", token=token).status_code == 401


def test_a_token_of_a_trust(demo: Person, admin: Person, cloud: Any, api: API) -> None:
    """Keystone makes no trust from a trust's token, so the message carries the token."""
    roles = admin.keystone("GET", "/roles?name=member").json()["roles"]
    trust = demo.keystone(
        "POST",
        "/OS-TRUST/trusts",
        json={
            "trust": {
                "trustor_user_id": demo.user_id,
                "trustee_user_id": admin.user_id,
                "project_id": demo.project_id,
                "impersonation": True,
                "roles": [{"id": roles[0]["id"]}],
            }
        },
    ).json()["trust"]
    credentials = cloud.credentials("admin")
    for name in ("project_name", "project_domain_id"):
        credentials.pop(name)
    session = Session(auth=v3.Password(**credentials, trust_id=trust["id"]))
    image = demo.make("RegionOne")
    job = api(demo).run(sync(image["id"]), token=str(session.get_token()))
    assert job.outcome == (SUCCESS, "created")
    assert demo.see("RegionTwo", image["id"])["owner"] == demo.project_id


def test_tokens_are_nowhere(
    demo: Person,
    api: API,
    deployment: Deployment,
    glances: dict[str, Proxy],
    application_token: str,
) -> None:
    image = demo.make("RegionOne")
    assert api(demo).run(sync(image["id"])).status == SUCCESS
    job = api(demo).run(sync(image["id"], force=True), token=application_token)
    assert job.status == SUCCESS
    proxies = (deployment.keystone, *glances.values())
    tokens = {
        value
        for proxy in proxies
        for call in proxy.calls
        for name, value in call.headers.items()
        if name.title() in TOKEN_HEADERS
    }
    assert {demo.token, application_token} <= tokens
    texts = {str(log): log.read_text(errors="replace") for log in deployment.logs}
    assert any("DEBUG" in text for text in texts.values())
    texts |= {f"table {name}": repr(rows) for name, rows in deployment.rows().items()}
    assert job.id in texts["table jobs"]
    for name, text in texts.items():
        assert not [token for token in tokens if token in text], f"a token is in {name}"
        assert "s3cret" not in text, f"a password is in {name}"
