"""The parts of minicloud that need no cloud: files, ports and processes."""

import configparser
import shlex
import signal
import socket
import sys

import pytest
import yaml
from minicloud import clientfiles, config, install, layout, ports, processes
from minicloud.__main__ import region_names
from minicloud.accounts import ACCOUNTS
from minicloud.cloud import Cloud
from minicloud.description import Description
from minicloud.errors import MinicloudError, PortTaken

from kingbird.tests.waiting import wait_for

AUTH_URL = "http://127.0.0.1:5000/v3"


@pytest.fixture
def state(tmp_path):
    made = layout.State(tmp_path / "cloud")
    made.make_folders()
    return made


@pytest.fixture
def home(tmp_path):
    made = layout.Home(tmp_path / "home")
    folder = made.venv("glance") / "etc" / "glance"
    folder.mkdir(parents=True)
    (folder / "glance-api-paste.ini").write_text("[pipeline:glance-api]\n")
    return made


@pytest.fixture
def spawn(state):
    """Start Python programs, and end what is left of them."""
    started = []

    def start(program):
        command = (sys.executable, "-c", program)
        with ports.listen_on_free_port() as listener:
            process = processes.spawn(command, {}, listener, state.log("one"), state.pid("one"))
        started.append(process)
        return process

    yield start
    processes.end(started)


class TestConfig:
    def read(self, file):
        parser = configparser.RawConfigParser()
        parser.read(file)
        return parser

    def test_glance_knows_its_port_and_keystones(self, state, home):
        config.write_glance(state, home, "RegionTwo", {"keystone": 1, "glance-RegionTwo": 2}, {})
        written = self.read(state.etc("glance-RegionTwo") / "glance-api.conf")
        assert written["DEFAULT"]["public_endpoint"] == "http://127.0.0.1:2"
        assert written["keystone_authtoken"]["auth_url"] == "http://127.0.0.1:1/v3"
        assert str(state.database("glance-RegionTwo")) in written["database"]["connection"]

    def test_extra_options_win(self, state, home):
        extra = {"DEFAULT": {"show_image_direct_url": "false"}, "new": {"Option": "100%"}}
        config.write_glance(state, home, "R", {"keystone": 1, "glance-R": 2}, extra)
        written = self.read(state.etc("glance-R") / "glance-api.conf")
        assert written["DEFAULT"]["show_image_direct_url"] == "false"
        assert written["DEFAULT"]["public_endpoint"] == "http://127.0.0.1:2"
        assert written["new"]["option"] == "100%"

    def test_keystone(self, state):
        config.write_keystone(state, 5000, {"token": {"expiration": "60"}})
        written = self.read(state.etc("keystone") / "keystone.conf")
        assert written["token"]["expiration"] == "60"
        assert written["token"]["provider"] == "fernet"


class TestClientFiles:
    def test_clouds_yaml_has_an_entry_for_each_user(self):
        clouds = yaml.safe_load(clientfiles.clouds_yaml(AUTH_URL, ["A", "B"]))["clouds"]
        assert list(clouds) == [account.name for account in ACCOUNTS]
        assert clouds["demo"]["regions"] == ["A", "B"]
        assert clouds["demo"]["auth"]["project_name"] == "demo"
        assert clouds["kingbird"]["auth"]["project_name"] == "service"

    def test_openrc_sets_no_region(self):
        words = shlex.split(clientfiles.openrc(AUTH_URL, ACCOUNTS[0]))
        assert f"OS_AUTH_URL={AUTH_URL}" in words
        assert "OS_USERNAME=admin" in words
        assert not any(word.startswith("OS_REGION_NAME=") for word in words)


class TestPorts:
    def test_taken_port_is_named(self):
        with ports.listen_on_free_port() as listener:
            port = listener.getsockname()[1]
            with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is taken"):
                ports.listen(port)
        ports.listen(port).close()

    def test_port_that_was_just_used_is_not_taken(self):
        with ports.listen_on_free_port() as listener:
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as client:
                accepted, _ = listener.accept()
                accepted.close()  # first, so that TIME_WAIT is on this side
                assert client.recv(1) == b""
        ports.listen(port).close()

    def test_free_ports_are_not_those_of_outgoing_connections(self):
        with socket.create_server(("127.0.0.1", 0)) as ephemeral:
            lowest = ports._lowest_ephemeral_port()
            assert ephemeral.getsockname()[1] >= lowest
        with ports.listen_on_free_port() as one, ports.listen_on_free_port() as two:
            chosen = {one.getsockname()[1], two.getsockname()[1]}
        assert len(chosen) == 2
        assert max(chosen) < lowest


