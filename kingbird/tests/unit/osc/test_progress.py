"""Bars are for terminals."""

import io

from kingbird.osc.progress import Progress, tally

JOB = {
    "sync_status": "IN_PROGRESS",
    "regions": {
        "RegionTwo": {
            "statuses": {"SUCCESS": 3, "FAILURE": 1, "IN_PROGRESS": 6},
            "outcomes": {"created": 3, "quota": 1},
        }
    },
}


class Terminal(io.StringIO):
    """A file that is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_region_s_counts() -> None:
    assert tally(JOB["regions"]["RegionTwo"]) == (4, 10, "3 created, 1 quota")  # type: ignore[index]


def test_on_a_terminal_each_region_has_a_bar(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with Progress(stream=terminal) as progress:
        progress.show({"sync_status": "IN_PROGRESS"})
        progress.show(JOB)
    drawn = terminal.getvalue()
    assert "RegionTwo" in drawn
    assert "4/10" in drawn
    assert "3 created, 1 quota" in drawn


def test_elsewhere_nothing_is_drawn() -> None:
    for wanted, stream in ((True, io.StringIO()), (False, Terminal())):
        with Progress(wanted, stream) as progress:
            progress.show(JOB)
        assert stream.getvalue() == ""
