"""Set kingbird-standalone up for the API and the engine that share it."""

from pathlib import Path
from unittest import mock

import pytest
from oslo_config import cfg

from kingbird.api import app
from kingbird.cmd import standalone
from kingbird.db import api as db


def test_its_api_does_not_wait_for_ever(
    conf: cfg.ConfigOpts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that answers nothing is away for it as for the other servers of the API."""
    conf.set_override("connection", f"sqlite:///{tmp_path}/kingbird.sqlite", group="database")
    monkeypatch.setattr(standalone.service, "prepare_service", lambda *_, **__: conf)
    monkeypatch.setattr(standalone.service.gmr, "install_signal_handler", mock.Mock())
    monkeypatch.setattr(standalone, "launch", mock.Mock())
    configure = mock.Mock(side_effect=db.configure)
    monkeypatch.setattr(db, "configure", configure)
    standalone.main()
    db.dispose()
    configure.assert_called_once_with(conf, seconds=app.DATABASE_SECONDS)


def test_a_listener_is_part_of_it_if_there_are_regions(conf: cfg.ConfigOpts) -> None:
    parts = standalone.StandaloneService(conf)._parts
    assert [type(part).__name__ for part in parts] == ["EngineService", "ApiService"]
    conf.set_override("regions", ["RegionOne"], group="listener")
    parts = standalone.StandaloneService(conf)._parts
    assert [type(part).__name__ for part in parts] == [
        "EngineService",
        "ListenerService",
        "ApiService",
    ]