class TestProcesses:
    def test_is_found_again_by_its_record_and_ended(self, spawn, state):
        process = spawn("import time; time.sleep(60)")
        again = processes.Process.load(state.pid("one"))
        assert again == process
        assert again.is_running()
        processes.end([again])
        assert not process.is_running()
        assert processes.start_time(process.pid) is None

    def test_no_record(self, state):
        assert processes.Process.load(state.pid("none")) is None

    @pytest.mark.parametrize(
        "change", [{"started": 1}, {"boot": "another"}], ids=["start", "boot"]
    )
    def test_pid_of_another_is_left_alone(self, spawn, change):
        process = spawn("import time; time.sleep(60)")
        stranger = processes.Process(**{**vars(process), **change})
        assert not stranger.is_running()
        processes.end([stranger])
        assert process.is_running()

    def test_child_that_ended_is_not_running(self, spawn):
        process = spawn("pass")
        wait_for(lambda: not process.is_running())
        assert processes.start_time(process.pid) is None

    def test_one_that_ignores_sigterm_is_killed(self, spawn, state, monkeypatch):
        monkeypatch.setattr(processes, "GRACE_SECONDS", 0.3)
        process = spawn(
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
            "print('ready', flush=True); time.sleep(60)"
        )
        wait_for(lambda: "ready" in state.log("one").read_text())
        process.send(signal.SIGTERM)
        assert process.is_running()
        processes.end([process])
        assert not process.is_running()

    def test_standard_input_is_the_listener(self, spawn, state):
        spawn("import socket; print(socket.socket(fileno=0).getsockname()[0], flush=True)")
        wait_for(lambda: "127.0.0.1" in state.log("one").read_text())


class TestDescription:
    def test_is_read_as_it_was_written(self, state, tmp_path):
        users = {account.name: f"id of {account.name}" for account in ACCOUNTS}
        written = Description(
            home=tmp_path,
            regions=["A", "B"],
            ports={"keystone": 1, "glance-A": 2, "glance-B": 3},
            projects={"demo": "id of demo"},
            users=users,
            keystone_options={"token": {"expiration": "60"}},
            glance_options={"A": {"DEFAULT": {"api_limit_max": "7"}}},
            seeded=True,
        )
        written.save(state.description, {"keystone": 11})
        assert Description.load(state.description) == written
        cloud = Cloud.load(state.path)
        assert cloud.auth_url == "http://127.0.0.1:1/v3"
        assert cloud.glance_urls == {"A": "http://127.0.0.1:2", "B": "http://127.0.0.1:3"}
        assert cloud.users["demo"] == "id of demo"
        assert cloud.credentials("admin", "demo")["project_name"] == "demo"
        assert [status.pid for status in cloud.status()] == [None, None, None]
        with pytest.raises(MinicloudError, match="there are: keystone, glance-A, glance-B"):
            cloud.stop("glance-C")

    @pytest.mark.parametrize("names", [["A", "A"], [""], ["../A"], ["A B"], ["-"]])
    def test_bad_region_names(self, tmp_path, names):
        with pytest.raises(MinicloudError):
            Description(tmp_path, names)

    def test_no_cloud(self, tmp_path):
        with pytest.raises(MinicloudError, match="no cloud"):
            Cloud.load(tmp_path / "none")
        assert Cloud(tmp_path / "none").down() == []
        assert not (tmp_path / "none").exists()


def test_wiping_leaves_what_is_not_the_clouds(state):
    ours, foreign = state.openrc("demo"), state.path / "notes"
    ours.touch()
    foreign.touch()
    state.wipe()
    assert list(state.path.iterdir()) == [foreign]


def test_installation_is_current_until_the_constraints_change(home, tmp_path, monkeypatch):
    assert not install.is_current(home, "glance")
    home.stamp("glance").write_text(install._fingerprint("glance"))
    assert install.is_current(home, "glance")
    (tmp_path / "glance.txt").write_text("glance==1\n")
    monkeypatch.setattr(install, "CONSTRAINTS", tmp_path)
    assert not install.is_current(home, "glance")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("2", ["RegionOne", "RegionTwo"]),
        ("north, south", ["north", "south"]),
        ("one", ["one"]),
    ],
)
def test_regions_by_number_or_by_name(text, names):
    assert region_names(text) == names


def test_more_regions_than_words():
    assert region_names("11")[-2:] == ["RegionTen", "Region11"]
