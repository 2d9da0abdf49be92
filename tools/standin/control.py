"""The stand-in's control API: JSON over a port of its own."""

from __future__ import annotations

import gc
import inspect
import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol

from aiohttp import web

from kingbird import exception
from kingbird.tests.doubles.glance import unavailable
from standin.images import Mill
from standin.notifications import Sender
from standin.region import Region

Json = Any


class Door(Protocol):
    """The port of a region; :class:`standin.server.Door` is one."""

    async def open(self) -> str: ...

    async def close(self) -> None: ...


class Control:
    """The commands, each a public method; :class:`standin.client.Standin` describes them."""

    def __init__(
        self,
        regions: dict[str, Region],
        sender: Sender | None = None,
        doors: Mapping[str, Door] = MappingProxyType({}),
    ) -> None:
        self._regions = regions
        self._doors = doors
        self._sender = sender
        self._mill = Mill()

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a POST of ``{"call": NAME, "arguments": {...}}``."""
        command = json.loads(await request.read())
        try:
            result = getattr(self, command["call"])(**command["arguments"])
            if inspect.isawaitable(result):
                result = await result
        except (exception.KingbirdError, KeyError, TypeError, ValueError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        return web.json_response({"result": result})

    def seed(self, region: str, count: int, **options: Any) -> int:
        made = self._regions[region].glance.fill(self._mill.records(region, count, **options))
        # The images stay, so the collector need not scan them again.
        gc.collect()
        gc.freeze()
        return made

    def clear(self, region: str) -> None:
        self._regions[region].glance.clear()

    def latency(self, region: str | None, ms: float) -> None:
        for each in [self._regions[region]] if region else self._regions.values():
            each.latency = ms / 1000

    def import_time(self, region: str, seconds: float) -> None:
        self._regions[region].import_time = seconds

    def counts(self) -> dict[str, dict[str, int]]:
        return {name: dict(region.glance.counted) for name, region in self._regions.items()}

    def peaks(self) -> dict[str, int]:
        return {name: region.peak for name, region in self._regions.items()}

    def reset_counts(self) -> None:
        for region in self._regions.values():
            region.reset()

    def sent(self) -> dict[str, int]:
        return dict(self._sender.sent) if self._sender is not None else {}

    def sizes(self) -> dict[str, int]:
        return {name: len(region.glance.ids) for name, region in self._regions.items()}

    def page_size(self, region: str, size: int | None) -> None:
        self._regions[region].glance.page_size = size

    def fail(
        self, region: str, kind: str, status: int, times: int | None, retry_after: int | None
    ) -> None:
        self._regions[region].glance.fail(kind, unavailable(status, retry_after), times)

    def heal(self, region: str) -> None:
        self._regions[region].glance.heal()

    async def close(self, region: str) -> None:
        await self._doors[region].close()

    async def open(self, region: str) -> None:
        await self._doors[region].open()

    def peek(self, region: str, image_id: str) -> Json:
        return self._regions[region].glance.peek(image_id)

    def upload(self, region: str, image_id: str, data: str) -> Json:
        return self._regions[region].upload(image_id, data.encode("latin-1"))

    def deactivate(self, region: str, image_id: str) -> Json:
        image = self._regions[region].glance.deactivate(image_id)
        self._regions[region].tell("image.update", image)
        return image

    def set_status(self, region: str, image_id: str, status: str) -> Json:
        return self._regions[region].glance.set_status(image_id, status)

    def delete(self, region: str, image_id: str) -> None:
        image = self._regions[region].glance.peek(image_id)
        self._regions[region].glance.delete(image_id)
        if image is not None:
            self._regions[region].tell_of_deletion(image)

    def share(self, region: str, image_id: str, project: str, status: str) -> None:
        self._regions[region].glance.share(image_id, project, status)
