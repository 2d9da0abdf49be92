"""Which regions are heard over which broker, by the configuration."""

from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg

from kingbird import exception
from kingbird.conf.listener import options_of, region_group
from kingbird.listener import brokers

ADDED = {"rabbit_qos_prefetch_count": "200", "heartbeat_timeout_threshold": "15"}


@pytest.fixture
def listen(conf: cfg.ConfigOpts) -> Any:
    """Give a function that configures regions: options by name."""

    def configure(given: dict[str, dict[str, str]], **options: Any) -> cfg.ConfigOpts:
        conf.set_override("regions", list(given), group="listener")
        for name, value in options.items():
            conf.set_override(name, value, group="listener")
        for region, of_region in given.items():
            options_of(conf, region)
            for name, value in of_region.items():
                conf.set_override(name, value, group=region_group(region))
        return conf

    return configure


def url(text: str) -> dict[str, str]:
    return {"transport_url": text}


def query(conf: cfg.ConfigOpts, broker: brokers.Broker) -> dict[str, str]:
    found: dict[str, str] = oslo_messaging.TransportURL.parse(conf, broker.url).query
    return found


def test_a_broker_for_each_region(listen: Any) -> None:
    conf = listen({"One": url("rabbit://a:b@one/"), "Two": url("rabbit://a:b@two/")})
    one, two = brokers.brokers(conf)
    assert (one.regions, two.regions) == (("One",), ("Two",))
    assert one.regions_of("image.localhost") == ("One",)
    assert one.regions_of(None) == ("One",)
    assert brokers.polled(conf) == ()


@pytest.mark.parametrize(
    "urls",
    [
        ("rabbit://a:b@one/", "rabbit://c:d@ONE:5672/"),
        ("rabbit://a@one:5671,a@two/x", "rabbit://a@two,a@one:5671/x?rabbit_quorum_queue=true"),
        ("rabbit://a@one", "rabbit://a@one/%2F"),
    ],
)
def test_regions_of_one_broker(listen: Any, urls: tuple[str, str]) -> None:
    given = {
        region: {**url(text), "publisher_id": rf"image\.{region}"}
        for region, text in zip(("One", "Two"), urls, strict=True)
    }
    (broker,) = brokers.brokers(listen(given))
    assert broker.regions_of("image.One") == ("One",)
    assert broker.regions_of("image.Two") == ("Two",)
    for stranger in ("image.Twofold", "image.localhost", "", None, 1):
        assert broker.regions_of(stranger) == ()


def test_overlapping_publishers_count_for_each_region(listen: Any) -> None:
    given = {
        "One": {**url("rabbit://a/"), "publisher_id": "image.*"},
        "Two": {**url("rabbit://a/"), "publisher_id": "image.two"},
    }
    (broker,) = brokers.brokers(listen(given))
    assert broker.regions_of("image.two") == ("One", "Two")


@pytest.mark.parametrize("ids", [(None, None), ("a", None), (None, "a"), ("a", "a")])
def test_regions_that_nothing_tells_apart(listen: Any, ids: tuple[str | None, ...]) -> None:
    given = {
        region: {**url("rabbit://u:secret@one/"), **({"publisher_id": each} if each else {})}
        for region, each in zip(("One", "Two"), ids, strict=True)
    }
    with pytest.raises(exception.ConfigurationError, match="tells the regions") as refused:
        brokers.brokers(listen(given))
    assert "One" in refused.value.message
    assert "Two" in refused.value.message
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "has no transport_url"),
        (url("fake://"), "names no message broker"),
        (url("kombu+memory://"), "names no message broker"),
        (url("nothing://here/"), "can't be used"),
        ({**url("rabbit://a/"), "publisher_id": "("}, "no regular expression"),
    ],
)
def test_a_region_that_cannot_be_heard(listen: Any, given: dict[str, str], message: str) -> None:
    with pytest.raises(exception.ConfigurationError, match=message):
        brokers.brokers(listen({"One": given}))


def test_regions_without_a_broker_are_polled(listen: Any) -> None:
    conf = listen({"One": url("rabbit://a/"), "Two": {}}, poll_interval=5.0)
    assert [broker.regions for broker in brokers.brokers(conf)] == [("One",)]
    assert brokers.polled(conf) == ("Two",)


def test_nobody_listens_by_default(conf: cfg.ConfigOpts) -> None:
    assert brokers.brokers(conf) == []
    assert brokers.warnings(conf) == []


def test_options_of_the_driver_that_are_added(listen: Any) -> None:
    conf = listen({"One": url("rabbit://a/"), "Two": url("rabbit://b/?heartbeat_rate=3")})
    one, two = brokers.brokers(conf)
    assert query(conf, one) == ADDED
    assert query(conf, two) == {**ADDED, "heartbeat_rate": "3"}


def test_what_the_operator_gave_stays(listen: Any, tmp_path: Any) -> None:
    file = tmp_path / "kingbird.conf"
    file.write_text("[oslo_messaging_rabbit]\nheartbeat_timeout_threshold = 60\n")
    conf = listen({"One": url("rabbit://a/?rabbit_qos_prefetch_count=7")})
    conf([], default_config_files=[str(file)], default_config_dirs=[])
    listen({"One": url("rabbit://a/?rabbit_qos_prefetch_count=7")})
    (broker,) = brokers.brokers(conf)
    assert query(conf, broker) == {"rabbit_qos_prefetch_count": "7"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, None),
        ({"pool": "kingbird"}, None),
        ({"topic": "notifications"}, "lose the messages"),
        ({"topic": "notifications", "pool": "kingbird"}, "without bound"),
    ],
)
def test_warnings(listen: Any, options: dict[str, str], words: str | None) -> None:
    found = brokers.warnings(listen({"One": url("rabbit://a/")}, **options))
    assert [words in text for text in found if words] == [True] * bool(words)
    assert bool(found) == bool(words)
