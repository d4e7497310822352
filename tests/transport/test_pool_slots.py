"""Deadlines are cancellations: a storm of them must leave the transport whole.

httpx 0.28.1 with a bounded pool loses a slot to some of them and in the end answers nothing (httpcore issue 1093).
"""

from __future__ import annotations

import anyio
import pytest

from actorrouter.transport.port import Transport
from tests.transport.exchanges import exchange, post
from tests.transport.pools import busy
from tests.transport.server import Peer, answer, serve

REQUESTS = 600
DEADLINES_MS = 40

pytestmark = pytest.mark.anyio


async def thinking(peer: Peer) -> None:
    while True:
        await peer.request()
        await anyio.sleep(0.01)
        await peer.send(answer())


@pytest.mark.parametrize("at_once", [100, 10])
async def test_deadlines_leave_the_transport_usable(transport: Transport, at_once: int) -> None:
    """After 600 requests with 0 to 39 ms deadlines nothing is held, and as many at once as before succeed.

    A hundred at once are cancelled while connecting and writing, ten at once also while waiting and reading.
    """
    turns = iter(range(REQUESTS))
    answered: list[int] = []

    async def storm(url: str) -> None:
        for turn in turns:
            with anyio.move_on_after(turn * 7 % DEADLINES_MS / 1000):
                await exchange(transport, post(url))
                answered.append(turn)

    async def plain(url: str) -> None:
        assert await exchange(transport, post(url)) == (200, b"{}")

    async with serve(thinking) as server:
        async with anyio.create_task_group() as tasks:
            for _ in range(at_once):
                tasks.start_soon(storm, server.url)
        assert len(answered) < REQUESTS
        assert busy(transport) == []
        with anyio.fail_after(30):
            async with anyio.create_task_group() as tasks:
                for _ in range(at_once):
                    tasks.start_soon(plain, server.url)
        await transport.aclose()
        await server.idle()
