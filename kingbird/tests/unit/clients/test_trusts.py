"""A trust is refused, or Keystone is away: each status of Keystone means one of them."""

from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from keystoneauth1 import exceptions as ksa_exc
from keystoneauth1.exceptions import http

from kingbird import exception
from kingbird.clients import keystone
from kingbird.clients.auth import translate_auth_errors
from kingbird.context import RequestContext

OUTAGES = [
    *(
        http.from_response(mock.Mock(status_code=status, headers={}), "POST", "/")
        for status in (300, 304, 408, 429, 500, 501, 502, 503, 504)
    ),
    ksa_exc.ConnectFailure("refused"),
    ksa_exc.ConnectTimeout("slow"),
    ksa_exc.SSLError("no certificate"),
    ksa_exc.UnknownConnectionError("reset", OSError()),
]
REFUSALS = [
    http.from_response(mock.Mock(status_code=status, headers={}), "POST", "/")
    for status in (400, 403, 404, 405, 409, 410, 413, 422, 451)
]


def by_name(error):
    return f"{type(error).__name__}-{getattr(error, 'http_status', None)}"


@pytest.fixture
def trusts():
    """Give the manager of keystoneclient that every client has."""
    client = mock.Mock()
    with (
        mock.patch.object(keystone.Keystone, "_client", return_value=client),
        mock.patch.object(keystone.Keystone, "service_user_id", return_value="kingbird"),
        mock.patch.object(keystone.Keystone, "service_auth", "service"),
        mock.patch.object(keystone.Keystone, "user_auth", return_value="user"),
    ):
        yield client.trusts


def create(conf, **roles):
    context = RequestContext(
        auth_token="secret",
        user_id="user",
        project_id="project",
        token_info={
            "token": {
                "roles": [
                    {"name": name, "id": role_id}
                    for name, role_id in (roles or {"member": "role"}).items()
                ]
            }
        },
    )
    return keystone.Keystone(conf).create_trust(context)


def test_a_trust_is_one_role_by_its_id_and_no_more(conf, trusts):
    """Names of roles can be ambiguous, and a trust dies with any role that it carries."""
    trusts.create.return_value = mock.Mock(id="t1")
    before = datetime.now(UTC).replace(tzinfo=None)
    assert create(conf, admin="r1", member="r2", reader="r3") == ("t1", "admin")
    after = datetime.now(UTC).replace(tzinfo=None)
    (given,) = [call.kwargs for call in trusts.create.call_args_list]
    lifetime = timedelta(seconds=conf.sync.trust_lifetime)
    assert before + lifetime <= given.pop("expires_at") <= after + lifetime
    assert given == {
        "trustee_user": "kingbird",
        "trustor_user": "user",
        "project": "project",
        "role_ids": ["r1"],
        "impersonation": True,
        "allow_redelegation": False,
    }


@pytest.mark.parametrize(
    ("roles", "role"), [({"member": "r2", "reader": "r3"}, "member"), ({"reader": "r3"}, None)]
)
def test_the_first_role_that_may_be_delegated(conf, trusts, roles, role):
    trusts.create.return_value = mock.Mock(id="t1")
    if role is None:
        with pytest.raises(exception.TrustRefused):
            create(conf, **roles)
        trusts.create.assert_not_called()
    else:
        assert create(conf, **roles).role == role
        assert trusts.create.call_args.kwargs["role_ids"] == [roles[role]]


@pytest.mark.parametrize("error", REFUSALS, ids=by_name)
def test_a_token_of_which_keystone_makes_no_trust(conf, trusts, error):
    trusts.create.side_effect = error
    with pytest.raises(exception.TrustRefused, match=str(error.http_status)) as caught:
        create(conf)
    assert "secret" not in caught.value.message


@pytest.mark.parametrize("error", OUTAGES, ids=by_name)
def test_a_keystone_that_is_away_makes_no_trust_now(conf, trusts, error):
    trusts.create.side_effect = error
    with pytest.raises(exception.KeystoneUnavailable) as caught:
        create(conf)
    assert caught.value.retry_after == 5


def test_a_token_that_ended_meanwhile(conf, trusts):
    trusts.create.side_effect = ksa_exc.Unauthorized()
    with pytest.raises(exception.Unauthorized):
        create(conf)


@pytest.mark.parametrize("error", [*REFUSALS, ksa_exc.Unauthorized()], ids=by_name)
def test_a_trust_of_which_keystone_makes_no_token(error):
    with pytest.raises(exception.CredentialsLost), translate_auth_errors():
        raise error


@pytest.mark.parametrize("error", OUTAGES, ids=by_name)
def test_a_keystone_that_is_away_makes_no_token_now(error):
    with pytest.raises(exception.KeystoneUnavailable), translate_auth_errors():
        raise error


def statuses(errors):
    return [one for one in errors if getattr(one, "http_status", None) != 404]


@pytest.mark.parametrize("own", [None, *REFUSALS, ksa_exc.Unauthorized(), *OUTAGES], ids=by_name)
def test_the_service_user_deletes_a_trust_that_does_not_delete_itself(conf, trusts, own):
    trusts.delete.side_effect = [own, None]
    keystone.Keystone(conf).delete_trust("t1", "own")
    assert trusts.delete.call_count == (2 if own else 1)


@pytest.mark.parametrize("auth", [None, "own"])
@pytest.mark.parametrize("error", statuses(REFUSALS), ids=by_name)
def test_a_trust_that_keystone_refuses_to_delete(conf, trusts, error, auth):
    trusts.delete.side_effect = error
    with pytest.raises(exception.TrustRefused, match=str(error.http_status)):
        keystone.Keystone(conf).delete_trust("t1", auth)


@pytest.mark.parametrize("auth", [None, "own"])
@pytest.mark.parametrize("error", [*OUTAGES, ksa_exc.Unauthorized()], ids=by_name)
def test_a_keystone_that_deletes_no_trust_now(conf, trusts, error, auth):
    trusts.delete.side_effect = error
    with pytest.raises(exception.KeystoneUnavailable):
        keystone.Keystone(conf).delete_trust("t1", auth)


@pytest.mark.parametrize("auth", [None, "own"])
def test_a_trust_that_is_gone_is_deleted(conf, trusts, auth):
    trusts.delete.side_effect = ksa_exc.NotFound()
    keystone.Keystone(conf).delete_trust("t1", auth)


def test_a_service_user_without_a_token_deletes_nothing(conf, trusts):
    away = exception.KeystoneUnavailable("Kingbird's own credentials can't be used")
    with (
        mock.patch.object(keystone.Keystone, "service_user_id", side_effect=away),
        pytest.raises(exception.KeystoneUnavailable),
    ):
        keystone.Keystone(conf).delete_trust("t1")
    trusts.delete.assert_not_called()
