"""The pages about the state of images: the matrix, one image, and what brings them in order."""

import csv
import hashlib
import json
from collections.abc import Iterator
from typing import Any

from django import http
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views import generic

from kingbird_dashboard.api import jobs, state
from kingbird_dashboard.api.client import ServiceError
from kingbird_dashboard.content import (
    ages,
    buttons,
    cells,
    matrix,
    overview,
    page,
    rights,
    sentences,
    wanted,
)
from kingbird_dashboard.content.filters import Filters, as_uuid
from kingbird_dashboard.content.names import visible

#: The most images of a file.
MAX_LINES = 10_000


class StateView(page.Page):
    """The matrix of images and regions."""

    template_name = "kingbird/state.html"
    page_title = gettext_lazy("Image Sync")
    tab = "state"

    def read(self) -> dict[str, Any]:
        filters = Filters.read(self.request.GET)
        seen = overview.read(self.request, filters, all_projects=self.all_projects)
        return {
            "filters": filters,
            "seen": seen,
            "rows": buttons.of_rows(seen.rows),
            "seconds": page.seconds_to_next(seen.is_busy),
            "tiles": [
                (
                    tile,
                    None if tile.filter is None else filters.url_query(state=tile.filter),
                    tile.filter == filters.state,
                )
                for tile in seen.tiles
            ],
            "has_many_regions": len(seen.regions) > matrix.MANY_REGIONS,
            "cell": _open_cell(self.request, filters, seen),
            "state_words": [
                ("", _("Only what differs")),
                ("missing", _("Missing")),
                ("drift", _("Differs")),
                ("conflict", _("Needs a person")),
                ("no_data", _("Without data")),
                ("away", _("Region away")),
            ],
            "next_query": seen.next_marker and filters.url_query(marker=seen.next_marker),
            "live_query": filters.url_query(marker=filters.marker),
        }


def _open_cell(
    request: http.HttpRequest, filters: Filters, seen: overview.Overview
) -> dict[str, Any] | None:
    """Return the panel of the cell in the URL, by what is stored."""
    if filters.cell is None:
        return None
    image_id, region = filters.cell
    image = next((one for one in seen.answer["images"] if one["id"] == image_id), None)
    if image is None:
        return None
    row = next(row for row in seen.rows if row.id == image_id)
    cell = dict(row.cells).get(region)
    if cell is None:
        return None
    return {"image": image, **describe(request, image, region, image["cells"].get(region), cell)}


def describe(
    request: http.HttpRequest,
    image: dict[str, Any],
    region: str,
    found: dict[str, Any] | None,
    cell: cells.Cell,
) -> dict[str, Any]:
    """Return what a panel says about one image in one region."""
    found = found or {"state": {"source": "same", "missing": "missing"}.get(cell.kind, cell.kind)}
    name, reason = cells.state_of(found), found.get("reason")
    source = image["source_region"]
    fields = found.get("fields") or {}
    return {
        "region": region,
        "source": source,
        "shown": cell,
        "sentence": _("This is the source of the copies.")
        if region == source
        else sentences.explain(name, reason, region, source),
        # Of these the sentence says it all.
        "message": None if name in ("drift", "missing", "no_data") else found.get("message"),
        "since": ages.since(found.get("since")),
        "job": found.get("job"),
        "fields": [
            (field, values["source"], values["target"]) for field, values in sorted(fields.items())
        ],
        "actions": sentences.actions(name, reason, may_import=rights.may(request, "import_data")),
    }


class LiveStateView(page.Scope, generic.View):
    """The cells of the matrix, for a page that looks at them."""

    def get(self, request: http.HttpRequest) -> http.HttpResponse:
        def make(etag: str) -> tuple[dict[str, Any], str] | None:
            filters = Filters.read(request.GET)
            seen = overview.read(request, filters, all_projects=self.all_projects)
            answer = {
                "seconds": page.seconds_to_next(seen.is_busy),
                "tiles": {tile.word: [tile.number, tile.text] for tile in seen.tiles},
                "heads": {head.name: head.summary for head in seen.heads},
                "cells": {
                    f"{row.id}|{region}": cell.as_json()
                    for row in seen.rows
                    for region, cell in row.cells
                },
            }
            text = json.dumps(answer, sort_keys=True)
            tag = f'"{hashlib.sha256(text.encode()).hexdigest()[:40]}"'
            return None if tag == etag else (answer, tag)

        return page.answer_live(request, make)


