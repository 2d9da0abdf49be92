"""Read from the configuration which regions are heard over which message broker.

An endpoint of oslo.messaging is told neither the broker nor the topic of a message.  So a broker
has one listener, and where it serves several regions their publisher ids tell them apart.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oslo_config import cfg
from oslo_messaging import TransportURL, opts

from kingbird import exception
from kingbird.conf.listener import options_of, region_group
from kingbird.rpc import transport

RABBIT_GROUP = "oslo_messaging_rabbit"
#: Options of the driver in place of its defaults.  By default it reads without bound ahead of a
#: slow callback, and takes two minutes to notice a connection on which nothing arrives any more.
RABBIT_OPTIONS = {"rabbit_qos_prefetch_count": "200", "heartbeat_timeout_threshold": "15"}
RABBIT_PORT = 5672
#: The topic that ceilometer and others read.
SHARED_TOPIC = "notifications"


@dataclass(frozen=True)
class Broker:
    """A message broker with the regions that are heard over it.

    :ivar url: the transport URL, which holds a password.
    :ivar publishers: the pattern of each region's publisher ids, ``None`` for any.
    """

    url: str
    publishers: Mapping[str, re.Pattern[str] | None]

    @property
    def regions(self) -> tuple[str, ...]:
        """Return the names of its regions."""
        return tuple(self.publishers)

    def regions_of(self, publisher_id: Any) -> tuple[str, ...]:
        """Return the regions that a message may be from; more than one if patterns overlap."""
        return tuple(
            region
            for region, pattern in self.publishers.items()
            if pattern is None
            or (isinstance(publisher_id, str) and pattern.fullmatch(publisher_id))
        )


def regions(conf: cfg.ConfigOpts) -> tuple[str, ...]:
    """Return the regions of ``[listener] regions``."""
    return tuple(dict.fromkeys(conf.listener.regions))


def polled(conf: cfg.ConfigOpts) -> tuple[str, ...]:
    """Return the regions without a broker, which are polled."""
    return tuple(name for name in regions(conf) if not options_of(conf, name).transport_url)


def brokers(conf: cfg.ConfigOpts) -> list[Broker]:
    """Return the brokers of ``[listener] regions``.

    :raises kingbird.exception.ConfigurationError: a region can't be heard, or nothing tells it
        apart from another one.  The message names no URL.
    """
    if conf.listener.poll_interval == 0 and (mute := polled(conf)):
        raise exception.ConfigurationError(
            f"[{region_group(mute[0])}] has no transport_url, and [listener] poll_interval is 0, "
            "so that region is not heard"
        )
    urls: dict[Any, str] = {}
    sharing: dict[Any, list[str]] = defaultdict(list)
    for region in regions(conf):
        if not options_of(conf, region).transport_url:
            continue
        url = _read_url(conf, region)
        queues = _queues(url)
        urls.setdefault(queues, str(url))
        sharing[queues].append(region)
    return [Broker(urls[queues], _publishers(conf, names)) for queues, names in sharing.items()]


def warnings(conf: cfg.ConfigOpts) -> list[str]:
    """Return what is allowed and has consequences that an operator may not expect."""
    if not regions(conf) or conf.listener.topic != SHARED_TOPIC:
        return []
    if conf.listener.pool:
        return [
            f"[listener] pool has a queue of its own on the topic {SHARED_TOPIC}, which the "
            "broker fills without bound while no listener runs: bound it by a policy, or take a "
            "topic of Kingbird's own"
        ]
    return [
        f"[listener] topic is {SHARED_TOPIC}: other services that read it, such as ceilometer, "
        "lose the messages that Kingbird takes. Take a topic of Kingbird's own, or set [listener] "
        "pool"
    ]


def _read_url(conf: cfg.ConfigOpts, region: str) -> TransportURL:
    group = region_group(region)
    transport.check(conf, group)
    given = options_of(conf, region).transport_url
    if not transport.has_broker(conf, given):
        raise exception.ConfigurationError(f"[{group}] transport_url names no message broker")
    url = TransportURL.parse(conf, given)
    if url.transport == "rabbit":
        url.query = {**_missing_options(conf), **url.query}
    return url


def _missing_options(conf: cfg.ConfigOpts) -> dict[str, str]:
    """Return the options of :data:`RABBIT_OPTIONS` that the configuration does not set."""
    conf.register_opts(dict(opts.list_opts())[RABBIT_GROUP], group=RABBIT_GROUP)
    places = {name: conf.get_location(name, RABBIT_GROUP) for name in RABBIT_OPTIONS}
    return {
        name: RABBIT_OPTIONS[name]
        for name, place in places.items()
        if place is None or place.location is cfg.Locations.opt_default
    }


def _queues(url: TransportURL) -> tuple[Any, ...]:
    """Return what is equal for URLs that lead to the same queues."""
    hosts = {((host.hostname or "").lower(), host.port or RABBIT_PORT) for host in url.hosts}
    return url.transport, frozenset(hosts), url.virtual_host or "/"


def _publishers(conf: cfg.ConfigOpts, names: Sequence[str]) -> dict[str, re.Pattern[str] | None]:
    """Return the patterns of the regions of one broker.

    :raises kingbird.exception.ConfigurationError: one is invalid, or two regions are the same.
    """
    patterns = {name: options_of(conf, name).publisher_id for name in names}
    if len(names) > 1:
        for position, name in enumerate(names):
            same = [other for other in names[:position] if patterns[other] == patterns[name]]
            if not patterns[name] or same:
                other = next(iter(same), names[0] if position else names[1])
                first, second = sorted((name, other), key=names.index)
                raise exception.ConfigurationError(
                    f"Nothing tells the regions {first} and {second} apart, whose messages come "
                    f"from one broker: set publisher_id in [{region_group(name)}], and "
                    "default_publisher_id in the region's Glance"
                )
    try:
        return {name: re.compile(text) if text else None for name, text in patterns.items()}
    except re.error as error:
        raise exception.ConfigurationError(
            f"[listener] publisher_id is no regular expression: {error}"
        ) from None
