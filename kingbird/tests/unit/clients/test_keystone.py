"""Requests to Keystone, as they come over HTTP, and the results of its answers."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import requests_mock
from keystoneauth1 import fixture

from kingbird import exception
from kingbird.clients.keystone import Keystone
from kingbird.context import RequestContext

URL = "http://keystone.test/v3"
TOKENS, TRUSTS = f"{URL}/auth/tokens", f"{URL}/OS-TRUST/trusts"
GROUP = "keystone_authtoken"
REQUEST = "X-Openstack-Request-Id"
USER = {
    "auth_type": "password",
    "auth_url": URL,
    "username": "kingbird",
    "password": "s3cret",
    "user_domain_name": "Users",
    "project_name": "service",
    "project_domain_name": "Projects",
}
CONTEXT = RequestContext(
    auth_token="users-own",
    user_id="user",
    project_id="project",
    global_request_id=f"req-{'1' * 8}-1111-4111-8111-{'1' * 12}",
    token_info={"token": {"roles": [{"name": "member", "id": "role"}]}},
)


@pytest.fixture
def read(conf, tmp_path):
    """Give a function that reads a file with some options of the service user."""

    def read_options(**options):
        file = tmp_path / "kingbird.conf"
        lines = [f"{name} = {value}" for name, value in options.items()]
        file.write_text("\n".join([f"[{GROUP}]", *lines, ""]))
        conf(["--config-file", str(file)], project="kingbird")
        return conf

    return read_options


@pytest.fixture
def keystone(read):
    return Keystone(read(**USER))


@pytest.fixture
def http():
    """Give a Keystone that answers, and notes what it is asked."""
    with requests_mock.Mocker() as mocker:
        token = fixture.V3Token(user_id="kingbird-id", project_id="service-id")
        for role in ("admin", "service"):
            token.add_role(name=role)
        image = token.add_service("image")
        image.add_endpoint("public", "http://one.test", region="R1")
        image.add_endpoint("internal", "http://two.test", region="R2")
        mocker.post(TOKENS, json=token, headers={"X-Subject-Token": "its"}, status_code=201)
        mocker.post(TRUSTS, json={"trust": {"id": "t1"}}, status_code=201)
        mocker.get(TRUSTS, json={"trusts": [{"id": "t1"}, {"id": "t2"}]})
        mocker.delete(f"{TRUSTS}/t1", status_code=204)
        yield mocker


def asked(http):
    """Return the calls as method and path."""
    return [(call.method, call.path.removeprefix("/v3")) for call in http.request_history]


def sent(http, number=-1):
    return json.loads(http.request_history[number].text)


@pytest.mark.parametrize("url", [URL, f"{URL}/", URL.removesuffix("/v3"), f"{URL[:-3]}/"])
def test_the_version_belongs_to_the_url(read, url):
    assert Keystone(read(**{**USER, "auth_url": url})).auth_url == URL


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "has no auth_type"),
        ({"auth_type": "nosuch"}, "can't be used"),
        ({"auth_type": "password", "auth_url": URL, "password": "s3cret"}, "names no user"),
    ],
)
def test_options_without_a_user_with_a_password(read, options, said):
    with pytest.raises(exception.ConfigurationError, match=said) as caught:
        Keystone(read(**options)).validate_config()
    assert f"[{GROUP}]" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["username", "user_id"])
def test_a_user_has_a_name_or_an_id(read, name):
    options = {key: value for key, value in USER.items() if key != "username"}
    Keystone(read(**options, **{name: "kingbird"})).validate_config()


@pytest.mark.parametrize(("own", "timeout", "expected"), [(3, None, 3), (3, 2, 2), (1, 2, 1)])
def test_a_call_takes_no_longer_than_both_limits(read, own, timeout, expected):
    conf = read(**USER)
    conf.set_override("call_timeout", own, group="glance")
    keystone = Keystone(conf, timeout=timeout)
    assert keystone.session.call_timeout == expected
    assert keystone.session is keystone.session, "connections are shared"


def test_the_service_user_gets_one_token_in_its_project(keystone, http):
    assert keystone.service_user_id() == "kingbird-id"
    assert keystone.service_roles() == {"admin", "service"}
    assert asked(http) == [("POST", "/auth/tokens")]
    auth = sent(http)["auth"]
    assert auth["identity"] == {
        "methods": ["password"],
        "password": {
            "user": {"name": "kingbird", "password": "s3cret", "domain": {"name": "Users"}}
        },
    }
    assert auth["scope"] == {"project": {"name": "service", "domain": {"name": "Projects"}}}


def test_the_service_user_may_be_named_by_ids(read, http):
    ids = {"user_id": "u", "project_id": "p", "auth_type": "password", "auth_url": URL}
    Keystone(read(**ids, password="s3cret")).service_user_id()
    auth = sent(http)["auth"]
    assert auth["identity"]["password"]["user"] == {"id": "u", "password": "s3cret"}
    assert auth["scope"] == {"project": {"id": "p"}}


def test_the_service_users_domains_may_be_named_by_ids(read, http):
    names = {**USER, "user_domain_id": "ud", "project_domain_id": "pd"}
    del names["user_domain_name"], names["project_domain_name"]
    Keystone(read(**names)).service_user_id()
    auth = sent(http)["auth"]
    assert auth["identity"]["password"]["user"]["domain"] == {"id": "ud"}
    assert auth["scope"]["project"]["domain"] == {"id": "pd"}


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_a_service_user_without_a_token(keystone, http, status, caplog):
    http.post(TOKENS, status_code=status)
    with pytest.raises(exception.KeystoneUnavailable) as caught:
        keystone.service_user_id()
    assert caught.value.retry_after == 5
    assert "Unable to get a token for the service user" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_trust_is_made_with_the_users_token(keystone, http):
    assert keystone.create_trust(CONTEXT) == ("t1", "member")
    assert asked(http) == [("POST", "/auth/tokens"), ("POST", "/os-trust/trusts")]
    call = http.last_request
    assert call.headers["X-Auth-Token"] == "users-own"
    assert call.headers[REQUEST] == CONTEXT.global_id
    trust = sent(http)["trust"]
    assert trust.pop("expires_at").endswith("Z")
    assert trust == {
        "trustor_user_id": "user",
        "trustee_user_id": "kingbird-id",
        "project_id": "project",
        "roles": [{"id": "role"}],
        "impersonation": True,
        "allow_redelegation": False,
    }


@pytest.mark.parametrize("method", ["application_credential", "oauth1", "ec2credential"])
def test_some_tokens_make_no_trust(keystone, http, method):
    info = {"token": {"methods": ["password", method], "roles": [{"name": "member", "id": "r"}]}}
    context = RequestContext(auth_token="t", user_id="u", project_id="p", token_info=info)
    with pytest.raises(exception.TrustRefused):
        keystone.create_trust(context)
    assert not http.called


def test_a_token_of_a_trust_makes_no_trust(keystone, http):
    info = {"token": {"OS-TRUST:trust": {"id": "t"}, "roles": [{"name": "member", "id": "r"}]}}
    context = RequestContext(auth_token="t", user_id="u", project_id="p", token_info=info)
    with pytest.raises(exception.TrustRefused):
        keystone.create_trust(context)
    assert not http.called


def test_a_job_acts_by_its_trust_alone(keystone, http):
    auth = keystone.trust_auth("t1", global_request_id="req-1")
    assert auth.get_token(keystone.session) == "its"
    assert sent(http)["auth"]["scope"] == {"OS-TRUST:trust": {"id": "t1"}}
    assert http.last_request.headers[REQUEST] == "req-1"


def test_a_call_without_a_request_has_no_request_id(keystone, http):
    keystone.trust_auth("t1").get_token(keystone.session)
    keystone.delete_trust("t1")
    assert not [call for call in http.request_history if REQUEST in call.headers]


def test_a_users_token_goes_with_the_services_own(keystone, http):
    headers = keystone.token_auth("users-own").get_headers(keystone.session)
    assert headers["X-Auth-Token"] == "users-own"
    assert headers["X-Service-Token"] == "its"


@pytest.mark.parametrize(("interface", "region"), [("public", "R1"), ("internal", "R2")])
def test_regions_are_those_of_the_catalog_by_interface(keystone, http, interface, region):
    keystone._conf.set_override("interface", interface, group="glance")
    found = keystone.regions(keystone.trust_auth("t1"))
    assert list(found) == [region]


def test_a_token_without_a_catalog_has_no_regions(keystone, http):
    bare = fixture.V3Token(user_id="u")
    http.post(TOKENS, json=bare, headers={"X-Subject-Token": "its"}, status_code=201)
    assert keystone.regions(keystone.trust_auth("t1")) == {}


def test_a_trust_deletes_itself(keystone, http):
    keystone.delete_trust("t1", keystone.trust_auth("t1"), global_request_id="req-1")
    assert asked(http) == [("POST", "/auth/tokens"), ("DELETE", "/os-trust/trusts/t1")]
    assert sent(http, 0)["auth"]["scope"] == {"OS-TRUST:trust": {"id": "t1"}}
    assert http.last_request.headers[REQUEST] == "req-1"


def test_the_service_user_deletes_what_does_not_delete_itself(keystone, http):
    http.delete(f"{TRUSTS}/t1", [{"status_code": 403}, {"status_code": 204}])
    keystone.delete_trust("t1", keystone.trust_auth("t1"), global_request_id="req-1")
    assert [method for method, _ in asked(http)] == ["POST", "DELETE", "POST", "DELETE"]
    assert "project" in sent(http, 2)["auth"]["scope"]
    assert http.last_request.headers[REQUEST] == "req-1"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_lead_elsewhere_is_gone(keystone, http, name):
    keystone.delete_trust(name)
    assert not http.called


def test_the_trusts_to_the_service_user(keystone, http):
    assert keystone.list_service_trusts() == ["t1", "t2"]
    assert http.last_request.qs == {"trustee_user_id": ["kingbird-id"]}
    assert http.last_request.headers["X-Auth-Token"] == "its"


@pytest.mark.parametrize("status", [401, 403, 500])
def test_trusts_that_can_not_be_listed(keystone, http, status):
    http.get(TRUSTS, status_code=status)
    with pytest.raises(exception.KeystoneUnavailable):
        keystone.list_service_trusts()


def test_tls_and_certificates_are_those_of_the_options(read, tmp_path):
    file = tmp_path / "file.pem"
    file.write_text("")
    conf = read(**USER, cafile=file, certfile=file, keyfile=file)
    session = Keystone(conf).session
    assert (session.verify, session.cert) == (str(file), (str(file), str(file)))
    assert Keystone(read(**USER, insecure=True)).session.verify is False


def _token(seconds):
    expires = datetime.now(UTC) + timedelta(seconds=seconds)
    return fixture.V3Token(user_id="u", project_id="p", expires=expires.replace(tzinfo=None))


@pytest.mark.parametrize(
    ("lives", "requests", "lasts"),
    [([3600], 1, True), ([300, 3600], 2, True), ([300, 300], 2, False)],
)
def test_the_token_of_a_trust_is_renewed_if_it_ends_soon(keystone, http, lives, requests, lasts):
    answers = [
        {"json": _token(life), "headers": {"X-Subject-Token": str(life)}, "status_code": 201}
        for life in lives
    ]
    http.post(TOKENS, answers)
    assert keystone.auth_lasts(keystone.trust_auth("t1"), 600) is lasts
    assert asked(http) == [("POST", "/auth/tokens")] * requests


def test_credentials_that_give_no_token_do_not_last(keystone, http):
    http.post(TOKENS, status_code=403)
    with pytest.raises(exception.CredentialsLost):
        keystone.auth_lasts(keystone.trust_auth("t1"), 600)


@pytest.mark.parametrize(
    ("answer", "lasts"),
    [
        (3600, True),
        (500, False),
        ({"status_code": 404}, False),
        ({"status_code": 401}, False),
    ],
)
def test_a_users_own_token_is_looked_up(keystone, http, answer, lasts):
    http.get(TOKENS, **({"json": _token(answer)} if isinstance(answer, int) else answer))
    assert keystone.token_lasts("users-own", 600) is lasts
    headers = http.last_request.headers
    assert headers["X-Subject-Token"] == headers["X-Auth-Token"] == "users-own"


@pytest.mark.parametrize("answer", [{"status_code": 503}, {"json": {"token": {}}}, {"text": "no"}])
def test_an_answer_about_a_token_that_tells_nothing(keystone, http, answer):
    http.get(TOKENS, **answer)
    with pytest.raises(exception.KeystoneUnavailable):
        keystone.token_lasts("users-own", 600)


def test_a_try_for_a_token_gets_a_new_one(keystone, http):
    for asked in (1, 2):
        keystone.try_token()
        assert len(http.request_history) == asked


@pytest.mark.parametrize("status", [401, 500, 503])
def test_a_try_for_a_token_that_is_not_to_be_had(keystone, http, status):
    http.post(TOKENS, status_code=status)
    with pytest.raises(exception.KeystoneUnavailable):
        keystone.try_token()
