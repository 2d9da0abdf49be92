"""Guru Meditation Reports: who asks, and a file that is not there."""

import signal
import threading

import pytest
from oslo_reports.generators.conf import ConfigReportGenerator

from kingbird import reports


@pytest.fixture
def quiet(conf, monkeypatch):
    """Give a configuration; what was there for the signal comes back."""
    before = signal.getsignal(signal.SIGUSR2)
    monkeypatch.setattr(reports, "_watching", None)
    # It shows the configuration of the whole process, of which other tests leave a part.
    monkeypatch.setattr(ConfigReportGenerator.__init__, "__defaults__", (conf,))
    yield conf
    signal.signal(signal.SIGUSR2, before)


def test_a_signal(quiet, capfd):
    reports.on_signal(quiet)
    reports.on_file(quiet)
    reports.section("Mine", lambda: {"answer": 42})
    try:
        signal.raise_signal(signal.SIGUSR2)
    finally:
        reports._Report.persistent_sections.pop()
    text = capfd.readouterr().err
    assert "product = Kingbird" in text
    assert "answer = 42" in text


def test_a_file_in_its_place(quiet, tmp_path):
    file = tmp_path / "ask"
    file.touch()
    reports.opts.set_defaults(quiet)
    quiet.set_override("file_event_handler", str(file), group="oslo_reports")
    before = signal.getsignal(signal.SIGUSR2)
    reports.on_signal(quiet)
    assert signal.getsignal(signal.SIGUSR2) == before
    threads = threading.active_count()
    reports.on_file(quiet)
    reports.on_file(quiet)
    assert threading.active_count() == threads + 1
    # Its thread looks on for as long as the file is there.


def test_a_file_that_is_not_there_is_an_error_in_the_log(quiet, caplog):
    reports.opts.set_defaults(quiet)
    quiet.set_override("file_event_handler", "/no/such/file", group="oslo_reports")
    reports.on_file(quiet)
    assert "No file asks for reports" in caplog.text
