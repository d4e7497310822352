"""TLS of the lean client: ends that are vouched for and ends that are not, late tickets, large bodies."""

from __future__ import annotations

import ssl
from typing import Any

import anyio
import pytest
import trustme
from anyio.lowlevel import checkpoint
from anyio.streams.tls import TLSStream

from actorrouter.transport import connect
from actorrouter.transport.lean import LeanTransport
from actorrouter.transport.lean_tls import IGNORE_EOF, SLICE_BYTES
from actorrouter.transport.port import Reached, Transport
from tests.transport.exchanges import PATIENT, exchange, fault, post
from tests.transport.server import Peer, always, answer, serve

pytestmark = pytest.mark.anyio
NO, MAYBE, YES = Reached


@pytest.fixture
def client() -> str:
    return "lean"


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.mark.parametrize("vouched", [True, False])
@pytest.mark.parametrize("lenient", [True, False])
async def test_a_body_until_close_needs_tls_to_vouch_for_its_end(
    tls: ssl.SSLContext, trusting: ssl.SSLContext, vouched: bool, lenient: bool
) -> None:
    """Else anybody on the way could have cut it; also with a context for which any end is a clean one."""
    before = trusting.options
    trusting.options = before | IGNORE_EOF if lenient else before & ~IGNORE_EOF

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nsome of it")
        if vouched:
            assert isinstance(peer.stream, TLSStream)
            peer.stream.standard_compatible = True
            await peer.stream.aclose()

    try:
        given = trusting.options
        transport = connect("lean", ssl_context=trusting)
        async with serve(script, tls) as server:
            if vouched:
                assert await exchange(transport, post(server.url)) == (200, b"some of it")
            else:
                assert await fault(transport, post(server.url)) == ("read", YES, "the body was cut short")
        await transport.aclose()
        assert trusting.options == given
    finally:
        trusting.options = before


@pytest.mark.parametrize("size", [1, SLICE_BYTES, 3 * SLICE_BYTES + 1])
async def test_bodies_of_any_size_go_both_ways(transport: Transport, tls: ssl.SSLContext, size: int) -> None:
    """Written once, told once, and the connection is kept."""
    told: list[None] = []

    async def script(peer: Peer) -> None:
        while True:
            body = (await peer.request()).partition(b"\r\n\r\n")[2]
            await peer.send(answer(body))

    async with serve(script, tls) as server:
        for _ in range(2):
            got = await exchange(transport, post(server.url, b"x" * size), PATIENT, lambda: told.append(None))
            assert got == (200, b"x" * size)
        assert (server.accepted, len(told)) == (1, 2)


async def test_tls_records_without_content_are_no_end(tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
    """Session tickets come when the server likes: the connection is used again."""
    transport = connect("lean", ssl_context=trusting)
    assert isinstance(transport, LeanTransport)

    async with serve(always(answer()), tls) as server:
        await exchange(transport, post(server.url))
        link: Any = transport.idle[-1][0]
        assert not link.ended()
        assert not link.ended()
        await exchange(transport, post(server.url))
        assert server.accepted == 1
    await transport.aclose()


@pytest.mark.parametrize("how", ["close_notify", "words", "bare end"])
async def test_a_goodbye_while_idle_is_seen(transport: Transport, tls: ssl.SSLContext, how: str) -> None:
    """And so is what nobody asked for: another connection is opened."""
    assert isinstance(transport, LeanTransport)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer())
        if how == "close_notify":
            assert isinstance(peer.stream, TLSStream)
            peer.stream.standard_compatible = True
            await peer.stream.aclose()
        if how == "words":
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
            await peer.gone()

    async with serve(script, tls) as server:
        for turn in (1, 2):
            assert await exchange(transport, post(server.url)) == (200, b"{}")
            assert server.accepted == turn
            with anyio.fail_after(2):
                while transport.idle and not transport.idle[-1][0].ended():
                    await checkpoint()
        await transport.aclose()


async def test_another_protocol_agreed_on(tls: ssl.SSLContext, authority: trustme.CA) -> None:
    """A context that offers HTTP/2 to a server that takes it: nothing is sent."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    context.set_alpn_protocols(["h2"])
    tls.set_alpn_protocols(["h2"])
    transport = connect("lean", ssl_context=context)
    async with serve(always(answer()), tls) as server:
        assert await fault(transport, post(server.url)) == ("tls", NO, "protocol not supported")
        await server.idle()
    await transport.aclose()
