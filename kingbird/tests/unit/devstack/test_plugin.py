"""The devstack plugin, phase by phase, with stand-ins for devstack's functions."""

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from kingbird.tests.devstack.stack import PLUGIN, STACK_PHASES, Stack, options

PROGRAMS = ("kingbird-manage", "kingbird-status", "uwsgi")
URL = "http://192.0.2.11:8118"

Programs = Callable[..., Path]


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """Make programs that write down how they were called, and end as they are told to."""

    def make(**codes: int) -> Path:
        folder = tmp_path / "bin"
        folder.mkdir()
        for name in PROGRAMS:
            program = folder / name
            code = codes.get(name.replace("-", "_"), 0)
            program.write_text(
                f'#!/bin/sh\necho program {name} "$@" >> "$STANDIN_LOG"\nexit {code}\n'
            )
            program.chmod(0o755)
        return folder

    return make


@pytest.fixture
def stack(tmp_path: Path, programs: Programs) -> Stack:
    """The devstack that has Keystone and Kingbird."""
    return Stack(tmp_path / "stack", programs())


class TestStack:
    """One region with everything."""

    def test_settings(self, stack: Stack) -> None:
        done = stack.run()
        assert done.code == 0, done.output
        assert done.of("define_plugin") == [("kingbird",)]
        assert done.of("enable_service") == [("kingbird-api", "kingbird-engine")]

    def test_phases(self, stack: Stack) -> None:
        done = stack.run(*STACK_PHASES)
        assert done.code == 0, done.output
        assert done.within("stack pre-install") == []
        assert done.within("stack install") == [
            ("setup_develop", str(stack.folder / "opt" / "kingbird"))
        ]
        conf, bin_ = str(stack.conf), str(stack.bin)
        assert done.within("stack post-config") == [
            ("get_or_create_service", "kingbird", "synchronization", "Image synchronization"),
            ("get_or_create_endpoint", "synchronization", "RegionOne", *[f"{URL}/v1.0"] * 3),
            ("create_service_user", "kingbird", "admin"),
            ("sudo", "install", "-d", "-o", str(os.getuid()), str(stack.etc)),
            ("setup_logging", conf),
            ("database_connection_url", "kingbird"),
            ("iniset_rpc_backend", "kingbird", conf),
            ("configure_keystone_authtoken_middleware", conf, "kingbird"),
            (
                "write_uwsgi_config",
                str(stack.uwsgi),
                "kingbird.api.wsgi:application",
                "",
                "0.0.0.0:8118",
                "kingbird-api",
            ),
            ("recreate_database", "kingbird"),
            ("program", "kingbird-manage", "--config-file", conf, "db", "sync"),
            ("program", "kingbird-status", "--config-file", conf, "upgrade", "check"),
        ]
        uwsgi = f"{bin_}/uwsgi --procname-prefix kingbird-api --ini {stack.uwsgi}"
        assert done.within("stack extra") == [
            ("run_process", "kingbird-api", uwsgi, "", "", f"KINGBIRD_CONFIG_FILE={conf}"),
            ("run_process", "kingbird-engine", f"{bin_}/kingbird-engine --config-file {conf}"),
            ("wait_for_service", "60", f"{URL}/"),
        ]
        assert done.within("stack test-config") == []

    def test_configuration(self, stack: Stack) -> None:
        assert stack.run(*STACK_PHASES).code == 0
        written = options(stack.conf)
        assert written["DEFAULT"]["transport_url"] == stack.transport
        assert written["DEFAULT"]["debug"] == "True"
        assert "logging_context_format_string" in written["DEFAULT"]
        assert written["database"] == {"connection": stack.database}
        auth = written["keystone_authtoken"]
        assert (auth["username"], auth["password"]) == ("kingbird", "s3cret")
        assert auth["auth_url"] == stack.keystone
        assert auth["service_type"] == "synchronization"
        assert "oslo_middleware" not in written
        # It holds passwords.
        assert stat.S_IMODE(stack.conf.stat().st_mode) == 0o640

    def test_uwsgi(self, stack: Stack) -> None:
        assert stack.run(*STACK_PHASES).code == 0
        written = options(stack.uwsgi)["uwsgi"]
        assert written["module"] == "kingbird.api.wsgi:application"
        assert written["http"] == "0.0.0.0:8118"
        assert written["need-app"] == "true"
        assert int(written["post-buffering"]) > 0

    def test_tempest(self, stack: Stack) -> None:
        done = stack.run(*STACK_PHASES)
        assert options(stack.tempest) == {
            "service_available": {"kingbird": "True"},
            "kingbird": {
                "catalog_type": "synchronization",
                "endpoint_type": "publicURL",
                "region": "RegionOne",
            },
        }
        (plugins,) = done.of("end")
        (path,) = plugins[0].split()
        assert (Path(path) / "pyproject.toml").exists()

    def test_horizon(self, stack: Stack) -> None:
        stack.services += ",horizon"
        horizon = stack.folder / "opt" / "horizon"
        for part in ("enabled", "local_settings.d"):
            (horizon / "openstack_dashboard" / "local" / part).mkdir(parents=True)
        python = stack.bin / "python3"
        python.write_text('#!/bin/sh\necho program python3 "$PWD" "$@" >> "$STANDIN_LOG"\n')
        python.chmod(0o755)
        done = stack.run("stack install", "stack post-config", "stack post-config")
        assert done.code == 0, done.output
        plugin = str(stack.folder / "opt" / "kingbird" / "horizon_plugin")
        assert ("setup_develop", plugin) in done.within("stack install")
        # A panel that is enabled without it would be an error on every page.
        assert done.within("stack post-config")[-2:] == [
            ("program", "python3", str(horizon), "manage.py", "collectstatic", "--noinput"),
            ("program", "python3", str(horizon), "manage.py", "compress", "--force"),
        ]
        local = horizon / "openstack_dashboard" / "local"
        assert len([*local.rglob("*.py")]) == 3
        assert stack.run("clean").code == 0
        assert [*local.rglob("*.py")] == []

    @pytest.mark.parametrize(
        ("before", "after"), [("0", "{plugin}"), ("/opt/other", "/opt/other {plugin}")]
    )
    def test_other_plugins_of_tempest(self, stack: Stack, before: str, after: str) -> None:
        stack.variables = {"TEMPEST_PLUGINS": before}
        plugin = stack.folder / "opt" / "kingbird" / "tempest_plugin"
        # devstack may come by a phase twice.
        done = stack.run("stack install", "stack install")
        assert done.of("end") == [(after.format(plugin=plugin),)]

    def test_without_tempest(self, stack: Stack) -> None:
        stack.services = "key,mysql,rabbit,g-api"
        done = stack.run(*STACK_PHASES)
        assert done.code == 0, done.output
        assert not stack.tempest.exists()
        assert done.of("end") == [("",)]

    def test_again(self, stack: Stack) -> None:
        assert stack.run(*STACK_PHASES).code == 0
        stack.conf.write_text("[DEFAULT]\nold = 1\n")
        assert stack.run(*STACK_PHASES).code == 0
        assert "old" not in options(stack.conf)["DEFAULT"]

    def test_with_tls(self, stack: Stack) -> None:
        stack.services += ",tls-proxy"
        bundle = "/opt/stack/data/ca-bundle.pem"
        stack.variables = {"SERVICE_PROTOCOL": "https", "SSL_BUNDLE_FILE": bundle}
        done = stack.run(*STACK_PHASES)
        assert done.code == 0, done.output
        url = URL.replace("http:", "https:")
        assert done.of("get_or_create_endpoint")[0][2] == f"{url}/v1.0"
        assert options(stack.uwsgi)["uwsgi"]["http"] == "0.0.0.0:18118"
        assert done.of("start_tls_proxy") == [("kingbird", "*", "8118", "192.0.2.11", "18118")]
        written = options(stack.conf)
        assert written["oslo_middleware"] == {"enable_proxy_headers_parsing": "True"}
        assert written["glance"] == {"cafile": bundle}
        assert done.of("wait_for_service") == [("60", f"{url}/")]

    def test_xtrace_is_left_as_it_was(self, stack: Stack) -> None:
        done = stack.run(*STACK_PHASES)
        # A trace would show passwords.
        assert not [line for line in done.output.splitlines() if line.startswith("+")]
        assert "s3cret" not in done.output


