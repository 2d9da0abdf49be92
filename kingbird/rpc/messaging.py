"""What both ends of the RPC share: the transport and the topic."""

import oslo_messaging
from oslo_config import cfg
from oslo_messaging import opts

from kingbird.rpc.levels import OLDEST

TOPIC = "kingbird-engine"

#: The transport of the embedded default: in process.
IN_PROCESS = "fake://"


def stay_in_process(conf: cfg.ConfigOpts) -> None:
    """Let messages go within the process, whatever the configuration says."""
    # oslo.messaging registers its options no sooner than it makes a transport.
    conf.register_opts(dict(opts.list_opts())[None])
    conf.set_override("transport_url", IN_PROCESS)


def transport(conf: cfg.ConfigOpts) -> oslo_messaging.transport.Transport:
    """Return a new transport by ``[DEFAULT] transport_url``.

    Make it in the process that uses it, after any fork.
    """
    return oslo_messaging.get_rpc_transport(conf)


def target(**kwargs: str) -> oslo_messaging.Target:
    """Return the address of the engines, all of them unless ``server`` names one."""
    return oslo_messaging.Target(topic=TOPIC, version=OLDEST, **kwargs)
