"""The health check of the broker sends it a message, in a bounded time."""

import logging

import pytest
from oslo_config import cfg

from kingbird.api.health_checks import Broker
from kingbird.rpc import transport
from kingbird.tests.threads import begun_threads


@pytest.fixture
def check_of():
    """Make checks; oslo.messaging works with the global configuration only."""
    cfg.CONF([], project="kingbird", default_config_files=[], default_config_dirs=[])
    transport.use_in_process_transport(cfg.CONF)

    def make(url):
        cfg.CONF.set_override("transport_url", url)
        return Broker(cfg.CONF, {})

    yield make
    cfg.CONF.clear_override("transport_url")


@pytest.mark.parametrize("url", ["fake://", "kombu+memory://"])
def test_within_one_process_there_is_nothing_to_ask(check_of, url):
    broker = check_of(url)
    with begun_threads() as begun:
        for _ in range(3):
            broker.check()
    assert begun == []


def test_a_broker_that_is_down(check_of, caplog):
    caplog.set_level(logging.DEBUG)
    broker = check_of("rabbit://guest:pass-of-guest@127.0.0.1:1/")
    for _ in range(2):
        with pytest.raises(Exception, match=r"(?i)refused"):
            broker.check()
    assert "pass-of-guest" not in caplog.text
