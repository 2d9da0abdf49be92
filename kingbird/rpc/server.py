"""The engines' end of the RPC: a thin endpoint that hands on to the engine."""

import logging
from typing import Any

import oslo_messaging
from oslo_config import cfg

from kingbird.engine.service import Engine
from kingbird.rpc import version_cap
from kingbird.rpc.transport import target
from kingbird.tracing import jobs

LOG = logging.getLogger(__name__)


class Endpoint:
    """What can be called.  Messages only wake; the database says what there is to do."""

    target = oslo_messaging.Target(version=version_cap.VERSION)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def job_ready(self, context: dict[str, Any], job_id: str) -> None:
        """A job was accepted."""
        LOG.debug("Received message job_ready for job %s", job_id)
        jobs.remember(job_id, context.get("trace"))
        self._engine.wake()

    def tasks_ready(self, context: dict[str, Any], job_id: str) -> None:
        """A job was planned; its tasks can be claimed."""
        LOG.debug("Received message tasks_ready for job %s", job_id)
        jobs.remember(job_id, context.get("trace"))
        self._engine.wake()

    def job_cancelled(self, context: dict[str, Any], job_id: str) -> None:
        """A job is to end."""
        LOG.debug("Received message job_cancelled for job %s", job_id)
        self._engine.cancel(job_id)

    def job_with_token(
        self, context: dict[str, Any], job_id: str, token: str, endpoints: dict[str, str]
    ) -> None:
        """A job was accepted that only this engine can run, as it alone gets the token."""
        LOG.debug("Received message job_with_token for job %s", job_id)
        jobs.remember(job_id, context.get("trace"))
        self._engine.accept_token_job(job_id, token, endpoints, context.get("request_id"))


def create(
    conf: cfg.ConfigOpts,
    engine: Engine,
    transport: oslo_messaging.transport.Transport,
) -> oslo_messaging.server.MessageHandlingServer:
    """Return a server for one engine; ``start()`` it after the engine."""
    return oslo_messaging.get_rpc_server(transport, target(server=engine.id), [Endpoint(engine)])
