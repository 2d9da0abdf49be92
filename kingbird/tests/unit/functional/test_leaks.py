"""The search for secrets finds one that is planted, wherever it is, and says not what it is."""

import configparser
import json

import pytest

from kingbird.tests.functional.leaks.search import CHUNK, search
from kingbird.tests.functional.leaks.watch import Watch
from kingbird.tests.functional.proxy import Answer, Call

TOKEN = "gAAAAABplanted-" + "t0k3n_" * 30
SUBJECT = "gAAAAABplanted-" + "subj3ct" * 30
PASSWORD = "pl4nt3d-p4ssw0rd"
DATABASE_PASSWORD = "pl4nt3d/d4t4b4se"
TRUST = "0123456789abcdef0123456789abcdef"


def call(path, headers=None, body=None, answer=None, answered=None):
    """Return a call with its answer."""
    made = Call("POST", path, {}, headers or {}, json.dumps(body).encode())
    return made, Answer(201, list((answered or {}).items()), json.dumps(answer).encode())


@pytest.fixture
def watch(tmp_path):
    """Return what has seen one secret of each kind."""
    made = Watch()
    made.begin(tmp_path)
    made.called(*call("/v2/images", {"X-Auth-Token": TOKEN}))
    identity = {"methods": ["password"], "password": {"user": {"password": PASSWORD}}}
    made.called(
        *call(
            "/v3/auth/tokens",
            body={"auth": {"identity": identity}},
            answer={"token": {}},
            answered={"X-Subject-Token": SUBJECT},
        )
    )
    made.called(*call("/v3/OS-TRUST/trusts", answer={"trust": {"id": TRUST}}))
    return made


def deployed(watch, tmp_path, log="all is well", rows=None, **database):
    """Have a deployment end."""
    path, config = tmp_path / "kingbird.log", tmp_path / "kingbird.conf"
    path.write_text(log)
    parser = configparser.RawConfigParser()
    parser.read_dict({"database": database})
    with config.open("w") as file:
        parser.write(file)
    watch.ended(config, [path], rows or {})


def test_nothing_is_found_where_nothing_is(watch, tmp_path):
    deployed(watch, tmp_path, rows={"jobs": [{"trust_id": TRUST}]})
    watch.answered({"X-Openstack-Request-Id": "req-1"}, b'{"job_set": []}')
    assert len(watch.secrets) == 4
    assert watch.found() == []


@pytest.mark.parametrize("secret", [TOKEN, SUBJECT, PASSWORD, TRUST])
@pytest.mark.parametrize("place", ["log", "answer", "header"])
def test_a_planted_secret(watch, tmp_path, secret, place):
    deployed(watch, tmp_path, log=f"DEBUG url?x={secret}'" if place == "log" else "")
    if place == "answer":
        watch.answered({}, json.dumps({"error": {"message": f"<{secret}>"}}).encode())
    if place == "header":
        watch.answered({"X": f"Bearer {secret}"}, b"")
    (found,) = watch.found()
    assert secret not in found


@pytest.mark.parametrize("secret", [TOKEN, SUBJECT, PASSWORD])
def test_a_secret_in_the_database(watch, tmp_path, secret):
    deployed(watch, tmp_path, rows={"jobs": [{"id": 1, "request": {"a": [f"x{secret}"]}}]})
    assert len(watch.found()) == 1


def test_the_password_of_a_url(watch, tmp_path):
    url = "mysql+pymysql://u:pl4nt3d%2Fd4t4b4se@h/d"
    deployed(watch, tmp_path, log=f"Access denied: {DATABASE_PASSWORD}", connection=url)
    assert len(watch.found()) == 1


def test_a_trust_of_a_path(watch, tmp_path):
    trust = TRUST[::-1]
    watch.called(*call(f"/v3/OS-TRUST/trusts/{trust}"))
    deployed(watch, tmp_path, log=f'"DELETE /v3/OS-TRUST/trusts/{trust} HTTP/1.1" 204')
    assert len(watch.found()) == 1


def test_ordinary_words_are_no_secrets(watch, tmp_path):
    url = "rabbit://guest:guest@h/"
    deployed(watch, tmp_path, log="guest", transport_url=url)
    assert watch.found() == []


def test_between_two_pieces(tmp_path):
    path = tmp_path / "large.log"
    path.write_text("x" * (CHUNK - 5) + PASSWORD + "y" * 10)
    assert len(list(search({PASSWORD: "password"}, [path]))) == 1


def test_a_log_that_is_gone(watch, tmp_path):
    deployed(watch, tmp_path)
    (tmp_path / "kingbird.log").unlink()
    with pytest.raises(FileNotFoundError):
        watch.found()


def test_nothing_is_kept_outside_of_a_run(tmp_path):
    made = Watch()
    made.token(TOKEN)
    made.answered({}, b"x")
    assert not len(made.secrets)
    assert made.found() == []
