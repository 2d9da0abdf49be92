"""Wakes engines.  The job is in the database; a message only saves waiting."""

import logging
from typing import Any

import oslo_messaging
from oslo_config import cfg
from oslo_messaging.rpc.client import RPCClient

from kingbird import exception
from kingbird.context import RequestContext
from kingbird.rpc.sender import Sender
from kingbird.rpc.transport import target
from kingbird.rpc.version_cap import Level
from kingbird.tracing import spans

LOG = logging.getLogger(__name__)


class EngineClient:
    """Casts to the engines.  Safe for threads.

    :param transport: an oslo.messaging transport, if there is one already.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, transport: oslo_messaging.transport.Transport | None = None
    ) -> None:
        self._level = Level(conf)
        self._sender = Sender(conf, target(), transport)

    def _cast(
        self,
        context: RequestContext | None,
        method: str,
        *,
        fanout: bool = False,
        version: str | None = None,
        surely: bool = False,
        **kwargs: Any,
    ) -> bool:
        # Only ids that correlate log lines go along, no token.
        ids: dict[str, Any] = {"request_id": context.request_id} if context else {}
        if trace := spans.current():
            ids["trace"] = trace
        options: dict[str, Any] = {}
        if fanout:
            options["fanout"] = True
        if version is not None:
            options["version"] = version
        if surely:
            # Without an engine's queue RabbitMQ would drop it without a word.
            options["transport_options"] = oslo_messaging.TransportOptions(at_least_once=True)
        understood = True

        def message(client: RPCClient) -> None:
            nonlocal understood
            prepared = client.prepare(version_cap=level, **options)
            understood = prepared.can_send_version()
            if understood:
                prepared.cast(ids, method, **kwargs)

        try:
            level = self._level.get()
            self._sender.send(message, again=surely)
        except Exception as error:
            LOG.warning("No message to the engines (%s): %s", method, type(error).__name__)
            return False
        if not understood:
            LOG.debug("An engine is too old for the message %s", method)
        return understood

    def job_ready(self, context: RequestContext, job_id: str) -> None:
        """Tell one engine of a new job.  Never raises: engines look by themselves too."""
        self._cast(context, "job_ready", job_id=job_id)

    def tasks_ready(self, job_id: str) -> None:
        """Tell all engines that a job has been planned.  Never raises."""
        self._cast(None, "tasks_ready", job_id=job_id, fanout=True)

    def job_cancelled(self, job_id: str) -> None:
        """Tell all engines that a job is to end.  Never raises: they look by themselves too."""
        # While an engine is older than this message, all of them look by themselves.
        self._cast(None, "job_cancelled", job_id=job_id, fanout=True, version="1.1")

    def job_with_token(
        self, context: RequestContext, job_id: str, endpoints: dict[str, str]
    ) -> None:
        """Hand a job to one engine with the user's token, which is stored nowhere.

        :param endpoints: the image endpoints of the token's catalog, by region.
        :raises kingbird.exception.Unavailable: no engine will get it.
        """
        if not self._cast(
            context,
            "job_with_token",
            job_id=job_id,
            # Engines that hear of a job twice run it once.
            surely=True,
            token=context.auth_token,
            endpoints=endpoints,
        ):
            raise exception.Unavailable(
                "This kind of token makes no trust, so the job has to be handed to an engine "
                "at once, and none can be reached over the message broker",
                retry_after=10,
            )
