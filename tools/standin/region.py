"""One region's Glance: the unit tests' double behind HTTP."""

from __future__ import annotations

import asyncio
import html
import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from kingbird import exception
from kingbird.tests.doubles.glance import FakeGlance
from kingbird.tests.doubles.glance_rules import Caller
from kingbird.tests.doubles.glance_store import precise, seconds
from standin.notifications import UPLOAD, payload
from standin.tokens import Tokens

Json = Any
#: Takes the event type and the payload of a message.
Tell = Callable[[str, Mapping[str, Any]], None]
#: Seconds that an import of data takes.
IMPORT_TIME = 0.3
#: The messages of calls that change an image.
_OF_CALLS = {"POST": "image.create", "PATCH": "image.update"}


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
    are those of the default caller, unless Keystone tells whose they are.

    :param usual: the default caller.
    :param tell: sends a message of this Glance.
    :param tokens: asks Keystone.
    :ivar latency: seconds that each answer is delayed.  Calls do not wait for each other.
    :ivar import_time: seconds that an import of data takes.
    :ivar peak: the maximum of simultaneous calls.
    """

    def __init__(
        self,
        name: str,
        usual: Caller,
        latency: float,
        *,
        tell: Tell | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self.glance = CountingGlance(name)
        self.glance.on_import = self._begin_import
        self.latency = latency
        self.import_time = IMPORT_TIME
        self.peak = 0
        self._usual = usual
        self._tell = tell
        self._tokens = tokens
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
            caller = await self._caller(request.headers.get("X-Auth-Token"))
            if caller is None:
                return _error(401, "This server could not verify that you are authorized")
            return self._answer(caller, request, sent)
        finally:
            self._running -= 1

    def upload(self, image_id: str, data: bytes) -> Json:
        """Upload an image's data, and send the messages of that."""
        image = self.glance.upload(image_id, data)
        for event_type, fields in UPLOAD:
            self.tell(event_type, image, **fields)
        return image

    def tell_of_deletion(self, image: Json) -> None:
        """Send the message about an image that was deleted."""
        now = seconds(precise(datetime.now(UTC)))
        self.tell("image.delete", image, status="deleted", deleted=True, deleted_at=now)

    def tell(self, event_type: str, image: Json, **fields: Any) -> None:
        """Send a message about an image, if this Glance sends any."""
        if self._tell is not None:
            self._tell(event_type, payload(image, **fields))

    def _answer(self, caller: Caller, request: web.BaseRequest, sent: bytes) -> web.Response:
        try:
            body = json.loads(sent) if sent else None
            found = self.glance.handle(caller, request.method, request.path_qs, body)
        except exception.RegionUnavailable as error:
            return _error(error.status or 503, error.message, error.retry_after)
        except exception.ImageRequestRejected as error:
            return _error(error.status, error.message)
        except AssertionError as error:
            return _error(501, str(error))
        except ValueError:
            return _error(400, "Malformed JSON in request body.")
        if request.path.endswith("/import") and request.method == "POST":
            return web.Response(status=202)
        if "/actions/" in request.path:
            self._tell_of_change(request.path.split("/")[-3])
            return web.Response(status=204)
        made = request.method == "POST" and request.path == "/v2/images"
        if self._tell is not None and (made or request.method == "PATCH"):
            self.tell(_OF_CALLS[request.method], json.loads(found))
        return web.Response(
            body=found, status=201 if made else 200, content_type="application/json"
        )

    def _begin_import(self, image_id: str) -> None:
        """Let the data of an image arrive after a while, as they do in a Glance."""
        loop = asyncio.get_running_loop()
        loop.call_later(self.import_time / 2, self.glance.begin_import, image_id)
        loop.call_later(self.import_time, self.glance.finish_import, image_id)

    def _tell_of_change(self, image_id: str) -> None:
        """Send the message about an image that was changed by a call without a body."""
        if image := self.glance.peek(image_id):
            self.tell("image.update", image)

    async def _caller(self, token: str | None) -> Caller | None:
        if not token:
            return None
        project, colon, roles = token.partition(":")
        if colon:
            return Caller(project, tuple(roles.split(",")))
        return self._usual if self._tokens is None else await self._tokens.caller(token)


def _error(status: int, message: str, retry_after: int | None = None) -> web.Response:
    # Glance's errors are HTML.
    title = f"{status} Error"
    text = (
        f"<html>\n <head>\n  <title>{title}</title>\n </head>\n <body>\n  <h1>{title}</h1>\n"
        f"  {html.escape(message)}<br /><br />\n\n\n </body>\n</html>"
    )
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.Response(text=text, status=status, content_type="text/html", headers=headers)
