"""Ask Keystone whose a token is, as Glance does."""

from __future__ import annotations

import asyncio

import aiohttp

from kingbird.tests.doubles.glance_rules import Caller


class Tokens:
    """The callers of tokens.  Keystone is asked once for each token.

    :param auth_url: Keystone's URL with ``/v3``.
    :param own: a token of an admin.  Users may not ask about the tokens of their trusts.
    """

    def __init__(self, auth_url: str, own: str) -> None:
        self._own = own
        self._url = f"{auth_url}/auth/tokens"
        self._known: dict[str, asyncio.Future[Caller | None]] = {}

    async def caller(self, token: str) -> Caller | None:
        """Return the caller of a token, or ``None`` if Keystone does not know it."""
        if token not in self._known:
            self._known[token] = asyncio.ensure_future(self._ask(token))
        return await asyncio.shield(self._known[token])

    async def _ask(self, token: str) -> Caller | None:
        headers = {"X-Auth-Token": self._own, "X-Subject-Token": token}
        async with (
            aiohttp.ClientSession() as session,
            session.get(self._url, params={"nocatalog": ""}, headers=headers) as answer,
        ):
            if answer.status != 200:
                return None
            found = (await answer.json())["token"]
        return Caller(found["project"]["id"], tuple(role["name"] for role in found["roles"]))
