"""Send messages to engines.  Jobs are in the database; most messages only save waiting."""

import logging
from typing import Any

import oslo_messaging
from oslo_config import cfg
from oslo_messaging.rpc.client import RPCClient

from kingbird import exception
from kingbird.context import RequestContext
from kingbird.rpc.transport import get_transport, target
from kingbird.rpc.version_cap import VersionCap
from kingbird.tracing import spans

LOG = logging.getLogger(__name__)

#: Without a limit a cast waits forever for a broker that is down.  A retry replaces a connection
#: that was lost since the last message.  It takes a second, and up to eight if the broker is down.
#: A lost wake-up only costs one poll, so it is not retried.
WAKE_UP_RETRIES = 0
RETRIES = 1
#: Fail if no engine has a queue; RabbitMQ silently drops a message for which there is none.  An
#: engine that gets a message twice runs the job once.
AT_LEAST_ONCE = {"transport_options": oslo_messaging.TransportOptions(at_least_once=True)}


class EngineClient:
    """Cast to the engines.  Safe for threads.

    :param transport: an oslo.messaging transport.  By default it is created with the first
        message, after a server has forked.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, transport: oslo_messaging.transport.Transport | None = None
    ) -> None:
        self._conf = conf
        self._version_cap = VersionCap(conf)
        self._transport = transport

    def _client(self, retries: int) -> RPCClient:
        if self._transport is None:
            # Two threads may both create a transport, as it does not connect yet.
            self._transport = get_transport(self._conf)
        return oslo_messaging.get_rpc_client(
            self._transport, target(), retry=retries, version_cap=self._version_cap.get()
        )

    def _cast(
        self,
        context: RequestContext | None,
        method: str,
        options: dict[str, Any],
        **kwargs: Any,
    ) -> bool:
        """Cast a message to the engines.

        :param options: the arguments of oslo.messaging's ``prepare``, among them ``version`` for a
            message that is not in the first version.
        :returns: True if the message was sent, False if that failed or if an engine of an older
            release is alive.
        """
        # The context of a message has no token.
        ids: dict[str, Any] = {"request_id": context.request_id} if context else {}
        if trace := spans.current():
            ids["trace"] = trace
        try:
            client = self._client(RETRIES if "transport_options" in options else WAKE_UP_RETRIES)
            prepared = client.prepare(**options)
            if not prepared.can_send_version():
                LOG.debug("Message %s not sent, as an engine of an older release is alive", method)
                return False
            prepared.cast(ids, method, **kwargs)
        except Exception as error:
            LOG.warning(
                "Unable to send message %s to the engines: %s", method, type(error).__name__
            )
            return False
        return True

    def job_ready(self, context: RequestContext, job_id: str) -> None:
        """Tell one engine about a new job.  Never raises, because engines poll too."""
        self._cast(context, "job_ready", {}, job_id=job_id)

    def tasks_ready(self, job_id: str) -> None:
        """Tell all engines that a job has been planned.  Never raises."""
        self._cast(None, "tasks_ready", {"fanout": True}, job_id=job_id)

    def job_cancelled(self, job_id: str) -> None:
        """Tell all engines that a job is cancelled.  Never raises, because engines poll too."""
        self._cast(None, "job_cancelled", {"fanout": True}, job_id=job_id)

    def marks_ready(self) -> None:
        """Tell one engine that rules have to look at images.  Never raises."""
        self._cast(None, "marks_ready", {"version": "1.1"})

    def job_with_token(
        self, context: RequestContext, job_id: str, endpoints: dict[str, str]
    ) -> None:
        """Send a job to one engine with the user's token, which is not stored.

        :param endpoints: the image endpoints of the token's catalog, by region.
        :raises kingbird.exception.Unavailable: no engine will get it.
        """
        if not self._cast(
            context,
            "job_with_token",
            AT_LEAST_ONCE,
            job_id=job_id,
            token=context.auth_token,
            endpoints=endpoints,
        ):
            raise exception.Unavailable(
                "This kind of token makes no trust, so the job has to be handed to an engine "
                "at once, and none can be reached over the message broker",
                retry_after=10,
            )
