"""The packages contain the right files, and a wheel works in an empty environment."""

import configparser
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kingbird.db import api as db
from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.packages import ROOT, VERSION, Environment, Packages, call
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import BIN, Program, eventually
from kingbird.tests.functional.proxy import Proxy

PROGRAMS = [
    f"kingbird-{name}" for name in ("api", "engine", "listener", "manage", "standalone", "status")
]

#: Every module but the tests and the plugin of python-openstackclient, which is an extra.
IMPORT_ALL = """
import importlib, json, pkgutil, warnings
warnings.simplefilter("ignore")
from kingbird import concurrency
concurrency.setup()
import kingbird
names = [module.name for module in pkgutil.walk_packages(
    kingbird.__path__, "kingbird.", onerror=lambda name: None
)]
apart = ("kingbird.tests", "kingbird.osc", "kingbird.db.alembic.env")
chosen = [name for name in names if not name.startswith(apart) and name != "kingbird.api.wsgi"]
for name in chosen:
    importlib.import_module(name)
print(json.dumps([kingbird.__file__, chosen]))
"""
LOAD_ENTRY_POINTS = """
import json, warnings
warnings.simplefilter("ignore")
from kingbird import concurrency
concurrency.setup()
from importlib.metadata import distribution
points = [each for each in distribution("kingbird").entry_points
          if not each.group.startswith("openstack.")]
for point in points:
    point.load()
print(json.dumps([f"{point.group}:{point.name}" for point in points]))
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Packages:
    """Build the packages once."""
    return Packages(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def installed(packages: Packages, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Install the wheel once."""
    return Environment(tmp_path_factory.mktemp("installed") / "venv", packages.wheel)


def test_the_source_package_has_all_files(packages: Packages) -> None:
    made = {"AUTHORS", "ChangeLog", "PKG-INFO", "RELEASENOTES.rst", "setup.cfg"}
    missing = {*packages.files} - packages.in_sdist - {".gitignore"}
    assert {name for name in missing if not name.startswith(".git")} == set()
    surplus = packages.in_sdist - {*packages.files} - made
    assert {name for name in surplus if ".egg-info/" not in name} == set()


def test_the_wheel_has_the_code_and_what_belongs_to_it(packages: Packages) -> None:
    found = packages.in_wheel
    code = {name for name in packages.files if name.startswith("kingbird/")}
    assert code - found == set()
    data = f"kingbird-{VERSION}.data/data"
    for folder, place in (
        ("etc/kingbird", "etc/kingbird"),
        ("etc/systemd", "share/kingbird/systemd"),
    ):
        belongs = [name for name in packages.files if name.startswith(f"{folder}/")]
        assert belongs, folder
        for name in belongs:
            assert f"{data}/{place}{name.removeprefix(folder)}" in found
    # Tools, benchmarks and separate packages are not included.
    tops = {name.split("/")[0] for name in found}
    assert tops == {"kingbird", f"kingbird-{VERSION}.data", f"kingbird-{VERSION}.dist-info"}


