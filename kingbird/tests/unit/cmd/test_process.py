"""The base of the services that run in worker processes."""

import threading
from unittest import mock

import pytest
from oslo_config import cfg

from kingbird.cmd import process
from kingbird.tests.waiting import PATIENCE


def test_no_connection_of_the_parent_is_used(
    conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispose = mock.Mock()
    monkeypatch.setattr(process.db, "dispose", dispose)
    process.ProcessService(conf).start()
    dispose.assert_called_once_with()


def test_wait_ends_after_stop(conf: cfg.ConfigOpts) -> None:
    service = process.ProcessService(conf)
    waiting = threading.Thread(target=service.wait, daemon=True)
    waiting.start()
    assert waiting.is_alive()
    service.stop()
    waiting.join(PATIENCE)
    assert not waiting.is_alive()
