"""Cancelled at whatever await: nothing stays open, and the transport serves on."""

from __future__ import annotations

import asyncio
import gc
import ssl
from typing import Any

import anyio
import pytest
import trustme
from anyio.lowlevel import checkpoint

from actorrouter.transport import connect
from actorrouter.transport.port import Transport
from tests.transport.exchanges import exchange, post
from tests.transport.pools import busy
from tests.transport.server import CHUNKED, Peer, chunk, serve

TICKS = 80
pytestmark = pytest.mark.anyio


async def in_pieces(peer: Peer) -> None:
    while True:
        await peer.request()
        await peer.send(CHUNKED, chunk(b"one"), chunk(b"two"), b"0\r\n\r\n")


async def cancel_after(ticks: int, transport: Any, url: str) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(exchange, transport, post(url))
        for _ in range(ticks):
            await checkpoint()
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
async def test_cancelled_at_any_tick_of_a_new_connection(
    client: str, trusting: ssl.SSLContext, authority: trustme.CA, secure: bool
) -> None:
    """However far a request came on a fresh pool, cancelling leaves no socket open but a pooled idle one."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(tls)
    async with serve(in_pieces, tls if secure else None) as server:
        for ticks in range(TICKS):
            transport = connect(client, ssl_context=trusting)
            await cancel_after(ticks, transport, server.url)
            assert busy(transport) == [], ticks
            await transport.aclose()
            await server.idle()
        gc.collect()


async def test_cancelled_at_any_tick_of_a_kept_connection(transport: Transport) -> None:
    """A pool whose requests were cancelled at every tick still answers."""
    async with serve(in_pieces) as server:
        for ticks in range(TICKS):
            await cancel_after(ticks, transport, server.url)
            assert busy(transport) == [], ticks
            assert await exchange(transport, post(server.url)) == (200, b"onetwo")
        await transport.aclose()
        await server.idle()


@pytest.mark.parametrize(
    "anyio_backend", [("asyncio", {}), ("asyncio", {"use_uvloop": True})], ids=["asyncio", "uvloop"]
)
async def test_native_cancellation_leaves_no_socket(client: str, trusting: ssl.SSLContext) -> None:
    """`task.cancel()` knows no shield: whatever it interrupts, every socket is closed with the transport."""
    async with serve(in_pieces) as server:
        for ticks in range(TICKS):
            transport = connect(client, ssl_context=trusting)
            task = asyncio.create_task(exchange(transport, post(server.url)))
            for _ in range(ticks):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
            assert await exchange(transport, post(server.url)) == (200, b"onetwo")
            await transport.aclose()
            await server.idle()
