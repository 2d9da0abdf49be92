"""``/v1.0/{project}/os-sync-engines``: which engines there are, for admins."""

from typing import Any

from oslo_config import cfg

from kingbird.api.request.operation import RequestPipeline, ValidRequest, operation
from kingbird.api.schemas import engines as schema
from kingbird.api.views import engines as view
from kingbird.db import api as db
from kingbird.policies import engines as policy


class EnginesController:
    """Lists the engines."""

    def __init__(self, conf: cfg.ConfigOpts, gate: RequestPipeline) -> None:
        self._silence = db.engines.heartbeat_timeout(conf)
        self.gate = gate

    @operation(
        "list_engines", "List the engines", rules=(policy.LIST,), response_schema=schema.LISTED
    )
    def list_engines(self, asked: ValidRequest) -> dict[str, Any]:
        """``GET /v1.0/{project}/os-sync-engines``"""
        return {
            "engines": [
                view.render_engine(engine, alive)
                for engine, alive in db.engines.list_all(self._silence)
            ]
        }
