"""The parts of tools/demo that need no cloud: a demo that finds no fault has to be able to."""

import configparser
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from demo import check, client, play, scene, service, stage, table

TOOLS = Path(stage.__file__).resolve().parents[1]

RAMDISK = "22222222-2222-4222-8222-222222222222"
IMAGE: dict[str, Any] = {
    "id": "11111111-1111-4111-8111-111111111111",
    "name": "machine",
    "owner": "a project",
    "status": "active",
    "checksum": "c",
    "os_hash_algo": "sha512",
    "os_hash_value": "h",
    "size": 9,
    "created_at": "2026-01-01T00:00:00Z",
    "visibility": "shared",
    "os_hidden": False,
    "min_disk": 2,
    "tags": ["a", "b"],
    "ramdisk_id": RAMDISK,
    "kernel_id": None,
    "os_distro": "debian",
}
COPY: dict[str, Any] = {
    **IMAGE,
    "status": "queued",
    "checksum": None,
    "os_hash_algo": None,
    "os_hash_value": None,
    "size": None,
    "created_at": "2026-02-02T00:00:00Z",
    "tags": ["b", "a"],
    "kingbird_source_region": "RegionOne",
    "kingbird_source_id": IMAGE["id"],
    "kingbird_source_hash": "sha512:h",
}
THERE = {IMAGE["id"], RAMDISK}


def _differences(changes: dict[str, Any], there: set[str] = THERE) -> list[str]:
    return check.differences("RegionOne", IMAGE, {**COPY, **changes}, there)


def test_a_good_copy_has_no_differences() -> None:
    assert _differences({}) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "other"),
        ("owner", "another project"),
        ("visibility", "private"),
        ("os_hidden", True),
        ("min_disk", 0),
        ("tags", ["a"]),
        ("tags", []),
        ("os_distro", None),
        ("os_distro", "Debian"),
        ("ramdisk_id", IMAGE["id"]),
        ("added", "by nobody knows whom"),
        ("kingbird_source_region", "RegionTwo"),
        ("kingbird_source_id", None),
        ("kingbird_source_hash", "md5:h"),
    ],
)
def test_one_wrong_field_is_one_difference(field: str, value: object) -> None:
    (sentence,) = _differences({field: value})
    assert sentence.startswith(f"{field} is {value!r}")


def test_a_reference_has_to_lead_somewhere() -> None:
    assert _differences({}, {IMAGE["id"]}) == [f"ramdisk_id names {RAMDISK}, which is not there"]


def test_an_image_without_data_needs_no_hash() -> None:
    queued = {**IMAGE, "os_hash_algo": None, "os_hash_value": None}
    copy = {name: value for name, value in COPY.items() if name != "kingbird_source_hash"}
    assert check.differences("RegionOne", queued, copy, THERE) == []


def test_missing_and_surplus_images_are_problems() -> None:
    surplus = {**COPY, "id": "3", "name": "twin"}
    found = check.problems("RegionOne", {IMAGE["id"]: IMAGE}, "RegionTwo", {"3": surplus})
    assert [str(problem) for problem in found] == [
        f"RegionTwo: machine ({IMAGE['id']}): is missing",
        "RegionTwo: twin (3): is there, and not in RegionOne",
    ]


def test_table_shows_what_is_where() -> None:
    regions = {"RegionOne": {"1": IMAGE}, "RegionTwo": {"1": COPY}, "RegionThree": {}}
    text = table.image_table({"machine": "1"}, regions, {("RegionTwo", "1"): "same"})
    assert text.splitlines() == [
        "image    id  RegionOne  RegionTwo     RegionThree",
        "-------  --  ---------  ------------  -----------",
        "machine  1   active     queued, same  -",
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({}, ""),
        ({"RegionOne": "+"}, "'RegionOne': '+'"),
        ({"RegionThree": ""}, "'RegionThree': ''"),
        ({"ID": "3"}, "no row for 2"),
        ({"ID": "1"}, "two rows"),
    ],
)
def test_a_matrix_is_what_it_should_be(changes: dict[str, str], problem: str) -> None:
    cells = {"RegionOne": "=", "RegionThree": "+", "RegionTwo": "+"}
    rows = [{"ID": number, "Name": "machine", **cells} for number in "12"]
    rows[1] |= changes
    found = check.wrong_rows(rows, {"1", "2"}, "RegionOne", ["RegionTwo", "RegionThree"])
    assert bool(found) == bool(problem)
    assert problem in "\n".join(found)


def test_a_matrix_has_rows_for_nothing_else() -> None:
    row = {"ID": "1", "Name": "old-release", "RegionOne": "=", "RegionTwo": "+"}
    (problem,) = check.wrong_rows([row], set(), "RegionOne", ["RegionTwo"])
    assert "old-release" in problem


def test_scene_refers_backwards_only() -> None:
    seen: set[str] = set()
    for item in scene.SCENE:
        assert set(item.refers.values()) <= seen
        seen.add(item.name)
    assert len(seen) == 6