class ImageView(page.Page):
    """One image as each region holds it now."""

    template_name = "kingbird/image.html"
    page_title = gettext_lazy("Image in all regions")
    tab = "state"

    def read(self) -> dict[str, Any]:
        return read_image(self.request, self.kwargs["image_id"])


def read_image(request: http.HttpRequest, image_id: str) -> dict[str, Any]:
    """Return what is known of an image in all regions now."""
    image = state.show_image(request, image_id)
    regions = []
    for region, found in sorted(image["cells"].items()):
        is_source = region == image["source_region"]
        cell = cells.source() if is_source else cells.of_state(found)
        regions.append({**found, **describe(request, image, region, found, cell)})
    return {"image": image, "regions": regions, "looked": ages.since(image["compared_at"])}


class FindView(page.Scope, generic.View):
    """The page of an image whose id was entered, or else the filtered matrix."""

    def get(self, request: http.HttpRequest) -> http.HttpResponse:
        image_id = as_uuid(request.GET.get("q", "").strip())
        if image_id:
            return http.HttpResponseRedirect(self.url("image", image_id))
        return http.HttpResponseRedirect(f"{self.url('index')}?{request.GET.urlencode()}")


class FileView(page.Scope, generic.View):
    """The images that are not in order as a file for a spreadsheet."""

    def get(self, request: http.HttpRequest) -> http.HttpResponse:
        filters = Filters.read(request.GET)
        try:
            images = list(self._images(request, filters))
        except ServiceError as error:
            return http.HttpResponse(error.sentence, status=503, content_type="text/plain")
        response = http.HttpResponse(content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = 'attachment; filename="image-sync.csv"'
        lines = csv.writer(response)
        lines.writerow(["id", "name", "source", "region", "state", "reason", "fields", "since"])
        for image in images:
            for region, cell in sorted(image["cells"].items()):
                fields = " ".join(sorted(cell["fields"]))
                values = (image["source_region"], region, cell["state"], cell["reason"], fields)
                lines.writerow(
                    map(_harmless, (image["id"], image["name"], *values, cell["since"]))
                )
        return response

    def _images(self, request: http.HttpRequest, filters: Filters) -> Iterator[dict[str, Any]]:
        query = {**filters.for_call(), **self.scope_query, "limit": state.PAGE, "marker": ""}
        for _page in range(MAX_LINES // state.PAGE):
            answer = state.list_images(request, **query)
            yield from answer["images"]
            if not state.has_more(answer) or not answer["images"]:
                return
            query["marker"] = answer["images"][-1]["id"]


def _harmless(value: str | None) -> str:
    """Return a value that no spreadsheet takes for a formula."""
    text = visible(value or "")
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


class OrderView(page.Page):
    """Describe the sync that would bring images in order, before it is previewed."""

    template_name = "kingbird/order.html"
    page_title = gettext_lazy("Bring in order")
    tab = "state"

    def read(self) -> dict[str, Any]:
        figures = state.list_images(self.request, limit=1)["regions"].values()
        return {
            word: sum(one[word] for one in figures) for word in ("missing", "drift", "no_data")
        }


class PreviewOrder(page.Act):
    """A dry run over the images that are not in order."""

    def act(self) -> str:
        found = state.list_images(self.request, limit=wanted.MAX_IMAGES)
        sets = wanted.to_bring_in_order(
            found["images"],
            update="update" in self.request.POST,
            with_data="data" in self.request.POST,
        )
        if not sets:
            raise ServiceError(
                http.HttpResponseBadRequest.status_code, _("Nothing is to be done.")
            )
        return self.url("job", jobs.create(self.request, sets))

    def after_trouble(self) -> str:
        return self.url("order")


class PreviewCell(page.Act):
    """A dry run over one image in one region."""

    def act(self) -> str:
        given = self.request.POST
        word, image, region = (
            given.get("what"),
            as_uuid(given.get("image", "")),
            given.get("region"),
        )
        if word not in wanted.OPTIONS or not image or not region:
            raise ServiceError(http.HttpResponseBadRequest.status_code, _("This is incomplete."))
        wish = wanted.for_cell(word, image, given.get("source", ""), region)
        return self.url("job", jobs.create(self.request, [wish]))
