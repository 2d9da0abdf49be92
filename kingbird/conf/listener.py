"""[listener]: whose notifications kingbird-listener hears, and the brokers that they come from."""

from typing import Any

from oslo_config import cfg

from kingbird.conf.mutable import MutableFloatOpt, MutableIntOpt

GROUP = "listener"

OPTS = [
    cfg.ListOpt(
        "regions",
        default=[],
        help="Regions whose Glance tells of its images, so that rules with events run as soon as "
        "an image changes. Each needs a group [listener:REGION] with the URL of its message "
        "broker, or is polled; see poll_interval. Nobody listens if this is empty.",
    ),
    cfg.StrOpt(
        "topic",
        default="kingbird",
        help="The topic that is listened to. Add it to the topics in "
        "[oslo_messaging_notifications] of each Glance. A topic of Kingbird's own takes no "
        "message from other services.",
    ),
    cfg.StrOpt(
        "exchange",
        default="glance",
        help="The exchange that Glance sends to: its option control_exchange.",
    ),
    cfg.StrOpt(
        "pool",
        help="A name for queues of Kingbird's own on a topic that other services listen to, such "
        "as notifications. The broker fills such a queue while no listener runs, so bound it by a "
        "policy.",
    ),
    cfg.FloatOpt(
        "poll_interval",
        default=0.0,
        min=0.0,
        help="Seconds between two questions to a region without a transport_url for what has "
        "changed. Deletions are not seen then. 0 asks no region.",
    ),
    MutableFloatOpt(
        "settle",
        default=1.0,
        min=0.0,
        help="Seconds until a rule looks again at an image that changes while a job is about it.",
    ),
    MutableIntOpt(
        "heartbeat_interval",
        default=10,
        min=1,
        help="Seconds between two heartbeats of a listener, which tell what regions it hears.",
    ),
]

#: The options of each ``[listener:REGION]``.
REGION_OPTS = [
    cfg.StrOpt(
        "transport_url",
        secret=True,
        help="The URL of the message broker that this region's Glance sends to, such as "
        "rabbit://user:password@host:5672/. Options of the driver follow a question mark, such "
        "as rabbit_quorum_queue=true. Queues have to be of the kind that Glance makes.",
    ),
    cfg.StrOpt(
        "publisher_id",
        help="A regular expression that matches the whole publisher id of this region's Glance: "
        "its option default_publisher_id. Needed where regions share a message broker.",
    ),
]


def region_group(region: str) -> str:
    """Return the group with the options of a region."""
    return f"{GROUP}:{region}"


def options_of(conf: cfg.ConfigOpts, region: str) -> Any:
    """Return the options of a region, registered at the first call."""
    conf.register_opts(REGION_OPTS, group=region_group(region))
    return conf[region_group(region)]