class _Glance:
    """Keeps what it is asked to do."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}
        self.uploads: list[str] = []
        self.shares: list[tuple[str, str]] = []

    def images(self, owner: str) -> dict[str, dict[str, Any]]:
        return self.made

    def create(self, fields: dict[str, Any]) -> dict[str, Any]:
        image = {"id": f"id-{len(self.made)}", "status": "queued", **fields}
        self.made[image["id"]] = image
        return image

    def upload(self, image_id: str, data: bytes) -> None:
        self.made[image_id]["status"] = "active"
        self.uploads.append(image_id)

    def share(self, image_id: str, project: str) -> None:
        self.shares.append((image_id, project))


def test_images_are_put_once() -> None:
    glance: Any = _Glance()
    ids = scene.put(glance, "owner", {"other": "other's id"})
    machine = glance.made[ids["legacy-machine"]]
    assert machine["kernel_id"] == ids["legacy-kernel"]
    assert machine["ramdisk_id"] == ids["legacy-ramdisk"]
    assert glance.shares == [(ids["golden-base"], "other's id")]
    uploads = list(glance.uploads)
    assert scene.put(glance, "owner", {"other": "other's id"}) == ids
    assert glance.uploads == uploads


def test_command_text_can_be_pasted() -> None:
    words = ["kingbird", "sync", "create", "--target", "Region Two"]
    words += [word for n in range(4) for word in ("--resources", f"{n}" * 36)]
    text = client.command_text(words)
    lines = text.splitlines()
    assert len(lines) > 1
    assert all(len(line) <= client.WIDTH for line in lines)
    assert all(line.rstrip("\\").rstrip().count("--resources") <= 2 for line in lines)
    echo = subprocess.run(
        ["sh", "-c", text.removeprefix("$ ").replace("kingbird", "printf '%s\\n'", 1)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert echo.stdout.splitlines() == words[1:]


def test_parse_table() -> None:
    text = "+----+--------+\n| ID | STATUS |\n+----+--------+\n| 1  | SUCCESS |\n+---+\n"
    assert client.parse_table(text) == [{"ID": "1", "STATUS": "SUCCESS"}]
    assert client.parse_table("") == []


def _user() -> dict[str, str]:
    return {"auth_url": "http://127.0.0.1:5000/v3", "username": "kingbird", "password": "p%x"}


def test_configuration_survives_the_file(tmp_path: Path) -> None:
    runs = service.Service(tmp_path)
    assert runs.port is None
    assert runs.pid is None
    options = service.configuration(tmp_path, 4711, _user())
    runs.config.write_text(service.render(options, {}))
    assert runs.port == 4711
    assert runs.url == "http://127.0.0.1:4711/v1.0"
    parser = configparser.RawConfigParser()
    parser.read(runs.config)
    assert parser["keystone_authtoken"]["password"] == "p%x"
    assert parser["database"]["connection"] == f"sqlite:///{tmp_path}/kingbird.sqlite"


def test_taken_port_is_refused_or_passed_by(tmp_path: Path) -> None:
    runs = service.Service(tmp_path)
    with service.listen_on_free_port() as listener:
        taken = listener.getsockname()[1]
        options = service.configuration(tmp_path, taken, _user())
        runs.config.write_text(service.render(options, {}))
        with pytest.raises(service.PortTaken):
            runs.choose_port(free_ports=False)
        assert runs.choose_port(free_ports=True) != taken
    assert runs.choose_port(free_ports=True) == taken


def test_service_that_ends_at_once_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = service.Service(tmp_path)
    (tmp_path / "kingbird-standalone").write_text("import sys; sys.exit('no such thing')")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    (tmp_path / "python").symlink_to(Path("/proc/self/exe").resolve())
    with service.listen_on_free_port() as listener:
        port = listener.getsockname()[1]
    with pytest.raises(service.DemoError, match="ended at once"):
        runs.start(port, _user())
    assert "no such thing" in runs.tail()
    assert runs.stop() is False


def test_shell_file_leaves_no_variables_of_another_cloud(tmp_path: Path) -> None:
    openrc, file = tmp_path / "open rc", tmp_path / "rc"
    openrc.write_text("export OS_USERNAME=demo\n")
    file.write_text(play.rc(openrc, tmp_path / "bin"))
    shell = subprocess.run(
        ["sh", "-ec", f". {file}; env"],
        env={"PATH": "/usr/bin:/bin", "OS_PROJECT_ID": "x", "no_proxy": "y"},
        check=True,
        capture_output=True,
        text=True,
    )
    variables = dict(line.split("=", 1) for line in shell.stdout.splitlines())
    assert {name for name in variables if name.startswith("OS_")} == {"OS_USERNAME"}
    assert variables["PATH"] == f"{tmp_path}/bin:/usr/bin:/bin"
    assert variables["no_proxy"] == variables["NO_PROXY"] == "127.0.0.1,y"


def test_usage_names_ids_that_are_there() -> None:
    ids = {item.name: f"id-of-{item.name}" for item in scene.SCENE}
    text = play.usage(ids, ["RegionOne", "RegionTwo", "RegionThree"])
    assert "--target RegionTwo --target RegionThree" in text
    assert "--resources id-of-web-server" in text


def test_one_demo_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "RUN", tmp_path / "run")
    with (
        stage.alone("demo", "not twice"),
        pytest.raises(stage.DemoError, match="not twice"),
        stage.alone("demo", "not twice"),
    ):
        pytest.fail("two had the lock")
    with stage.alone("demo", "not twice"):
        pass


def test_stopping_is_not_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "RUN", tmp_path)
    place = stage.Stage()
    assert place.running() == []

    def interrupted() -> bool:
        signal.raise_signal(signal.SIGINT)
        return True

    monkeypatch.setattr(place.service, "stop", interrupted)
    assert place.stop() == ["kingbird"]


def test_down_needs_nothing_installed(tmp_path: Path) -> None:
    """By the system's bare interpreter (-S: no site-packages), with nothing running."""
    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); import demo.play, demo.stage;"
        "demo.stage.RUN = demo.play.RUN = pathlib.Path(sys.argv[2]);"
        "from demo.__main__ import main; sys.exit(main(['down']))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code, str(TOOLS), str(tmp_path / "run")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "ended: nothing was running\n"
