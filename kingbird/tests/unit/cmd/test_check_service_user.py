"""The upgrade check of the service user, on Keystone's answers as they come over HTTP."""

import pytest
import requests_mock
from keystoneauth1 import fixture
from oslo_upgradecheck.upgradecheck import Code

from kingbird.cmd.checks import service_user

URL = "http://keystone.test/v3"
CREDENTIALS = {
    "auth_type": "password",
    "auth_url": URL,
    "username": "kingbird",
    "password": "s3cret",
    "user_domain_name": "Default",
    "project_name": "service",
    "project_domain_name": "Default",
}


@pytest.fixture
def read(conf, tmp_path):
    """Read a file with some credentials."""

    def read_credentials(**credentials):
        file = tmp_path / "kingbird.conf"
        lines = [f"{name} = {value}" for name, value in credentials.items()]
        file.write_text("\n".join(["[keystone_authtoken]", *lines, ""]))
        conf(["--config-file", str(file)], project="kingbird")
        return conf

    return read_credentials


@pytest.fixture
def check(read):
    """Check the usual credentials, without a connection to anything."""
    return lambda: service_user.service_user(read(**CREDENTIALS))


def token(*roles):
    made = fixture.V3Token(user_id="kingbird", project_id="service")
    for role in roles:
        made.add_role(name=role)
    return made


@pytest.fixture
def keystone():
    """Give a Keystone that answers what it is told to."""
    with requests_mock.Mocker() as made:
        yield made


def answer(keystone, *roles, trusts=200):
    keystone.post(f"{URL}/auth/tokens", json=token(*roles), headers={"X-Subject-Token": "t"})
    keystone.get(
        f"{URL}/OS-TRUST/trusts",
        json={"trusts": [{"id": "one"}, {"id": "two"}]},
        status_code=trusts,
    )


def test_a_user_with_all_rights(check, keystone):
    answer(keystone, "admin", "service", "member")
    found = check()
    assert (found.code, found.details) == (Code.SUCCESS, "2 trusts at the moment")


@pytest.mark.parametrize("role", ["admin", "service"])
def test_a_user_that_lacks_a_role(check, keystone, role):
    answer(keystone, *{"admin", "service"} - {role})
    found = check()
    assert found.code is Code.WARNING
    assert f"lacks the role {role}" in found.details


def test_trusts_that_can_not_be_listed(check, keystone):
    answer(keystone, "admin", "service", trusts=403)
    found = check()
    assert found.code is Code.WARNING
    assert "Trusts can't be listed (Forbidden)" in found.details


def test_a_keystone_that_is_away(check, keystone):
    keystone.post(f"{URL}/auth/tokens", status_code=503)
    found = check()
    assert found.code is Code.WARNING
    assert "ServiceUnavailable" in found.details


@pytest.mark.parametrize(
    ("status", "said"), [(401, "refuses the credentials"), (404, "There is no Keystone")]
)
def test_what_keystone_does_not_take(check, keystone, status, said):
    keystone.post(f"{URL}/auth/tokens", status_code=status)
    found = check()
    assert found.code is Code.FAILURE
    assert said in found.details
    assert "s3cret" not in found.details


@pytest.mark.parametrize(
    "credentials", [{}, {"auth_type": "nosuch"}, {"auth_type": "token", "auth_url": URL}]
)
def test_credentials_that_can_not_work(read, credentials):
    found = service_user.service_user(read(**credentials))
    assert found.code is Code.FAILURE
    assert "[keystone_authtoken]" in found.details
