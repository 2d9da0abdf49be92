"""The place in RabbitMQ that minicloud makes for notifications, without RabbitMQ."""

import socket
import threading

import pytest
from minicloud import broker, config
from minicloud.broker import Broker
from minicloud.description import Description
from minicloud.layout import Home, State

HOST = "minicloud-1"
URL = f"rabbit://me:secret@127.0.0.1:5672/{HOST}"


@pytest.fixture
def calls(monkeypatch):
    """Give the calls that are made; each succeeds."""
    made = []
    monkeypatch.setattr(broker, "_answers", lambda parts: True)
    monkeypatch.setattr(
        broker, "_manage", lambda method, path, body=None: made.append(f"{method} {path}") or True
    )
    monkeypatch.setattr(broker, "_control", lambda *words: made.append(words[0]) or True)
    monkeypatch.setenv(broker.VARIABLE, "rabbit://me:secret@127.0.0.1:5672/")
    return made


def refuse(*_, **__):
    return False


def test_a_virtual_host_for_each_cloud(calls):
    one, two = broker.make(), broker.make()
    assert one.virtual_host != two.virtual_host
    assert one.topic == two.topic == "kingbird"
    assert one.transport_url == f"rabbit://me:secret@127.0.0.1:5672/{one.virtual_host}"
    assert calls[:2] == [
        f"PUT vhosts/{one.virtual_host}",
        f"PUT permissions/{one.virtual_host}/me",
    ]
    calls.clear()
    one.remove()
    assert calls == [f"DELETE vhosts/{one.virtual_host}"]


def test_without_the_management_api(calls, monkeypatch):
    monkeypatch.setattr(broker, "_manage", refuse)
    broker.make().remove()
    assert calls == ["add_vhost", "set_permissions", "delete_vhost"]


def test_a_topic_for_each_cloud_where_no_virtual_host_can_be_made(calls, monkeypatch):
    monkeypatch.setattr(broker, "_manage", refuse)
    monkeypatch.setattr(broker, "_control", refuse)
    one, two = broker.make(), broker.make()
    assert one.transport_url == two.transport_url == "rabbit://me:secret@127.0.0.1:5672/"
    assert one.topic != two.topic
    one.remove()


@pytest.mark.parametrize(("greeting", "expected"), [(b"\x01\x00", True), (b"AMQP", False)])
def test_what_answers_is_looked_at(monkeypatch, greeting, expected):
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv(broker.VARIABLE, f"rabbit://127.0.0.1:{server.getsockname()[1]}/")

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(8)
                connection.sendall(greeting)

        threading.Thread(target=answer, daemon=True).start()
        assert broker._answers(broker._parts()) is expected


def test_nothing_is_made_where_nothing_answers(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    monkeypatch.setenv(broker.VARIABLE, f"rabbit://127.0.0.1:{port}/")
    assert broker.make() is None


def test_a_glance_tells_its_region(tmp_path):
    home = Home(tmp_path / "home")
    folder = home.venv("glance") / "etc" / "glance"
    folder.mkdir(parents=True)
    (folder / "glance-api-paste.ini").write_text("")
    state = State(tmp_path / "cloud")
    ports = {"keystone": 1, "glance-One": 2}
    config.write_glance(state, home, "One", ports, {}, Broker(URL, "kingbird", HOST))
    text = (state.etc("glance-One") / "glance-api.conf").read_text()
    assert "default_publisher_id = image.One" in text
    assert f"transport_url = {URL}" in text
    assert "retry = 0" in text
    config.write_glance(state, home, "One", ports, {})
    assert "notifications" not in (state.etc("glance-One") / "glance-api.conf").read_text()


def test_a_cloud_knows_its_place(tmp_path):
    from minicloud.accounts import ACCOUNTS

    file = tmp_path / "cloud.json"
    users = {account.name: account.name for account in ACCOUNTS}
    ports = {"keystone": 1, "glance-One": 2}
    for place in (Broker(URL, "kingbird", HOST), None):
        about = Description(tmp_path, ["One"], ports=ports, users=users, broker=place)
        about.save(file, {})
        assert Description.load(file).broker == place
