"""What engines of the first release understand: messages of version 1.0 and no others."""

from typing import Any

import oslo_messaging

from kingbird.engine.service import Engine
from kingbird.rpc.server import Endpoint


class FirstEndpoint:
    """The endpoint of an engine that knows nothing of version 1.1."""

    target = oslo_messaging.Target(version="1.0")

    def __init__(self, engine: Engine) -> None:
        self._endpoint = Endpoint(engine)

    def job_ready(self, context: dict[str, Any], job_id: str) -> None:
        """A job was accepted."""
        self._endpoint.job_ready(context, job_id)

    def tasks_ready(self, context: dict[str, Any], job_id: str) -> None:
        """A job was planned; its tasks can be claimed."""
        self._endpoint.tasks_ready(context, job_id)

    def job_with_token(
        self, context: dict[str, Any], job_id: str, token: str, endpoints: dict[str, str]
    ) -> None:
        """A job was accepted that only this engine can run, as it alone gets the token."""
        self._endpoint.job_with_token(context, job_id, token, endpoints)
