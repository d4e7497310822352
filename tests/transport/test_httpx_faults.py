"""Every way an exchange can fail: its kind, whether it reached the provider, and words that tell nothing more."""

from __future__ import annotations

import socket
import ssl
from typing import NoReturn

import pytest
import trustme

from actorrouter.transport.port import Reached, Transport, TransportError
from tests.transport.exchanges import PATIENT, SECRET, exchange, fault, ignore, post
from tests.transport.server import CHUNKED, Peer, Script, always, answer, chunk, ending, once, serve

pytestmark = pytest.mark.anyio
NO, MAYBE, YES = Reached


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    return context


async def test_a_closed_port_is_a_connect_fault(transport: Transport) -> None:
    """Nothing listens: nothing was sent."""
    async with serve(always()) as server:
        url = server.url
    assert await fault(transport, post(url)) == ("connect", NO, "connection refused")


async def test_an_unknown_host_is_a_dns_fault(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver's own words are kept."""

    def unknown(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    async def unknown_too(*_: object, **__: object) -> NoReturn:
        unknown()

    monkeypatch.setattr("socket.getaddrinfo", unknown)
    monkeypatch.setattr("anyio.getaddrinfo", unknown_too)
    monkeypatch.setattr("anyio._core._sockets.getaddrinfo", unknown_too)  # uvloop's resolver is not Python's
    assert await fault(transport, post("http://provider.invalid/")) == ("dns", NO, "name or service not known")


async def test_tls_with_a_trusted_certificate(transport: Transport, tls: ssl.SSLContext) -> None:
    """The given context decides whom to trust."""
    async with serve(always(answer()), tls) as server:
        for _ in range(2):
            assert await exchange(transport, post(server.url)) == (200, b"{}")
        assert server.accepted == 1


async def test_tls_with_an_unknown_authority(transport: Transport) -> None:
    """An untrusted certificate ends it before anything is sent."""
    stranger = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(stranger)
    async with serve(always(answer()), stranger) as server:
        assert await fault(transport, post(server.url)) == ("tls", NO, "unable to get local issuer certificate")
        await server.idle()


async def test_tls_for_another_host(transport: Transport, tls: ssl.SSLContext) -> None:
    """The certificate must be the host's."""
    async with serve(always(answer()), tls) as server:
        kind, reached, words = await fault(transport, post(server.url.replace("localhost", "127.0.0.1")))
        assert (kind, reached) == ("tls", NO)
        assert "certificate is not valid for '127.0.0.1'" in words
        await server.idle()


@pytest.mark.parametrize("greeting", [b"220 mail ready\r\n" * 10, b""], ids=["words", "silence"])
async def test_plain_text_where_tls_is_expected(transport: Transport, greeting: bytes) -> None:
    """Whatever else lives on the port, nothing was sent."""

    async def script(peer: Peer) -> None:
        await peer.send(greeting)

    async with serve(script) as server:
        kind, reached, _ = await fault(transport, post(server.url.replace("http:", "https:")))
        assert (kind, reached) == ("tls", NO)
        await server.idle()


@pytest.mark.parametrize(
    "url", ["", "/path", "ftp://localhost/", "http://", "http://[::1", "http://localhost:x/", "\n"]
)
async def test_a_url_that_cannot_be_sent_to(transport: Transport, url: str) -> None:
    """A wrong URL is a protocol fault and shows nothing of itself."""
    kind, reached, _ = await fault(transport, post(f"{url}?key={SECRET}" if "://l" in url else url))
    assert (kind, reached) == ("protocol", NO)


@pytest.mark.parametrize("header", [("x-key", f"{SECRET}\r\nx: y"), ("x-key", f"{SECRET}\xff"), (f"x {SECRET}", "y")])
async def test_a_header_that_cannot_be_sent(transport: Transport, header: tuple[str, str]) -> None:
    """An illegal header is found before the first byte; the transport goes on."""
    async with serve(always(answer())) as server:
        for _ in range(2):
            kind, reached, _ = await fault(transport, post(server.url, b"{}", header))
            assert (kind, reached) == ("protocol", NO)
            assert await exchange(transport, post(server.url)) == (200, b"{}")


async def test_a_length_that_is_not_the_body_s(client: str, transport: Transport) -> None:
    """The family has sent the head before it notices; lean looks first."""
    async with serve(once()) as server:
        kind, reached, _ = await fault(transport, post(server.url, b"longer", ("content-length", "1")))
        assert (kind, reached) == ("protocol", NO if client == "lean" else MAYBE)
        await server.idle()


CLOSED = ("read", MAYBE, "the server closed the connection without an answer")
MALFORMED = ("protocol", YES, "malformed answer")
CUT = ("read", YES, "the body was cut short")


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        pytest.param(ending(), CLOSED, id="nothing"),
        pytest.param(ending(b"HTTP/1.1 200 OK\r\nx: y\r\n"), CLOSED, id="half a head"),
        pytest.param(ending(reset=True), ("read", MAYBE, "connection reset by peer"), id="reset"),
        pytest.param(ending(answer(b"{}", "200 OK", f"{SECRET}")), MALFORMED, id="no header"),
        pytest.param(once(f"{SECRET}\r\n\r\n".encode()), MALFORMED, id="no status line"),
        pytest.param(once(b"HTTP/1.1 9x9 OK\r\n\r\n"), MALFORMED, id="no status"),
        pytest.param(once(b"\x00\xff" * 200 + b"\r\n\r\n"), MALFORMED, id="garbage"),
        pytest.param(once(b"HTTP/1.1 200 OK\r\n" + b"x-flood: y\r\n" * 20_000), MALFORMED, id="header flood"),
        pytest.param(once(b"x" * 200_000), MALFORMED, id="endless line"),
        pytest.param(once(answer(b"{}", "200 OK", "content-length: 3")), MALFORMED, id="two lengths"),
        pytest.param(once(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), MALFORMED, id="negative length"),
        pytest.param(ending(answer(b"whole")[:-1]), CUT, id="short of its length"),
        pytest.param(ending(CHUNKED, chunk(b"one")), CUT, id="last chunk missing"),
        pytest.param(ending(CHUNKED, chunk(b"one")[:-4]), CUT, id="half a chunk"),
        pytest.param(once(CHUNKED, b"xyz\r\n"), MALFORMED, id="chunk without size"),
        pytest.param(once(CHUNKED, b"5" * 200_000), MALFORMED, id="endless chunk size"),
        pytest.param(
            once(answer(b"not gzip", "200 OK", "content-encoding: gzip")),
            ("protocol", YES, "the body cannot be decompressed"),
            id="not compressed",
        ),
        pytest.param(
            once(answer(b"{}", "200 OK", "content-encoding: " + ",".join(["gzip"] * 6))),
            ("protocol", YES, "the body cannot be decompressed"),
            id="compressed too often",
        ),
    ],
)
async def test_a_broken_answer(transport: Transport, script: Script, expected: tuple[str, Reached, str]) -> None:
    """It is never a success, quotes nothing, and its connection is closed."""
    async with serve(script) as server:
        assert await fault(transport, post(server.url)) == expected
        await server.idle()


