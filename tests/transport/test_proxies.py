"""A key's own egress: what a proxy does wrong is the proxy's, and nothing reaches the provider before it allows."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
import trustme

from actorrouter.transport import connect
from actorrouter.transport.httpx_family import HttpxTransport
from actorrouter.transport.port import Reached, Timeouts
from tests.transport.exchanges import SECRET, exchange, fault, post
from tests.transport.server import BROKEN, Peer, Server, always, answer, once, serve

pytestmark = pytest.mark.anyio
NO, MAYBE, YES = Reached


@asynccontextmanager
async def through(family: str, proxy: Server, trusting: ssl.SSLContext) -> AsyncIterator[HttpxTransport]:
    made = connect(family, proxy=f"http://user:{SECRET}@localhost:{proxy.port}", ssl_context=trusting)
    assert isinstance(made, HttpxTransport)
    yield made
    await made.aclose()


async def tunnel(peer: Peer) -> None:
    """A proxy that grants every CONNECT."""
    target = (await peer.request()).split()[1].decode()
    host, _, port = target.partition(":")
    async with await anyio.connect_tcp(host, int(port)) as onward, anyio.create_task_group() as tasks:
        await peer.send(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def back() -> None:
            try:
                while True:
                    await peer.stream.send(await onward.receive())
            except BROKEN:
                tasks.cancel_scope.cancel()

        tasks.start_soon(back)
        try:
            while True:
                await onward.send(await peer.stream.receive())
        except BROKEN:
            tasks.cancel_scope.cancel()


def secured(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def test_a_plain_request_is_forwarded(family: str, trusting: ssl.SSLContext) -> None:
    """The proxy is asked for the whole URL."""
    seen: list[bytes] = []
    told: list[None] = []

    async def script(peer: Peer) -> None:
        while True:
            seen.append(await peer.request())
            await peer.send(answer())

    async with serve(script) as proxy, through(family, proxy, trusting) as transport:
        for _ in range(2):
            request = post("http://provider.invalid/v1")
            assert await exchange(transport, request, on_written=lambda: told.append(None)) == (200, b"{}")
        assert proxy.accepted == 1
    assert seen[0].startswith(b"POST http://provider.invalid/v1 HTTP/1.1\r\n")
    assert len(told) == 2


async def test_tls_runs_through_a_tunnel(family: str, trusting: ssl.SSLContext, authority: trustme.CA) -> None:
    """The provider is authenticated, the tunnel is kept, `on_written` speaks of the request and not of CONNECT."""
    told: list[None] = []
    async with (
        serve(always(answer()), secured(authority)) as server,
        serve(tunnel) as proxy,
        through(family, proxy, trusting) as transport,
    ):
        for turn in range(1, 3):
            assert await exchange(transport, post(server.url), on_written=lambda: told.append(None)) == (200, b"{}")
            assert (len(told), proxy.accepted) == (turn, 1)


async def test_a_wrong_certificate_behind_a_tunnel(family: str, trusting: ssl.SSLContext) -> None:
    """It is a TLS fault, nothing reached the provider, and the pool keeps nothing of it."""
    async with (
        serve(always(answer()), secured(trustme.CA())) as server,
        serve(tunnel) as proxy,
        through(family, proxy, trusting) as transport,
    ):
        assert await fault(transport, post(server.url)) == ("tls", NO, "unable to get local issuer certificate")
        await proxy.idle()
        assert transport.pool._pool.connections == []


async def test_silence_behind_a_tunnel(family: str, trusting: ssl.SSLContext) -> None:
    """The same when the handshake takes too long."""
    async with (
        serve(lambda peer: peer.gone()) as server,
        serve(tunnel) as proxy,
        through(family, proxy, trusting) as transport,
    ):
        request = post(server.url.replace("http:", "https:"))
        assert await fault(transport, request, Timeouts(connect_s=0.1)) == ("timeout", NO, "connect, tls")
        await proxy.idle()
        assert transport.pool._pool.connections == []


async def test_a_proxy_that_refuses(family: str, trusting: ssl.SSLContext) -> None:
    """Its status is told, its words are not."""
    refusal = answer(b"", f"407 {SECRET}")
    async with serve(once(refusal)) as proxy, through(family, proxy, trusting) as transport:
        request = post("https://provider.invalid/v1")
        assert await fault(transport, request) == ("proxy", NO, "the proxy answered 407")
        await proxy.idle()


async def test_a_proxy_that_breaks(family: str, trusting: ssl.SSLContext) -> None:
    """It closes without a word, or says nothing at all, or is not there."""
    request = post("https://provider.invalid/v1")

    async def hang_up(peer: Peer) -> None:
        await peer.request()

    async with serve(hang_up) as proxy, through(family, proxy, trusting) as transport:
        assert (await fault(transport, request))[:2] == ("proxy", NO)
        await proxy.idle()
    async with serve(lambda peer: peer.gone()) as proxy, through(family, proxy, trusting) as transport:
        assert await fault(transport, request, Timeouts(connect_s=0.05)) == ("timeout", NO, "connect, proxy")
        await proxy.idle()
        assert transport.pool._pool.connections == []
    async with through(family, proxy, trusting) as transport:
        assert await fault(transport, request) == ("proxy", NO, "connection refused")
