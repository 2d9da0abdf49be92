"""The probe tells whether the broker takes messages, and takes little time for it."""

import logging
import threading
import time

import pytest
from oslo_config import cfg

from kingbird.rpc import transport
from kingbird.rpc.probe import Probe


@pytest.fixture
def probe_of():
    """Make probes; oslo.messaging works with the global configuration only."""
    cfg.CONF([], project="kingbird", default_config_files=[], default_config_dirs=[])
    transport.stay_in_process(cfg.CONF)

    def make(url):
        cfg.CONF.set_override("transport_url", url)
        return Probe(cfg.CONF)

    yield make
    cfg.CONF.clear_override("transport_url")


@pytest.mark.parametrize("url", ["fake://", "kombu+memory://"])
def test_within_one_process_there_is_nothing_to_ask(probe_of, url):
    probe = probe_of(url)
    before = threading.active_count()
    for _ in range(3):
        probe.send()
    assert threading.active_count() == before


def test_a_broker_that_is_down(probe_of, caplog):
    caplog.set_level(logging.DEBUG)
    probe = probe_of("rabbit://guest:pass-of-guest@127.0.0.1:1/")
    began = time.monotonic()
    for _ in range(2):
        with pytest.raises(Exception, match=r"(?i)refused"):
            probe.send()
    assert time.monotonic() - began < 2
    assert "pass-of-guest" not in caplog.text
