"""HTTP/1.1 as bytes on a real loopback socket."""

import anyio
import pytest

from .clients import ask, chat, connect, opened

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"\x16\x03\x01 this is not HTTP\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400"),
        (b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\nno request\r\n\r\n", b"404"),
        (b"GET /" + b"a" * 100_000, b"431"),
        (b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n" + b"a" * 9_000_000, b"413"),
    ],
)
async def test_what_is_not_http_is_told_so(sent, status):
    """The connection ends after the answer, and the next one is served."""
    async with opened() as client:
        async with await connect(client) as stream, anyio.create_task_group() as tasks:
            tasks.start_soon(send_quietly, stream, sent)
            assert (await stream.receive()).startswith(b"HTTP/1.1 " + status)
            tasks.cancel_scope.cancel()
        assert (await ask(client, **chat())).status_code == 200


async def send_quietly(stream: anyio.abc.ByteStream, sent: bytes) -> None:
    try:
        await stream.send(sent)
    except anyio.BrokenResourceError:
        return


async def test_requests_sent_ahead_are_answered_in_order():
    """Two at once on one connection, the first still in service when the second arrives; HEAD has no body."""
    job = b'POST /v1/jobs HTTP/1.1\r\nhost: x\r\nx-api-key: secret-b\r\ncontent-length: 12\r\n\r\n{"units":%d}'
    async with opened() as client, await connect(client) as stream:
        await stream.send(job % 10 + (job % 20) + b"HEAD /nowhere HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        received = b"".join([part async for part in stream])
        assert received.index(b'"units": 10') < received.index(b'"units": 20') < received.index(b"HTTP/1.1 404")
        assert received.endswith(b"\r\n\r\n")
