"""Guru Meditation Reports: who asks, a file that comes and goes, and sections that fail."""

import os
import signal
import sys
import weakref

import pytest
from oslo_reports.generators.conf import ConfigReportGenerator

from kingbird import gmr
from kingbird.tests.threads import begun_threads
from kingbird.tests.waiting import wait_for

#: The last section of a report.
LAST = "Last section"


@pytest.fixture
def quiet(conf, monkeypatch):
    """Give a configuration; what was there for the signal comes back."""
    before = signal.getsignal(signal.SIGUSR2)
    monkeypatch.setattr(gmr, "_watcher_pid", None)
    monkeypatch.setattr(gmr._Report, "persistent_sections", [])
    # It shows the configuration of the whole process, of which other tests leave a part.
    monkeypatch.setattr(ConfigReportGenerator.__init__, "__defaults__", (conf,))
    gmr.opts.set_defaults(conf)
    yield conf
    signal.signal(signal.SIGUSR2, before)


@pytest.fixture
def ask(quiet, capfd):
    """Give a function that asks by the signal, and returns the report's sections by title."""

    def ask():
        gmr.install_signal_handler(quiet)
        gmr.register_section(LAST, lambda: {"answer": 42})
        assert callable(signal.getsignal(signal.SIGUSR2))
        signal.raise_signal(signal.SIGUSR2)
        parts = capfd.readouterr().err.split("=" * 72 + "\n")
        return {
            head.strip("=\n "): body for head, body in zip(parts[1::2], parts[2::2], strict=True)
        }

    return ask


@pytest.fixture
def file(quiet, tmp_path):
    """Give the file that is to ask; it isn't there yet."""
    named = tmp_path / "ask"
    quiet.set_override("file_event_handler", str(named), group="oslo_reports")
    return named


@pytest.fixture
def asked(monkeypatch):
    """Give what gets an item whenever a report is asked for."""
    found = []
    monkeypatch.setattr(gmr._Report, "handle_signal", lambda *_: found.append(1))
    return found


def change(file):
    """Give a file a time that it has not had."""
    time = file.stat().st_mtime + 10
    os.utime(file, (time, time))


def test_a_signal(ask):
    found = ask()
    assert "product = Kingbird" in found["Package"]
    assert "answer = 42" in found[LAST]


def test_a_signal_beside_a_file(ask, file):
    assert "answer = 42" in ask()[LAST]


def test_a_file(quiet, file, asked):
    file.touch()
    before = signal.getsignal(signal.SIGUSR2)
    with begun_threads() as begun:
        gmr.watch_trigger_file(quiet)
        gmr.watch_trigger_file(quiet)
    assert begun == ["kingbird-reports"]
    assert signal.getsignal(signal.SIGUSR2) == before
    change(file)
    wait_for(lambda: asked)
    # Its thread looks on.


def test_no_file(quiet):
    with begun_threads() as begun:
        gmr.watch_trigger_file(quiet)
    assert begun == []


def test_a_file_that_is_not_there_yet(quiet, file, asked, caplog):
    gmr.watch_trigger_file(quiet)
    assert "Unable to watch the report trigger file" in caplog.text
    file.touch()
    wait_for(lambda: asked)


def test_a_file_that_goes_and_comes_back(quiet, file, asked, caplog):
    caplog.set_level("INFO")
    file.touch()
    gmr.watch_trigger_file(quiet)
    file.rename(file.with_suffix(".old"))
    wait_for(lambda: "Unable to watch the report trigger file" in caplog.text)
    file.with_suffix(".old").rename(file)
    wait_for(lambda: "Watching" in caplog.messages[-1])
    assert asked == []
    change(file)
    wait_for(lambda: asked)


def test_looks_at_a_file(tmp_path, caplog):
    """Each change asks once; the log tells once that it is away, and once that it is back."""
    caplog.set_level("INFO")
    path = tmp_path / "ask"
    path.touch()
    file = gmr._TriggerFile(str(path))
    assert not file.changed()
    change(path)
    assert [file.changed(), file.changed()] == [True, False]
    assert caplog.messages == []
    path.unlink()
    assert [file.changed(), file.changed()] == [False, False]
    assert len(caplog.messages) == 1
    path.touch()
    assert [file.changed(), file.changed()] == [True, False]
    assert len(caplog.messages) == 2


def test_a_weak_reference_to_what_is_gone(ask):
    class Thing:
        """Can be referred to."""

    gone = weakref.proxy(Thing())
    found = ask()
    assert "Failed" not in found["Green Threads"]
    assert "answer = 42" in found[LAST]
    with pytest.raises(ReferenceError):
        isinstance(gone, int)


def test_green_threads(ask):
    greenlet = pytest.importorskip("greenlet")

    def waits_here():
        greenlet.getcurrent().parent.switch()

    one = greenlet.greenlet(waits_here)
    one.switch()
    assert "in waits_here" in ask()["Green Threads"]
    one.switch()


def test_an_option_comes_while_the_configuration_is_shown(ask, quiet):
    class Growing(dict):
        def __iter__(self):
            raise RuntimeError("dictionary changed size during iteration")

    quiet._opts = Growing(quiet._opts)
    found = ask()
    assert "Failed: RuntimeError" in found["Configuration"]
    assert "answer = 42" in found[LAST]


def test_a_section_that_fails_does_not_quote(ask):
    def look():
        raise ValueError("secret")

    gmr.register_section("Mine", look)
    found = ask()
    assert "Failed: ValueError" in found["Mine"]
    assert "secret" not in found["Mine"]
    assert "answer = 42" in found[LAST]


def test_a_section_whose_values_fail(ask):
    class Value:
        def __str__(self):
            raise KeyError

    gmr.register_section("Mine", lambda: {"value": Value()})
    assert "Failed: KeyError" in ask()["Mine"]


def test_standard_error_is_gone(quiet, monkeypatch):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

    gmr.install_signal_handler(quiet)
    monkeypatch.setattr(sys, "stderr", Gone())
    signal.raise_signal(signal.SIGUSR2)
