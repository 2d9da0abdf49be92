"""The runner of Horizon: what it writes, and how it finds a browser."""

import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from dashboard_run import chromium, environment, scale, scene, settings

ROOT = Path(__file__).resolve().parents[4]


def test_the_settings_are_python(tmp_path: Path) -> None:
    variables = settings.write(tmp_path / "a b", tmp_path / "it's", "http://127.0.0.1:5000/v3")
    text = (Path(variables["PYTHONPATH"]) / "local" / "local_settings.py").read_text()
    found: dict[str, object] = {}
    # Horizon's own settings are those of another environment.
    names = text.replace("from openstack_dashboard.settings import HORIZON_CONFIG", "")
    exec(names, {"HORIZON_CONFIG": {}}, found)
    assert found["STATIC_ROOT"] == str(tmp_path / "it's")
    assert found["OPENSTACK_KEYSTONE_URL"] == "http://127.0.0.1:5000/v3"
    assert found["DEBUG"] is False
    assert Path(str(found["SESSION_FILE_PATH"])).is_dir()


@pytest.mark.parametrize("release", environment.RELEASES)
def test_each_package_is_pinned(release: str) -> None:
    text = environment.Environment(release).constraints.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) > 50
    assert [line for line in lines if "==" not in line] == []


def test_a_browser_on_the_path_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "chromium"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert chromium.find() == program


def test_no_browser_and_no_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(chromium, "_HOME", tmp_path / "home")
    monkeypatch.setattr(chromium, "_PROGRAM", tmp_path / "home" / "chromium")
    monkeypatch.setattr(chromium, "DEFAULT_HOME", tmp_path)
    with pytest.raises(chromium.BrowserMissing, match="on the PATH"):
        chromium.find()


def test_hostile_names_are_of_each_kind() -> None:
    names = " ".join(scene.HOSTILE)
    for part in ("<img", "<script", "{$", "{{", "\u202e", "\u200b"):
        assert part in names


def test_rows_of_the_measurement_are_unique() -> None:
    rows = [*scale._rows("p", "One", ["Two", "Three"], 100, datetime(2026, 11, 22))]
    assert len({(row[0], row[1]) for row in rows}) == 100
    assert {row[1] for row in rows} == {"Two", "Three"}
    assert {row[5] for row in rows} == set(scale._STATES)


def test_down_needs_nothing_that_is_installed() -> None:
    done = subprocess.run(
        [sys.executable, "-S", "-c", "import dashboard_run.__main__"],
        env={"PYTHONPATH": str(ROOT / "tools")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
