"""Serve all regions in one process, each on its own port, on loopback only."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from kingbird.tests.doubles.glance_rules import Caller
from standin.control import Control
from standin.notifications import Sender
from standin.region import Region
from standin.tokens import Tokens

HOST = "127.0.0.1"

#: Bytes of the largest request: an image with as many properties as Glance takes.
LARGEST_BODY = 32 << 20

Answer = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def run(
    names: Sequence[str],
    *,
    caller: Caller,
    latency_ms: float = 0.0,
    port_base: int = 0,
    until_stdin_ends: bool = False,
    sender: Sender | None = None,
    tokens: Tokens | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, and print the addresses as one line of JSON.

    :param port_base: the first region's port, with the others after it; 0 for free ports.  The
        control port follows the last region's.
    :param until_stdin_ends: end with the parent process, however that ends.
    :param sender: sends notifications of all regions.
    :param tokens: tells whose tokens are that name no caller.
    """
    regions = {
        name: Region(
            name,
            caller,
            latency_ms / 1000,
            tell=functools.partial(sender.send, name) if sender else None,
            tokens=tokens,
        )
        for name in names
    }
    for region in regions.values():
        region.glance.peers = {name: each.glance for name, each in regions.items()}
    doors = {name: Door(region.answer) for name, region in regions.items()}
    controls = Control(regions, sender, doors)
    serving = _serve(regions, doors, controls, port_base, until_stdin_ends)
    try:
        import uvloop
    except ImportError:
        asyncio.run(serving)
    else:
        uvloop.run(serving)


class Door:
    """A port of a region, which can be closed for a while as if its Glance were restarted."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._runner: web.ServerRunner | None = None
        self._port = 0

    async def open(self, port: int = 0) -> str:
        """Listen, and return the URL.

        :param port: 0 for the port before, or for any at first.
        """
        server = web.Server(self._answer, request_factory=_request, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        # Hundreds of connections may come at once.
        site = web.TCPSite(self._runner, HOST, port or self._port, backlog=1024)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return f"http://{HOST}:{self._port}"

    async def close(self) -> None:
        """Refuse connections from now on, and cut those that are open."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None


async def _serve(
    regions: dict[str, Region],
    doors: dict[str, Door],
    controls: Control,
    port_base: int,
    until_stdin_ends: bool,
) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    async with contextlib.AsyncExitStack() as stack:
        urls = {}
        for position, (name, door) in enumerate(doors.items()):
            stack.push_async_callback(door.close)
            urls[name] = await door.open(port_base and port_base + position)
        control = Door(controls.answer)
        stack.push_async_callback(control.close)
        address = await control.open(port_base and port_base + len(regions))
        print(json.dumps({"regions": urls, "control": address}), flush=True)
        if until_stdin_ends:
            loop.add_reader(sys.stdin.fileno(), _read, ended)
        await ended.wait()


def _request(
    message: Any, payload: Any, protocol: Any, writer: Any, task: asyncio.Task[None]
) -> web.BaseRequest:
    loop = asyncio.get_running_loop()
    return web.BaseRequest(
        message, payload, protocol, writer, task, loop, client_max_size=LARGEST_BODY
    )


def _read(ended: asyncio.Event) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        ended.set()
