"""Bars are for terminals."""

import io

from kingbird.osc.progress import Progress, arrived, tally, would_import

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


def test_a_region_that_is_waited_for(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with Progress(stream=terminal) as progress:
        progress.show({**JOB, "waits_for": ["RegionTwo"]})
    assert "3 created, 1 quota, waits for the region" in terminal.getvalue()


def test_a_region_that_the_plan_waits_for(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with Progress(stream=terminal) as progress:
        progress.show({**JOB, "waits_for": ["RegionThree"]})
        shown = terminal.getvalue()
        progress.show(JOB)
    assert any("RegionThree" in one and "waits for the region" in one for one in shown.split("\n"))


def with_data(**data):
    """Make a job whose region has bytes of data in some states, each of two images."""
    found = {state: {"items": 2, "bytes": size} for state, size in data.items()}
    region = {"statuses": {"SUCCESS": 8}, "outcomes": {}, "data": found}
    return {"sync_status": "IN_PROGRESS", "regions": {"RegionTwo": region}}


def test_bytes_of_data() -> None:
    region = with_data(pending=1, importing=2, active=4, failed=8, none=16)["regions"]["RegionTwo"]
    assert arrived(region) == (28, 31)
    assert arrived({"data": {}}) == (0, 0)


def test_data_have_a_bar_of_bytes(monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    with Progress(stream=terminal) as progress:
        progress.show(with_data(pending=3 * 2**19, active=2**20))
    assert "RegionTwo data" in terminal.getvalue()
    assert "1.0/2.5 MiB" in terminal.getvalue()


def test_a_dry_run_tells_images_and_bytes() -> None:
    job = with_data(pending=3 * 2**19, active=5)
    assert list(would_import(job)) == []
    said = list(would_import({**job, "dry_run": True}))
    assert said == ["RegionTwo would import 2 images, 1.5 MiB"]
    assert list(would_import({**with_data(active=5), "dry_run": True})) == []


def test_elsewhere_nothing_is_drawn() -> None:
    for wanted, stream in ((True, io.StringIO()), (False, Terminal())):
        with Progress(wanted, stream) as progress:
            progress.show(JOB)
        assert stream.getvalue() == ""