async def test_a_body_broken_off_stays_broken(transport: Transport) -> None:
    """Asked again, it does not look finished."""
    async with (
        serve(ending(CHUNKED, chunk(b"one"))) as server,
        transport.open(post(server.url), PATIENT, ignore) as answered,
    ):
        pieces = aiter(answered)
        assert await anext(pieces) == b"one"
        for _ in range(2):
            with pytest.raises(TransportError, match="read: the body was"):
                await anext(pieces)


async def test_a_kept_connection_that_the_server_resets(transport: Transport) -> None:
    """On a reused connection too nobody knows: it is not repeated here."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer())
        await peer.request()
        peer.reset()

    async with serve(script) as server:
        await exchange(transport, post(server.url))
        assert await fault(transport, post(server.url)) == ("read", MAYBE, "connection reset by peer")
        assert server.accepted == 1


async def test_a_kept_connection_that_the_server_closes_on_the_request(transport: Transport) -> None:
    """The same when it was closed with the request under way."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(answer())
        await peer.request()

    async with serve(script) as server:
        await exchange(transport, post(server.url))
        assert await fault(transport, post(server.url)) == CLOSED


async def test_a_kept_connection_found_closed_is_replaced(transport: Transport) -> None:
    """Closed before it is taken again, it is not used."""
    async with serve(ending(answer())) as server:
        for turn in range(1, 4):
            assert await exchange(transport, post(server.url)) == (200, b"{}")
            await server.idle()
            assert server.accepted == turn
