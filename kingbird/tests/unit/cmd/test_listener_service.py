"""kingbird-listener ends at once, with a reason, if nothing can be heard."""

import sys
from typing import Any
from unittest import mock

import pytest
from oslo_config import cfg

from kingbird.cmd import listener, listener_service
from kingbird.conf.listener import options_of, region_group


@pytest.fixture
def main(conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give the program, which launches nothing, and the launch."""
    launch = mock.Mock()
    monkeypatch.setattr(listener.service, "prepare", lambda *_, **__: conf)
    monkeypatch.setattr(listener, "launch", launch)
    monkeypatch.setattr(sys, "argv", ["kingbird-listener"])
    return launch


def hear(conf: cfg.ConfigOpts, *regions: str) -> None:
    conf.set_override("regions", list(regions), group="listener")
    for region in regions:
        options_of(conf, region)
        conf.set_override("transport_url", "rabbit://u:secret@a/", group=region_group(region))


def test_no_region(main: Any) -> None:
    with pytest.raises(SystemExit, match="regions is empty"):
        listener.main()
    main.assert_not_called()


def test_regions_that_nothing_tells_apart(main: Any, conf: cfg.ConfigOpts) -> None:
    hear(conf, "One", "Two")
    with pytest.raises(SystemExit, match="Nothing tells the regions One and Two apart"):
        listener.main()
    main.assert_not_called()


def test_a_region(main: Any, conf: cfg.ConfigOpts) -> None:
    hear(conf, "One")
    listener.main()
    ((given, service), _) = main.call_args
    assert given is conf
    assert isinstance(service, listener_service.ListenerService)


def test_its_life(conf: cfg.ConfigOpts, monkeypatch: pytest.MonkeyPatch) -> None:
    made = mock.Mock()
    monkeypatch.setattr(listener_service, "Listener", made)
    service = listener_service.ListenerService(conf)
    service.start()
    made.return_value.start.assert_called_once_with()
    service.reset()
    service.stop()
    service.wait()
    made.return_value.stop.assert_called_once_with()


def test_a_stop_before_the_start(conf: cfg.ConfigOpts) -> None:
    service = listener_service.ListenerService(conf)
    service.stop()
    service.wait()
