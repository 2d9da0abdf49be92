"""The controller of ``/v1.0/{project}/os-sync-engines``: engines and listeners, for admins."""

from typing import Any

from oslo_config import cfg

from kingbird.api.request.operation import RequestPipeline, ValidRequest, operation
from kingbird.api.schemas import engines as schema
from kingbird.api.views import engines as view
from kingbird.db import api as db
from kingbird.policies import engines as policy


class EnginesController:
    """The controller that lists the engines and the listeners."""

    def __init__(self, conf: cfg.ConfigOpts, pipeline: RequestPipeline) -> None:
        self._heartbeat_timeout = db.engines.heartbeat_timeout(conf)
        self.pipeline = pipeline

    @operation(
        "list_engines",
        "List the engines and the listeners",
        rules=(policy.LIST,),
        response_schema=schema.LISTED,
    )
    def list_engines(self, request: ValidRequest) -> dict[str, Any]:
        """``GET /v1.0/{project}/os-sync-engines``"""
        work = db.engines.list_work()
        return {
            "engines": [
                view.render_engine(
                    engine, alive, [one for one in work if one.engine_id == engine.id]
                )
                for engine, alive in db.engines.list_all(self._heartbeat_timeout)
            ],
            "listeners": [
                view.render_listener(listener, alive)
                for listener, alive in db.listeners.list_all()
            ],
        }
