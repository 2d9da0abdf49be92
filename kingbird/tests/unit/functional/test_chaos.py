"""Find each defect in the verdict on a fault, and leave nothing behind when a run is stopped."""

import signal
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from kingbird.sync.image import record_for
from kingbird.tests.doubles.glance import FakeGlance
from kingbird.tests.functional.chaos import __main__ as program
from kingbird.tests.functional.chaos import copies

PROJECT = "project"


@pytest.fixture
def glances() -> dict[str, FakeGlance]:
    """Give a region with a hidden image, and one with a forced copy of it."""
    made = {name: FakeGlance(name) for name in ("One", "Two")}
    made["One"].images_for(PROJECT).create(
        {"name": "a", "disk_format": "raw", "container_format": "bare", "os_hidden": True}
    )
    copy(made)
    return made


def source(glances: dict[str, FakeGlance]) -> Any:
    (image,) = copies.listing(glances["One"].images_for(PROJECT))
    return image


def copy(glances: dict[str, FakeGlance]) -> None:
    """Make one more forced copy."""
    image_id = str(uuid.uuid4())
    record = record_for(
        source(glances),
        "One",
        copies.RULES,
        image_id=image_id,
        forced=True,
    )
    glances["Two"].images_for(PROJECT).create(record)


def findings(glances: dict[str, FakeGlance]) -> copies.Findings:
    image = source(glances)
    found = copies.listing(glances["Two"].images_for(PROJECT))
    return copies.compare_region("Two", found, [image], "One", {image["id"]})


def test_a_hidden_copy_is_found(glances: dict[str, FakeGlance]) -> None:
    found = findings(glances)
    assert (found.lost, found.doubled) == ([], [])
    assert list(found.copies) == [(source(glances)["id"], "Two")]


def test_a_second_hidden_copy_is_found(glances: dict[str, FakeGlance]) -> None:
    copy(glances)
    found = findings(glances)
    assert (len(found.doubled), found.copies) == (1, {})


@pytest.mark.parametrize("named", [True, False])
def test_an_item_names_the_copy_that_is_there(glances: dict[str, FakeGlance], named: bool) -> None:
    found = findings(glances)
    ((image_id, region), there) = next(iter(found.copies.items()))
    item = {
        "resource": image_id,
        "target_region": region,
        "target_resource": there if named else "another",
    }
    assert bool(copies.misnamed([item], found.copies)) is not named


@pytest.fixture
def usual_signals() -> Iterator[None]:
    """Handle the signals as usual, though a shell ignores SIGINT in what it runs beside itself."""
    before = {each: signal.getsignal(each) for each in program.INTERRUPTS}
    for each in before:
        usual = signal.default_int_handler if each is signal.SIGINT else signal.SIG_DFL
        signal.signal(each, usual)
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_a_run_in_an_orderly_way(
    usual_signals: None,
    number: signal.Signals,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = [signal.getsignal(each) for each in program.INTERRUPTS]
    ended = []

    def throw(*_: object) -> Any:
        try:
            signal.raise_signal(number)
            yield from ()
        finally:
            # An impatient second one.
            signal.raise_signal(number)
            ended.append("all that was started")

    monkeypatch.setattr(program, "_throw", throw)
    assert program.main(["--database", "SQLite"]) == 1
    assert ended
    assert "interrupted" in capsys.readouterr().err
    assert [signal.getsignal(each) for each in program.INTERRUPTS] == before
