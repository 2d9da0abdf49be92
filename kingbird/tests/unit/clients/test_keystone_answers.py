"""Answers of 2xx that are not Keystone's count as an outage, whatever reads them."""

import json

import pytest
import requests_mock
from keystoneauth1 import fixture as ksa_fixture
from keystoneauth1.identity import v3

from kingbird import exception
from kingbird.api import app
from kingbird.clients.keystone import Keystone
from kingbird.clients.regions import ImageClientFactory
from kingbird.context import RequestContext
from kingbird.tests.unit.api.conftest import JOBS, caller

URL = "http://keystone.test/v3"
TOKENS, TRUSTS = f"{URL}/auth/tokens", f"{URL}/OS-TRUST/trusts"
GLANCE = "http://glance.test"

#: Bodies that are no answer to any call.
ODD = ["", "<p>Maintenance</p>", "[]", "5", "null", '"text"', "{}", "{", '{"error": {}}']
ODD_TOKENS = [*ODD, '{"token": 5}', '{"token": []}', '{"token": null}', '{"token": "text"}']
ODD_TRUSTS = [
    *ODD,
    *('{"trust": 5}', '{"trust": []}', '{"trust": {}}', '{"trust": {"id": 5}}'),
    *('{"trust": {"id": null}}', '{"trust": {"id": ""}}', json.dumps({"trust": {"id": "i" * 65}})),
]
ODD_LISTS = [*ODD, '{"trusts": 5}', '{"trusts": null}', '{"trusts": [5]}']
ODD_LISTS += ['{"trusts": [{"id": 5}]}', '{"trusts": [{"impersonation": true}]}']


@pytest.fixture
def http():
    """Give what answers for Keystone: a sound one at first."""
    with requests_mock.Mocker() as mocker:
        token = ksa_fixture.V3Token(user_id="kingbird", project_id="service")
        token.add_service("image").add_endpoint("public", GLANCE, region="R1")
        mocker.post(TOKENS, json=token, headers={"X-Subject-Token": "its"}, status_code=201)
        mocker.get(f"{GLANCE}/v2/images", json={"images": []})
        mocker.delete(f"{TRUSTS}/t1", status_code=204)
        yield mocker


@pytest.fixture
def configured(conf, tmp_path):
    """Give a configuration with a service user."""
    path = tmp_path / "kingbird.conf"
    path.write_text(
        f"[keystone_authtoken]\nauth_type = password\nauth_url = {URL}\n"
        "username = kingbird\npassword = secret\n"
    )
    conf(["--config-file", str(path)], project="kingbird")
    return conf


@pytest.fixture
def keystone(configured):
    return Keystone(configured)


def images(conf, auth):
    return ImageClientFactory(conf).clients_for({"R1": GLANCE}, auth)["R1"]


def create(keystone):
    return keystone.create_trust(
        RequestContext(
            auth_token="users-own",
            user_id="user",
            project_id="project",
            token_info={"token": {"roles": [{"name": "member", "id": "role"}]}},
        )
    )


#: Calls that need a token.
WITH_TOKEN = {
    "user id": lambda keystone, conf: keystone.service_user_id(),
    "roles": lambda keystone, conf: keystone.service_roles(),
    "trust": lambda keystone, conf: create(keystone),
    "trusts": lambda keystone, conf: keystone.list_service_trusts(),
    "deletion": lambda keystone, conf: keystone.delete_trust("t1", keystone.trust_auth("t1")),
    "regions": lambda keystone, conf: keystone.regions(keystone.trust_auth("t1")),
    "images": lambda keystone, conf: images(conf, keystone.trust_auth("t1")).list_forced_page(
        None, hidden=False
    ),
    "images with the user's token": lambda keystone, conf: images(
        conf, keystone.token_auth("users-own")
    ).list_forced_page(None, hidden=False),
}


@pytest.mark.parametrize("body", ODD_TOKENS)
@pytest.mark.parametrize("call", WITH_TOKEN)
def test_a_token_that_is_none(keystone, configured, http, call, body):
    http.post(TOKENS, text=body, headers={"X-Subject-Token": "its"}, status_code=201)
    if call.startswith(("images", "deletion")) and body.startswith('{"token"'):
        # The token itself is in a header, and these calls need nothing else.
        WITH_TOKEN[call](keystone, configured)
        return
    with pytest.raises(exception.KeystoneUnavailable):
        WITH_TOKEN[call](keystone, configured)


@pytest.mark.parametrize("call", WITH_TOKEN)
def test_a_token_without_its_header(keystone, configured, http, call):
    http.post(TOKENS, json=ksa_fixture.V3Token(), status_code=201)
    with pytest.raises(exception.KeystoneUnavailable):
        WITH_TOKEN[call](keystone, configured)


@pytest.mark.parametrize("body", ODD_TRUSTS)
def test_a_trust_that_is_none(keystone, http, caplog, body):
    http.post(TRUSTS, text=body, status_code=201)
    with pytest.raises(exception.KeystoneUnavailable) as caught:
        create(keystone)
    assert caught.value.retry_after
    assert "users-own" not in caplog.text


@pytest.mark.parametrize("body", ODD_LISTS)
def test_trusts_that_are_none(keystone, http, body):
    http.get(TRUSTS, text=body)
    with pytest.raises(exception.KeystoneUnavailable):
        keystone.list_service_trusts()


def test_the_longest_id_of_a_trust(keystone, http):
    http.get(TRUSTS, json={"trusts": [{"id": "i" * 64}]})
    assert keystone.list_service_trusts() == ["i" * 64]


def test_sound_answers(keystone, configured, http):
    http.post(TRUSTS, json={"trust": {"id": "t1"}}, status_code=201)
    http.get(TRUSTS, json={"trusts": [{"id": "t1"}]})
    for call in WITH_TOKEN.values():
        call(keystone, configured)
    assert create(keystone) == ("t1", "member")
    assert keystone.list_service_trusts() == ["t1"]


@pytest.mark.parametrize("body", [*ODD_TOKENS, '{"token": {}}', '{"token": {"user": 5}}'])
def test_a_callers_token_that_is_none(configured, http, body):
    """Answer 503 and not 500; 401 would say that the token is to blame."""
    http.get(URL, json={"version": ksa_fixture.V3Discovery(URL)})
    http.get(TOKENS, text=body)
    answer = caller(app.create(configured))(JOBS, token="somebodys")
    assert answer.status_int == 503, answer.text


def test_the_service_token_comes_along(keystone, configured, http):
    """And a Keystone that gives none is no matter of the user's token."""
    opened = images(configured, keystone.token_auth("users-own"))
    opened.list_forced_page(None, hidden=False)
    headers = http.last_request.headers
    assert (headers["X-Auth-Token"], headers["X-Service-Token"]) == ("users-own", "its")
    # A region that does not take the two lets the service user's be renewed.
    http.get(f"{GLANCE}/v2/images", status_code=401)
    http.post(TOKENS, status_code=401)
    with pytest.raises(exception.KeystoneUnavailable, match="Kingbird's own credentials"):
        opened.list_forced_page(None, hidden=False)


def test_the_service_token_comes_over_keystones_session(keystone, configured, http):
    """Get the service token over Keystone's session, whose options for TLS differ."""
    sessions = []
    plain = v3.Password.get_auth_ref

    def noted(self, session, **kwargs):
        sessions.append(session)
        return plain(self, session, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(v3.Password, "get_auth_ref", noted)
        images(configured, keystone.token_auth("users-own")).list_forced_page(None, hidden=False)
    assert [one.session for one in sessions] == [keystone.session.session]