class TestStandins:
    """They take no call that devstack would not."""

    @pytest.mark.parametrize(
        "line",
        ["configure_everything kingbird", "iniset file section option", "recreate_database"],
    )
    def test_a_call_that_cannot_be(self, stack: Stack, tmp_path: Path, line: str) -> None:
        folder = tmp_path / "plugin"
        folder.mkdir()
        (folder / "settings").write_text("")
        (folder / "plugin.sh").write_text(f"{line}\n")
        stack.variables = {"PLUGIN": str(folder)}
        done = stack.run("stack install")
        assert done.code != 0
        assert done.of("end") == []


class TestChecks:
    """The results of kingbird-status before the services start."""

    @pytest.mark.parametrize(("code", "ends"), [(0, 0), (1, 0), (2, 1), (255, 1)])
    def test_codes(self, tmp_path: Path, programs: Programs, code: int, ends: int) -> None:
        stack = Stack(tmp_path / "stack", programs(kingbird_status=code))
        done = stack.run(*STACK_PHASES)
        assert done.code == ends, done.output
        assert bool(done.of("die")) == bool(ends)
        assert bool(done.of("run_process")) == (not ends)

    def test_tables_that_cannot_be_made(self, tmp_path: Path, programs: Programs) -> None:
        stack = Stack(tmp_path / "stack", programs(kingbird_manage=1))
        done = stack.run(*STACK_PHASES)
        assert done.code != 0
        assert not done.of("run_process")


