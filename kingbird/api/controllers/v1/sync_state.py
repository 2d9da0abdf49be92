"""The controller of ``/v1.0/{project}/os-sync-state``, the state of images and namespaces."""

import dataclasses
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from oslo_config import cfg

from kingbird import exception
from kingbird.api.request import validation
from kingbird.api.request.operation import RequestPipeline, ValidRequest, operation
from kingbird.api.schemas import formats
from kingbird.api.schemas import sync_state as schema
from kingbird.api.state.live import LiveLookup
from kingbird.api.views import sync_state as view
from kingbird.clients import catalog as service_catalog
from kingbird.db import api as db
from kingbird.policies import sync_state as policy
from kingbird.states import ResourceType

JSON = dict[str, Any]


class SyncStateController:
    """The controller that lists the images that are not in order, and shows one image."""

    def __init__(self, conf: cfg.ConfigOpts, pipeline: RequestPipeline, live: LiveLookup) -> None:
        self._conf = conf
        self.pipeline = pipeline
        self._live = live

    @operation(
        "list_sync_state",
        "List the images that are not in order",
        rules=(policy.LIST, policy.ALL_PROJECTS),
        query=schema.QUERY,
        response_schema=schema.LISTED,
        conditional=True,
    )
    def list_state(self, request: ValidRequest) -> JSON:
        """``GET /v1.0/{project}/os-sync-state``"""
        query = request.query
        scope: str | None = request.project_id
        of_metadefs = query.get("resource_type") == ResourceType.METADEF
        pages: Any = db.metadef_pages if of_metadefs else db.state_pages
        counted: Any = db.metadef_pages if of_metadefs else db.state_figures
        # Namespaces belong to no project that asks for them, as their jobs do.
        if of_metadefs or query.get("all_projects", "").lower() == "true":
            request.rights.check(policy.ALL_PROJECTS)
            scope = query.get("owner")
        marker = query.pop("marker", None)
        page = dataclasses.replace(request.page(), is_whole=False)
        if marker is not None:
            marker = marker if of_metadefs else _image_id(marker)
        selection = db.state_pages.Selection(
            scope,
            regions=query.get("region", ()),
            states=query.get("state", ()),
            name=query.get("name"),
            older_than=query.get("older_than"),
        )
        endpoints = self._endpoints(request)
        request.end_if_unchanged(
            counted.version(scope),
            None if selection.older_than is None else pages.newest(selection),
            sorted(endpoints),
            page.limit,
        )
        rows: Sequence[Sequence[Any]] = ()
        if query.get("owner") in (None, scope):
            rows = pages.page(
                selection,
                sort=query.get("sort", "since"),
                limit=page.limit + 1,
                marker=marker,
            )
        render = view.render_namespace if of_metadefs else view.render_image
        shown, links = page.paginate([render(one) for one in rows], lambda one: one["id"])
        figures = counted.figures(scope)
        unseen = dict.fromkeys(endpoints, db.state_figures.RegionFigures())
        return {
            "regions": {
                region: view.render_figures(one)
                for region, one in sorted({**unseen, **figures}.items())
            },
            "images": shown,
            "links": links,
        }

    def _endpoints(self, request: ValidRequest) -> dict[str, str]:
        catalog = request.context.service_catalog
        return dict(service_catalog.read(catalog, self._conf.glance.interface).urls)

    @operation(
        "show_sync_state",
        "Show an image as each region holds it now",
        rules=(policy.SHOW,),
        response_schema=schema.SHOWN,
        errors=(404,),
    )
    def show_state(self, request: ValidRequest) -> JSON:
        """``GET /v1.0/{project}/os-sync-state/{image}``"""
        image_id = validation.parse_path_uuid(request.path[0], "image id")
        is_admin = request.rights.is_admin()
        found = self._live.find(request.context, image_id, is_admin=is_admin)
        stored = db.state_pages.of_image(image_id, found.source.get("owner") or "")
        now = datetime.now(UTC).replace(tzinfo=None)
        return {"image": view.render_live(found, stored, now)}


def _image_id(marker: str) -> str:
    try:
        return formats.normalize_uuid(marker)
    except ValueError:
        raise exception.BadRequest(
            "marker in the query is no image's id: it must be 32 hexadecimal digits, with or "
            "without dashes"
        ) from None
