"""The least that a transport needs of a router: one key, one provider, nothing judged. For dialects by themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from types import TracebackType
from typing import Self

import anyio
import httpx2
from anyio.from_thread import BlockingPortal

from actorrouter import Call, Refused, RouterConfig, StreamInterrupted
from actorrouter.config import CandidateConfig, ProviderConfig, RouteConfig
from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI
from tests.integrations.foreign import SECRETS

CREDENTIALS = {ANTHROPIC_MESSAGES: "x-api-key", GEMINI: "x-goog-api-key"}


class Lane:
    """`calls`: what it was asked. `open`: journeys that have not ended."""

    def __init__(self, url: str, http: httpx2.AsyncClient) -> None:
        self._url, self._http = url, http
        self.calls: list[Call] = []
        self.open = 0
        self.config = RouterConfig(
            providers={"foreign": ProviderConfig(url)},
            keys={},
            routes={"m": RouteConfig((CandidateConfig("foreign", "up"),))},
        )

    def stream(self, call: Call) -> Passage:
        self.calls.append(call)
        return Passage(self, call)

    def request(self, call: Call) -> httpx2.Request:
        """The call as its dialect's own provider takes it."""
        path = {
            ANTHROPIC_MESSAGES: "/v1/messages",
            GEMINI: f"/v1beta/models/up:{'streamGenerateContent?alt=sse' if call.stream else 'generateContent'}",
        }.get(call.dialect, f"/v1{call.path}")
        headers = {**call.headers, CREDENTIALS.get(call.dialect, "authorization"): SECRETS[0]}
        if call.path:
            headers["authorization"] = f"Bearer {SECRETS[0]}"
        return self._http.build_request(call.method, f"{self._url}{path}", headers=headers, content=call.content)


class Passage:
    """One call, and its reply."""

    key_id, decision_id = "k1", 1

    def __init__(self, lane: Lane, call: Call) -> None:
        self._lane, self._call = lane, call

    async def __aenter__(self) -> Self:
        self._lane.open += 1
        self._response = await self._lane._http.send(self._lane.request(self._call), stream=True)
        self.status, self.headers = self._response.status_code, dict(self._response.headers)
        if self.status >= 400:
            body = await self._response.aread()
            await self.__aexit__(None, None, None)
            raise Refused(f"refused: {self.status}", body=body, status=self.status)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lane.open -= 1
        with anyio.CancelScope(shield=True):
            await self._response.aclose()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._response.aiter_bytes():
                yield chunk
        except httpx2.HTTPError as error:
            raise StreamInterrupted(str(error), delivered_bytes=0) from error

    async def read(self) -> bytes:
        return await self._response.aread()


@asynccontextmanager
async def laid(url: str) -> AsyncIterator[Lane]:
    """A lane to a provider; at the end nothing may be open. Bounded at 20 s."""
    with anyio.fail_after(20):
        async with httpx2.AsyncClient(timeout=10, trust_env=False) as http:
            lane = Lane(url, http)
            yield lane
            assert lane.open == 0


def opened(portal: BlockingPortal, url: str) -> AbstractContextManager[Lane]:
    """The same on a portal's event loop."""
    return portal.wrap_async_context_manager(portal.call(laid, url))
