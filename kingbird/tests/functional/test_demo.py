"""``make demo`` from beginning to end, with its own folder and ports."""

import subprocess
import sys
from pathlib import Path

from kingbird.tests.functional.programs import environment
from kingbird.tests.waiting import LONG_PATIENCE, PATIENCE

TOOLS = Path(__file__).resolve().parents[3] / "tools"

#: The command, with a folder that no other demo on this machine uses.
MAIN = """
import pathlib, sys
import demo.stage
demo.stage.RUN = pathlib.Path(sys.argv[1])
from demo.__main__ import main
sys.exit(main([]))
"""


def test_the_demo_finds_nothing_wrong_and_leaves_nothing_running(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", MAIN, str(tmp_path)],
        env=environment(PYTHONPATH=str(TOOLS)),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        output, _ = process.communicate(timeout=LONG_PATIENCE)
    finally:
        if process.poll() is None:
            # The demo then ends its programs.
            process.terminate()
            process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    assert "PROBLEM" not in output
    assert "Done: every record is in every region" in output
    # One row for each combination of two targets and two initial states.
    assert output.count("| =         | +           | +         |") == 4, output
    assert output.count("has the record") == 2, output
    assert "turned active in RegionTwo, and the hash of its data is the same" in output
    assert "min_ram: 4096 -> 512" in output
    ended = next(line for line in output.splitlines() if line.startswith("ended: "))
    assert len(ended.split(",")) == 5, ended
    assert [*tmp_path.rglob("run/*.json"), *tmp_path.rglob("pid.json")] == []
