"""Define the transport and the topic that client and server of the RPC share."""

import oslo_messaging
import stevedore
from oslo_config import cfg
from oslo_messaging import opts

from kingbird import exception
from kingbird.rpc.version_cap import BASE_VERSION

TOPIC = "kingbird-engine"

#: The transport within a process.
IN_PROCESS = "fake://"
#: Transports without a broker.
BROKERLESS = frozenset({"fake", "kombu+memory"})

#: The group of oslo.messaging's options for notifications.
NOTIFICATIONS = "oslo_messaging_notifications"


def use_in_process_transport(conf: cfg.ConfigOpts) -> None:
    """Send messages within the process, regardless of the configuration."""
    # oslo.messaging registers its options when it creates a transport.
    conf.register_opts(dict(opts.list_opts())[None])
    conf.set_override("transport_url", IN_PROCESS)


def check(conf: cfg.ConfigOpts, group: str = "DEFAULT") -> None:
    """Check a group's ``transport_url`` without connecting.

    :raises kingbird.exception.ConfigurationError: it can't be used.  The message does not contain
        the URL, which may hold a password.
    """
    url = None if group == "DEFAULT" else conf[group].transport_url
    try:
        scheme = str(oslo_messaging.TransportURL.parse(conf, url).transport).partition("+")[0]
        stevedore.DriverManager("oslo.messaging.drivers", scheme)
    except (oslo_messaging.MessagingException, ValueError, stevedore.exception.NoMatches) as error:
        raise exception.ConfigurationError(
            f"[{group}] transport_url can't be used: {type(error).__name__}"
        ) from None


def check_notifications(conf: cfg.ConfigOpts, *, need_broker: bool = True) -> None:
    """Check the transport of notifications without connecting.

    :param need_broker: refuse a transport within the process, where nobody would read them.
    :raises kingbird.exception.ConfigurationError: it can't be used; see :func:`check`.
    """
    register_notifications(conf)
    check(conf, NOTIFICATIONS)
    if need_broker and not has_broker(conf, conf[NOTIFICATIONS].transport_url):
        raise exception.ConfigurationError(
            f"[{NOTIFICATIONS}] transport_url names no message broker"
        )


def register_notifications(conf: cfg.ConfigOpts) -> None:
    """Register the options of notifications before oslo.messaging does."""
    conf.register_opts(dict(opts.list_opts())[NOTIFICATIONS], group=NOTIFICATIONS)


def has_broker(conf: cfg.ConfigOpts, url: str | None = None) -> bool:
    """Return whether messages leave the process.

    :param url: by default that of ``[DEFAULT]``.
    """
    return oslo_messaging.TransportURL.parse(conf, url).transport not in BROKERLESS


def get_transport(conf: cfg.ConfigOpts) -> oslo_messaging.transport.Transport:
    """Return a new transport for ``[DEFAULT] transport_url``.  Call this after any fork."""
    return oslo_messaging.get_rpc_transport(conf)


def target(**kwargs: str) -> oslo_messaging.Target:
    """Return the address of the engines, all of them unless ``server`` names one."""
    return oslo_messaging.Target(topic=TOPIC, version=BASE_VERSION, **kwargs)
