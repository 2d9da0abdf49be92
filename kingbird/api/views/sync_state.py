"""The views of the state of images."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kingbird.api.schemas.sync_state import COUNTED, SAME, UNKNOWN
from kingbird.api.state.live import LiveCopy, LiveImage, provenance_of
from kingbird.api.views.sync_jobs import format_time, time_or_null
from kingbird.db import api as db
from kingbird.states import ResourceType
from kingbird.sync import compare

JSON = dict[str, Any]
_HASHES = {compare.SAME: SAME, compare.DIFFERENT: "differs", compare.UNKNOWN: UNKNOWN}


def render_figures(figures: db.state_figures.RegionFigures) -> JSON:
    """Return the figures of a region."""
    bulk = figures.bulk or {}
    counts = {
        state: (figures.counts or {}).get(state, 0) + bulk.get(state, 0) for state in COUNTED
    }
    images = figures.images
    return {
        "images": images,
        # Images were compared one by one since then.
        "same": None if images is None else max(images - sum(counts.values()), 0),
        **counts,
        "mostly": max(bulk, key=lambda state: bulk[state], default=None),
        "oldest": time_or_null(figures.oldest),
        "compared_at": time_or_null(figures.compared_at),
        "away_since": time_or_null(figures.away_since),
    }


def render_image(rows: Sequence[Any]) -> JSON:
    """Return an image with the regions where it is not in order.

    :param rows: rows of ``ImageState``, in the order of the list.  If several projects have images
        of the same id, the first row tells whose image it is.
    """
    first = rows[0]
    in_order = sorted(rows, key=lambda row: row.project_id == first.project_id)
    cells = {row.region: _cell(row, row.image_status) for row in in_order}
    return _entry(ResourceType.IMAGE, first.image_id, first, cells)


def render_namespace(rows: Sequence[Any]) -> JSON:
    """Return a namespace with the regions where it is not in order.

    :param rows: rows of ``MetadefState``, in the order of the list.
    """
    cells = {row.region: _cell(row, None) for row in rows}
    return _entry(ResourceType.METADEF, rows[0].name, rows[0], cells)


def _entry(resource_type: ResourceType, shown_id: str, first: Any, cells: JSON) -> JSON:
    return {
        "resource_type": str(resource_type),
        "id": shown_id,
        "name": first.name,
        "owner": first.project_id,
        "source_region": first.source_region,
        "cells": cells,
    }


def _cell(row: Any, image_status: str | None) -> JSON:
    return {
        "state": row.state,
        "reason": row.reason,
        "message": row.message,
        "fields": row.differences or {},
        "since": time_or_null(row.since),
        "job": row.job_id,
        "image_status": image_status,
    }


def render_live(
    found: LiveImage, stored: Mapping[str, db.ImageState], compared_at: datetime
) -> JSON:
    """Return an image as each region holds it now.

    :param stored: the states that are stored, by region.
    """
    source = found.source
    return {
        "id": source["id"],
        "name": source.get("name") or "",
        "owner": source.get("owner") or "",
        "source_region": found.source_region,
        "compared_at": format_time(compared_at),
        "cells": {
            region: _live(one, stored.get(region)) for region, one in sorted(found.copies.items())
        },
    }


def _live(one: LiveCopy, stored: db.ImageState | None) -> JSON:
    finding, image = one.finding, one.image
    state = UNKNOWN if one.problem else (finding and finding.state) or SAME
    # The age counts if the state is still the same.
    is_same = stored is not None and stored.state == state
    size = image.get("size") if image else None
    return {
        "state": state,
        "reason": finding.reason if finding and finding.state else None,
        "message": one.problem or (finding.message if finding and finding.state else None),
        "fields": dict(finding.differences) if finding else {},
        "since": time_or_null(stored.since) if stored and is_same else None,
        "job": stored.job_id if stored and is_same else None,
        "image_status": image.get("status") if image else None,
        "id": image.get("id") if image else None,
        "size": size if isinstance(size, int) else None,
        "hash": _HASHES[one.hash],
        "provenance": provenance_of(image) if image else None,
    }