def test_the_tempest_plugin_is_a_package_by_itself(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    plugin = Packages(tmp_path_factory.mktemp("plugin"), "tempest_plugin")
    call(BIN / "twine", "check", "--strict", plugin.wheel, plugin.sdist)
    assert {*plugin.files} - plugin.in_sdist == set()
    code = {name for name in plugin.files if name.startswith("kingbird_tempest_plugin/")}
    (metadata,) = {name.split("/")[0] for name in plugin.in_wheel - code}
    assert metadata.endswith(".dist-info")
    assert code <= plugin.in_wheel
    with zipfile.ZipFile(plugin.wheel) as archive:
        points = configparser.ConfigParser()
        points.read_string(archive.read(f"{metadata}/entry_points.txt").decode())
        assert points.sections() == ["tempest.test_plugins"]
        module, _, name = points["tempest.test_plugins"]["kingbird"].partition(":")
        assert f"class {name}(" in archive.read(f"{module.replace('.', '/')}.py").decode()


def test_the_dashboard_is_a_package_by_itself(tmp_path_factory: pytest.TempPathFactory) -> None:
    plugin = Packages(tmp_path_factory.mktemp("dashboard"), "horizon_plugin")
    call(BIN / "twine", "check", "--strict", plugin.wheel, plugin.sdist)
    # Horizon reads templates, styles, policies and snippets of settings besides the code.
    belongs = {name for name in plugin.files if name.startswith("kingbird_dashboard/")}
    assert {Path(name).suffix for name in belongs} >= {".py", ".html", ".js", ".scss", ".yaml"}
    assert belongs - plugin.in_wheel == set()


def test_the_metadata_are_those_of_a_release(packages: Packages, installed: Environment) -> None:
    call(BIN / "twine", "check", "--strict", packages.wheel, packages.sdist)
    script = (
        "import json; from importlib.metadata import metadata; "
        "found = metadata('kingbird'); print(json.dumps({key: found.get_all(key) for key in "
        "('Version', 'Requires-Python', 'Provides-Extra', 'License-File', 'Description')}))"
    )
    found: Any = installed.python(script)
    assert found["Version"] == [VERSION]
    assert found["Requires-Python"] == [">=3.11"]
    assert {"gunicorn", "uwsgi", "memcached", "osc"} <= {*found["Provides-Extra"]}
    assert "LICENSE" in found["License-File"]


def test_nothing_is_missing_that_the_code_imports(installed: Environment) -> None:
    found: Any = installed.python(IMPORT_ALL)
    place, modules = found
    assert Path(place).is_relative_to(installed.folder)
    assert {"kingbird.cmd.engine", "kingbird.api.app", "kingbird.sync.listing.diff"} <= {*modules}


def test_entry_points_lead_somewhere(installed: Environment) -> None:
    found: Any = installed.python(LOAD_ENTRY_POINTS)
    assert {f"console_scripts:{name}" for name in PROGRAMS} <= {*found}
    groups = {name.partition(":")[0] for name in found}
    assert {
        "oslo.config.opts",
        "oslo.config.opts.defaults",
        "oslo.policy.policies",
        "oslo.policy.enforcer",
    } <= groups


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_tell_about_themselves(installed: Environment, program: str) -> None:
    assert program in installed.run(program, "--help")


def test_samples_are_generated_by_what_is_installed(installed: Environment) -> None:
    for name in ("kingbird.conf.sample", "policy.yaml.sample"):
        stored = (ROOT / "etc" / "kingbird" / name).read_text()
        assert (installed.folder / "etc" / "kingbird" / name).read_text() == stored
    options = installed.run("oslo-config-generator", "--namespace", "kingbird")
    for group in ("api", "engine", "sync", "upgrade_levels"):
        assert f"[{group}]" in options
    policies = installed.run("oslopolicy-sample-generator", "--namespace", "kingbird")
    assert "kingbird:sync_jobs:create" in policies


def test_the_sample_is_a_configuration(installed: Environment, tmp_path: Path) -> None:
    sample = installed.folder / "etc" / "kingbird" / "kingbird.conf.sample"
    own = tmp_path / "own.conf"
    own.write_text(f"[DEFAULT]\nstate_path = {tmp_path}\n")
    words: list[str | Path] = ["--config-file", sample, "--config-file", own]
    head = str(db.migration.head())
    assert f"at revision {head}" in installed.run("kingbird-manage", *words, "db", "sync")
    assert head in installed.run("kingbird-manage", *words, "db", "version")


@pytest.fixture
def running(
    installed: Environment, cloud: Any, glances: dict[str, Proxy], tmp_path: Path
) -> Iterator[Deployment]:
    """Run kingbird-standalone from the wheel on the cloud."""
    with Proxy(cloud.auth_url) as keystone:
        kind = Kind()
        url = f"sqlite:///{tmp_path}/kingbird.sqlite"
        deployment = Deployment(kind, cloud, tmp_path, keystone, url, None)
        program = Program(
            [str(installed.bin / "kingbird-standalone"), "--config-file", str(deployment.config)],
            tmp_path / "standalone.log",
            backend=kind.backend,
            PYTHONPATH="",
        )
        try:
            eventually("it answers", lambda: program.answers(deployment.url))
            yield deployment
        finally:
            program.stop()


def test_it_starts_and_syncs_an_image(
    running: Deployment, installed: Environment, demo: Person
) -> None:
    image = demo.make("RegionOne")
    job = KingbirdAPI(running.url, demo).run(sync(image["id"]))
    assert job.status == SUCCESS
    assert demo.see("RegionTwo", image["id"])["name"] == image["name"]
    # The checks find a current engine, a service user with roles, and current tables.
    words: list[str | Path] = ["--config-file", running.config, "upgrade", "check", "--json"]
    checks = json.loads(installed.run("kingbird-status", *words))["checks"]
    assert {check["check"]: check["result"] for check in checks if check["result"]} == {}
