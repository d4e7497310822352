"""A request's way through a hub, without any HTTP client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from actorrouter.integrations.port import Asked, Fault
from actorrouter.integrations.sender import Sender
from tests.integrations.upstream import WORDS, Upstream, routed

pytestmark = pytest.mark.anyio


def asked(told: str, *, stream: bool = False, **fields: Any) -> Asked:
    body = {"model": "m", "messages": [{"role": "user", "content": told}], "stream": stream}
    return Asked("POST", "/v1/chat/completions", (), json.dumps(body).encode(), **fields)


async def test_a_plain_answer_is_whole(upstream: Upstream):
    """Its body is in hand, and nothing is open any more."""
    async with routed(upstream) as router:
        answer, body = await Sender(router, "", {}).send(asked("plain"))
        assert router.status()["open"] == 0
    assert (answer.status, body) == (200, None)
    assert json.loads(answer.content)["choices"]


async def test_a_stream_is_read_bit_by_bit(upstream: Upstream):
    """After its end there is nothing more, however often it is asked or closed."""
    async with routed(upstream) as router:
        answer, body = await Sender(router, "", {}).send(asked("slow", stream=True))
        assert body is not None
        assert router.status()["open"] == 1
        got = [piece async for piece in _pieces(body)]
        assert router.status()["open"] == 0
        for _ in range(2):
            await body.aclose()
            assert await body.next() is None
    assert len(got) >= len(WORDS)
    assert answer.content == b""


async def test_a_closed_stream_gives_nothing(upstream: Upstream):
    """What was left is settled at once and stays left."""
    async with routed(upstream) as router:
        _, body = await Sender(router, "", {}).send(asked("stall", stream=True))
        assert body is not None
        assert await body.next()
        await body.aclose()
        assert router.status()["open"] == 0
        assert await body.next() is None


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (asked("stall", read_s=0.1), "ReadTimeout"),
        (asked("stall", options={"deadline_s": 0.1}), "ReadTimeout"),
        (asked("hang-up"), "ReadError"),
    ],
)
async def test_faults(upstream: Upstream, request_: Asked, kind: str):
    """Where there is no answer the fault has the name of what clients raise, and nothing stays open."""
    async with routed(upstream) as router:
        with pytest.raises(Fault) as caught:
            await Sender(router, "", {}).send(request_)
        assert router.status()["open"] == 0
    assert caught.value.kind == kind


async def test_a_stream_that_stalls(upstream: Upstream):
    """Two pieces of a stream may lie no further apart than the caller's patience; then it is settled."""
    async with routed(upstream) as router:
        _, body = await Sender(router, "", {}).send(asked("stall", stream=True, read_s=0.1))
        assert body is not None
        with pytest.raises(Fault) as caught:
            [piece async for piece in _pieces(body)]
        assert caught.value.kind == "ReadTimeout"
        assert router.status()["open"] == 0


async def _pieces(body: Any) -> Any:
    while (piece := await body.next()) is not None:
        yield piece
