"""Let units write to each path that the pages configure."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kingbird.tests.functional.programs import BIN
from kingbird.tests.guide.pages import literal
from kingbird.tests.guide.units import FOLDER, Unit
from kingbird.tests.waiting import PATIENCE

NAMES = ("kingbird-api", "kingbird-engine", "kingbird-listener")
METRICS = "doc/source/admin/metrics.rst"
REPORTS = "doc/source/admin/reports.rst"


def values(text: str, name: str) -> list[str]:
    return re.findall(rf"(?m)^{name} = (.+)$", text)


def test_the_units_are_these() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {*NAMES}


def test_metrics() -> None:
    for name in NAMES:
        (block,) = [
            text for text in literal(METRICS, "ini") if f"/etc/kingbird/{name}.conf.d/" in text
        ]
        (directory,) = values(block, "directory")
        assert Unit(name).may_write(directory)
        assert [other for other in NAMES if Unit(other).may_write(directory)] == [name]


@pytest.mark.parametrize("name", NAMES)
def test_reports(name: str) -> None:
    (block,) = literal(REPORTS, "ini")
    (log_dir,), (file,) = values(block, "log_dir"), values(block, "file_event_handler")
    assert Unit(name).may_write(log_dir)
    assert Unit(name).may_write(file)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_else_may_be_written_to(name: str) -> None:
    unit = Unit(name)
    assert unit.settings("ProtectSystem") == ["strict"]
    assert not unit.may_write("/run/kingbird/metrics")
    assert unit.may_write("/var/lib/kingbird/kingbird.sqlite")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not here")
def test_systemd_understands_them(name: str, tmp_path: Path) -> None:
    unit = tmp_path / f"{name}.service"
    unit.write_text(Unit(name).path.read_text().replace("/opt/kingbird/bin", str(BIN)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    problems = [line for line in done.stderr.splitlines() if unit.name in line]
    assert (done.returncode, problems) == (0, []), done.stderr
