"""Wakes engines.  The job is in the database; a message only saves waiting."""

import logging
from typing import Any

import oslo_messaging
from oslo_config import cfg

from kingbird import exception
from kingbird.context import RequestContext
from kingbird.rpc import messaging
from kingbird.rpc.levels import Level

LOG = logging.getLogger(__name__)


class EngineClient:
    """Casts to the engines.  Safe for threads.

    :param transport: an oslo.messaging transport, if there is one already.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, transport: oslo_messaging.transport.Transport | None = None
    ) -> None:
        self._level = Level(conf)
        self._client = oslo_messaging.get_rpc_client(
            transport or messaging.transport(conf),
            messaging.target(),
            # By default a cast waits for ever for a broker that is down.
            retry=0,
        )

    def _cast(self, context: RequestContext | None, method: str, **kwargs: Any) -> bool:
        # Only ids that correlate log lines go along, no token.
        ids = {"request_id": context.request_id} if context else {}
        options = {name: kwargs.pop(name) for name in ("fanout", "version") if name in kwargs}
        try:
            prepared = self._client.prepare(version_cap=self._level.get(), **options)
            if not prepared.can_send_version():
                LOG.debug("An engine is too old for the message %s", method)
                return False
            prepared.cast(ids, method, **kwargs)
        except Exception as error:
            LOG.warning("No message to the engines (%s): %s", method, type(error).__name__)
            return False
        return True

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
            token=context.auth_token,
            endpoints=endpoints,
        ):
            raise exception.Unavailable(
                "This kind of token makes no trust, so the job has to be handed to an engine "
                "at once, and the message broker can't be reached",
                retry_after=10,
            )
