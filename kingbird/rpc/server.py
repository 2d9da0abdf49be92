"""Serve RPC in an engine's process, with a thin endpoint that calls the engine."""

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
    """Handle messages.  Work is in the database; messages only wake the engine."""

    target = oslo_messaging.Target(version=version_cap.VERSION)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def job_ready(self, context: dict[str, Any], job_id: str) -> None:
        """Look for work, because a job was accepted."""
        LOG.debug("Received message job_ready for job %s", job_id)
        jobs.remember(job_id, context.get("trace"))
        self._engine.wake()

    def tasks_ready(self, context: dict[str, Any], job_id: str) -> None:
        """Look for work, because the tasks of a job can be claimed."""
        LOG.debug("Received message tasks_ready for job %s", job_id)
        jobs.remember(job_id, context.get("trace"))
        self._engine.wake()

    def job_cancelled(self, context: dict[str, Any], job_id: str) -> None:
        """Check whether a job is cancelled."""
        LOG.debug("Received message job_cancelled for job %s", job_id)
        self._engine.cancel(job_id)

    def marks_ready(self, context: dict[str, Any]) -> None:
        """Look at the rules, because events named images."""
        LOG.debug("Received message marks_ready")
        self._engine.look_at_rules()

    def job_with_token(
        self, context: dict[str, Any], job_id: str, token: str, endpoints: dict[str, str]
    ) -> None:
        """Take a job with its user's token, which no other engine gets."""
        LOG.debug("Received message job_with_token for job %s", job_id)
        jobs.remember(job_id, context.get("trace"))
        self._engine.accept_token_job(job_id, token, endpoints, context.get("request_id"))


def create(
    conf: cfg.ConfigOpts,
    engine: Engine,
    transport: oslo_messaging.transport.Transport,
) -> oslo_messaging.server.MessageHandlingServer:
    """Return a server for one engine.  Start it after the engine."""
    return oslo_messaging.get_rpc_server(transport, target(server=engine.id), [Endpoint(engine)])