class TestOtherRegion:
    """A devstack without Kingbird, in the region of which RegionOne's is registered."""

    @pytest.fixture
    def other(self, stack: Stack) -> Stack:
        stack.services = "mysql,rabbit,g-api"
        stack.variables = {
            "REGION_NAME": "RegionTwo",
            "SERVICE_HOST": "192.0.2.12",
            "KINGBIRD_SERVICE_HOST": "192.0.2.11",
            "DISABLED_SERVICES": "kingbird-api,kingbird-engine",
        }
        return stack

    def test_phases(self, other: Stack) -> None:
        done = other.run(*STACK_PHASES)
        assert done.code == 0, done.output
        assert done.within("stack post-config") == [
            ("get_or_create_service", "kingbird", "synchronization", "Image synchronization"),
            ("get_or_create_endpoint", "synchronization", "RegionTwo", *[f"{URL}/v1.0"] * 3),
        ]
        for phase in STACK_PHASES:
            assert phase == "stack post-config" or done.within(phase) == []
        assert not other.etc.exists()

    def test_unstack_and_clean(self, other: Stack) -> None:
        done = other.run("unstack", "clean")
        assert done.code == 0, done.output
        assert done.of("stop_process") == []

    def test_engine_alone(self, other: Stack) -> None:
        other.variables = {**other.variables, "DISABLED_SERVICES": "kingbird-api"}
        done = other.run(*STACK_PHASES)
        assert done.code == 0, done.output
        assert [call[0] for call in done.of("run_process")] == ["kingbird-engine"]
        assert done.of("wait_for_service") == []


class TestEnd:
    """unstack.sh, and clean.sh, which goes through unstack first."""

    def test_unstack(self, stack: Stack) -> None:
        assert stack.run(*STACK_PHASES).code == 0
        done = stack.run("unstack")
        assert done.code == 0, done.output
        assert done.within("unstack") == [
            ("stop_process", "kingbird-api"),
            ("stop_process", "kingbird-engine"),
        ]
        assert stack.conf.exists()

    def test_clean(self, stack: Stack) -> None:
        assert stack.run(*STACK_PHASES).code == 0
        for _ in range(2):
            done = stack.run("unstack", "clean")
            assert done.code == 0, done.output
            assert not stack.etc.exists()

    def test_clean_leaves_what_is_not_its_own(self, stack: Stack) -> None:
        assert stack.run(*STACK_PHASES).code == 0
        mine = stack.etc / "policy.yaml"
        mine.write_text("{}")
        assert stack.run("unstack", "clean").code == 0
        assert list(stack.etc.iterdir()) == [mine]


class TestSamples:
    """The local.conf of each of two regions."""

    @pytest.fixture
    def localrc(self) -> Callable[[str], dict[str, str]]:
        def read(name: str) -> dict[str, str]:
            text = (PLUGIN / f"local.conf.{name}.sample").read_text()
            _, _, rest = text.partition("[[local|localrc]]\n")
            return dict(re.findall(r"^([A-Z_]+)=(.*)$", rest, re.M))

        return read

    def test_regions(self, localrc: Callable[[str], dict[str, str]]) -> None:
        one, two = localrc("region-one"), localrc("region-two")
        assert (one["REGION_NAME"], two["REGION_NAME"]) == ("RegionOne", "RegionTwo")
        assert two["KEYSTONE_SERVICE_HOST"] == one["HOST_IP"] != two["HOST_IP"]
        assert two["KEYSTONE_REGION_NAME"] == one["REGION_NAME"]
        assert two["KINGBIRD_SERVICE_HOST"] == "$KEYSTONE_SERVICE_HOST"

    @pytest.mark.parametrize("name", ["region-one", "region-two"])
    def test_they_enable_the_plugin(self, name: str) -> None:
        lines = (PLUGIN / f"local.conf.{name}.sample").read_text().splitlines()
        assert "enable_plugin kingbird https://opendev.org/openstack/kingbird" in lines
        disabled = "disable_service kingbird-api kingbird-engine" in lines
        assert disabled == (name == "region-two")
