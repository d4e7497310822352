"""A provider's bytes cut anywhere on their way: what an SDK reads does not depend on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from anyio.from_thread import start_blocking_portal
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openai import OpenAI

from actorrouter import BlockingRouter, open_router_blocking
from tests.integrations.upstream import EVENTS, event, fleet
from tests.transport.server import Peer, chunk, serve

TEXT = "one 漢字 🙂 two"
STREAM = EVENTS + b"".join(
    [
        *(chunk(event({"content": letter})) for letter in TEXT),
        chunk(event({}, finish_reason="stop")),
        chunk(b"data: [DONE]\n\n"),
        b"0\r\n\r\n",
    ]
)


async def cutting(peer: Peer) -> None:
    """Sends the stream in pieces that end where the message says."""
    while True:
        request = await peer.request()
        ends = json.loads(json.loads(request.partition(b"\r\n\r\n")[2])["messages"][0]["content"])
        for start, end in zip([0, *ends], [*ends, len(STREAM)], strict=True):
            await peer.send(STREAM[start:end], pause_s=0.0005)


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def router(request: pytest.FixtureRequest) -> Iterator[BlockingRouter]:
    with start_blocking_portal("asyncio") as portal:
        serving = portal.wrap_async_context_manager(portal.call(serve, cutting))
        with (
            serving as server,
            open_router_blocking(fleet(f"http://127.0.0.1:{server.port}/v1"), backend=request.param) as opened,
        ):
            yield opened


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ends=st.sets(st.integers(1, len(STREAM) - 1), max_size=12).map(sorted), flavor=st.sampled_from(["httpx2", "httpx"])
)
def test_cut_anywhere(router: BlockingRouter, ends: list[int], flavor: str):
    """In heads, chunk sizes, lines, and letters of several bytes."""
    sdk = OpenAI(http_client=router.http_client(flavor=flavor), api_key="unused")
    asked: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": json.dumps(ends)}]}
    stream: Any = sdk.chat.completions.create(**asked, stream=True)
    assert "".join(each.choices[0].delta.content or "" for each in stream) == TEXT
    assert router.status()["open"] == 0
