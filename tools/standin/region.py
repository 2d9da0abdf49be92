"""One region's Glance: the unit tests' double behind HTTP."""

from __future__ import annotations

import asyncio
import html
import json
from collections import Counter
from typing import Any

from aiohttp import web

from kingbird import exception
from kingbird.tests.doubles.glance import FakeGlance
from kingbird.tests.doubles.glance_rules import Caller


class CountingGlance(FakeGlance):
    """A double that counts calls without recording them."""

    def __init__(self, region: str) -> None:
        super().__init__(region)
        self.counted: Counter[str] = Counter()

    def _note(self, method: str, detail: Any) -> None:
        self.counted[method] += 1


class Region:
    """The Glance of one region.

    Any token is accepted.  A token of the form ``project:role,role`` names the caller; all others
    are those of the default caller.

    :param usual: the default caller.
    :ivar latency: seconds that each answer is delayed.  Calls do not wait for each other.
    :ivar peak: the maximum of simultaneous calls.
    """

    def __init__(self, name: str, usual: Caller, latency: float) -> None:
        self.glance = CountingGlance(name)
        self.latency = latency
        self.peak = 0
        self._usual = usual
        self._running = 0

    def reset(self) -> None:
        """Reset the counts."""
        self.glance.counted.clear()
        self.peak = self._running

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a call."""
        self._running += 1
        self.peak = max(self.peak, self._running)
        try:
            sent = await request.read()
            if self.latency:
                await asyncio.sleep(self.latency)
            return self._answer(request, sent)
        finally:
            self._running -= 1

    def _answer(self, request: web.BaseRequest, sent: bytes) -> web.Response:
        token = request.headers.get("X-Auth-Token")
        if not token:
            return _error(401, "This server could not verify that you are authorized")
        try:
            body = json.loads(sent) if sent else None
            found = self.glance.handle(self._caller(token), request.method, request.path_qs, body)
        except exception.RegionUnavailable as error:
            return _error(error.status or 503, error.message, error.retry_after)
        except exception.ImageRequestRejected as error:
            return _error(error.status, error.message)
        except AssertionError as error:
            return _error(501, str(error))
        except ValueError:
            return _error(400, "Malformed JSON in request body.")
        made = request.method == "POST" and request.path == "/v2/images"
        return web.Response(
            body=found, status=201 if made else 200, content_type="application/json"
        )

    def _caller(self, token: str) -> Caller:
        project, colon, roles = token.partition(":")
        return Caller(project, tuple(roles.split(","))) if colon else self._usual


def _error(status: int, message: str, retry_after: int | None = None) -> web.Response:
    # Glance's errors are HTML.
    title = f"{status} Error"
    text = (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
        f"  {html.escape(message)}<br /><br />\n\n\n </body>\n</html>"
    )
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)
