"""Tokens that a region does not accept are renewed, also where another call has discarded them."""

import pytest
import requests
import requests_mock
from keystoneauth1 import fixture as ksa_fixture
from keystoneauth1.identity import v3
from keystoneauth1.session import Session

from kingbird import exception
from kingbird.clients.auth import RegionAuth
from kingbird.clients.glance import ImageClient

IDENTITY, IMAGE = "http://identity.test/v3", "http://image.test"


@pytest.fixture
def mocker():
    # A fixture of the library's plugin would be missing where plugins are not loaded.
    with requests_mock.Mocker() as mocker:
        yield mocker


@pytest.mark.parametrize("other_call", [False, True])
@pytest.mark.parametrize("is_disabled", [False, True])
def test_a_refused_token_is_renewed(mocker, is_disabled, other_call):
    """Report lost credentials if there is no new token, not a refusal by the region."""
    tokens = iter(["old", "new"])

    def token(request, context):
        name = next(tokens)
        if is_disabled and name == "new":
            context.status_code = 401
            return {"error": {"message": "The user is disabled", "code": 401}}
        context.status_code = 201
        context.headers["X-Subject-Token"] = name
        return ksa_fixture.V3Token()

    def images(request, context):
        if request.headers["X-Auth-Token"] == "old":
            if other_call:
                # A call beside this one was refused first.
                auth.invalidate()
            context.status_code = 401
        return {"images": []}

    mocker.post(f"{IDENTITY}/auth/tokens", json=token)
    mocker.get(f"{IMAGE}/v2/images", json=images)
    auth = v3.Password(IDENTITY, user_id="u", password="p", trust_id="t")
    client = ImageClient("R1", IMAGE, Session(session=requests.Session()), auth)
    if is_disabled:
        with pytest.raises(exception.CredentialsLost):
            client.list_forced_page(None, hidden=False)
    else:
        assert client.list_forced_page(None, hidden=False) == []


def test_a_users_own_token_is_not_tried_again():
    class Token:
        def invalidate(self):
            return False

    assert not RegionAuth(Token()).invalidate()
