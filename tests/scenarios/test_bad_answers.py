"""Whatever bytes a provider sends: a typed error that names key, route and fault, and books that hold."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from actorrouter import (
    LimitConfig,
    NotSent,
    OutcomeUnknown,
    Refused,
    RouterError,
    Shape,
    StreamInterrupted,
    open_router,
)
from actorrouter.router import exchange
from actorrouter.values import OutcomeClass
from tests.router.world import CALL, DONE, STREAM, assert_idle, at_once, but, fleet, usage, word
from tests.scenarios.loopback import at, errors_of, facing, keeps_secret, keyed, keys_of
from tests.transport.server import CHUNKED, Peer, always, answer, chunk, ending, once

pytestmark = pytest.mark.anyio

KEYS = keys_of(["a1"])
ONCE = but(CALL, max_attempts=1, wait_s=0.2)
JSON = "content-type: application/json"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def one() -> Any:
    limits = (LimitConfig("tokens", 10_000, 60.0, Shape.BUCKET), at_once(4))
    return fleet(keyed(KEYS, "p"), pools={"p": limits})


def chat(**changes: Any) -> bytes:
    body = {"choices": [{"message": {"content": "hi"}, "finish_reason": "stop"}], "usage": usage(3, 4), **changes}
    return json.dumps(body).encode()


async def endless(peer: Peer, piece: bytes, head: bytes = CHUNKED) -> None:
    await peer.request()
    await peer.send(head)
    while True:
        await peer.send(chunk(piece))


@pytest.mark.parametrize(
    ("script", "kind", "says"),
    [
        pytest.param(ending(HEAD + b'content-length: 50\r\n\r\n{"c'), StreamInterrupted, "cut off", id="truncated"),
        pytest.param(once(HEAD + b'content-length: 50\r\n\r\n{"c'), StreamInterrupted, "timeout", id="stalled"),
        pytest.param(once(HEAD), OutcomeUnknown, "timeout", id="stalled-head"),
        pytest.param(ending(reset=True), OutcomeUnknown, "no response", id="reset"),
        pytest.param(ending(b"SSH-2.0-OpenSSH_9.6\r\n\r\n"), OutcomeUnknown, "protocol", id="not-http"),
        pytest.param(ending(HEAD + b"x: " + b"y" * 500_000), OutcomeUnknown, "no response", id="huge-head"),
        pytest.param(always(answer(b"\x00\xff garbage")), Refused, "not a JSON object", id="garbage"),
        pytest.param(always(answer(b"[" * 100_000)), Refused, "not a JSON object", id="deep"),
        pytest.param(always(answer(b"{}")), Refused, "no choices", id="empty"),
        pytest.param(always(answer(b"<p>", "200 OK", "content-type: text/html")), Refused, "text/html", id="page"),
        pytest.param(always(answer(b"no", "302 Found", "location: http://x.invalid/")), Refused, "302", id="redirect"),
        pytest.param(always(answer(b"", "999 What")), Refused, "999", id="strange-status"),
    ],
)
async def test_plain(script, kind, says):
    """An answer that cannot be used ends in an error of its kind: cut off, no response, or an answer that says no."""
    async with facing(one(), script) as router:
        error = await errors_of(router, ONCE)
        assert type(error) is kind
        assert says in str(error), str(error)
        assert "route 'm'" in str(error)
        assert isinstance(error, RouterError)
        assert error.attempts[0].key_id == "a1"
        keeps_secret(error, *KEYS.values())


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        pytest.param((chunk(word()), b"5\r\nda"), StreamInterrupted, id="truncated"),
        pytest.param((chunk(word()), b"0\r\n\r\n"), StreamInterrupted, id="ends-without-its-end"),
        pytest.param((chunk(word()), chunk(b"data: {oops\n\n")), StreamInterrupted, id="garbage-event"),
        pytest.param((chunk(DONE), b"0\r\n\r\n"), Refused, id="nothing-but-done"),
    ],
)
async def test_stream(body, kind):
    """A stream that is no whole answer never looks like one."""
    async with facing(one(), ending(EVENTS, *body)) as router:
        error = await errors_of(router, but(STREAM, max_attempts=1))
        assert type(error) is kind
        keeps_secret(error, *KEYS.values())


async def test_never_ending_error():
    """Of an error that never ends only the beginning is read, and it is judged by its status."""
    head = b"HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\n\r\n"
    async with facing(one(), partial(endless, piece=b"x" * 8192, head=head)) as router:
        error = await errors_of(router, ONCE)
        assert isinstance(error, Refused)
        assert len(error.body) <= 65_536
        assert error.attempts[0].outcome.outcome is OutcomeClass.REQUEST_BAD


@pytest.mark.parametrize(
    ("head", "piece", "call"), [(CHUNKED, b" " * 8192, CALL), (EVENTS, b": ping\n\n" * 999, STREAM)]
)
async def test_never_ending_answer(head, piece, call, monkeypatch):
    """A plain answer that never ends, and a stream of nothing but comments, are cut at their bound."""
    monkeypatch.setattr(exchange, "BODY_BYTES_MAX", 300_000)
    async with facing(one(), partial(endless, piece=piece, head=head)) as router:
        assert type(await errors_of(router, but(call, max_attempts=1))) is StreamInterrupted


async def test_headers_that_lie():
    """Limit headers that make no sense neither loosen nor break anything."""
    lies = [
        "x-ratelimit-remaining-tokens: -5",
        "x-ratelimit-limit-tokens: 1e400",
        "x-ratelimit-remaining-requests: NaN",
        "x-ratelimit-reset-tokens: soon",
        "retry-after: -1",
    ]
    async with facing(one(), always(answer(chat(), "200 OK", JSON, *lies))) as router:
        for _ in range(3):
            assert (await router.send(CALL)).status == 200
        limit = router.status()["pools"]["pool:a:p"]["limits"][0]
        assert limit["free"] + limit["held"] + limit["level"] == pytest.approx(limit["capacity"])


@pytest.mark.parametrize("said", ["-5", "1e999", "NaN", "soon", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT", ""])
async def test_retry_after_of_any_kind(said):
    """A Retry-After of any text leaves a key that comes back within the configured bound."""
    async with facing(one(), always(answer(b"{}", "429 Too Many Requests", f"retry-after: {said}"))) as router:
        assert type(await errors_of(router, ONCE)) is Refused
        wait_s = router.quote(CALL).wait_s
        assert wait_s is None or wait_s <= 3600


async def test_usage_beyond_the_reservation():
    """A usage above what was reserved is believed, charged, and told as surprise."""
    async with facing(one(), always(answer(chat(usage=usage(5000, 3000)), "200 OK", JSON))) as router:
        await router.send(CALL)
        assert router.status()["pools"]["pool:a:p"]["surprise"]["tokens"] > 7000


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/v1", "http://127.0.0.1:9/v1"])
async def test_nobody_there(url):
    """A name that does not resolve and a port where nobody listens are NotSent, and charge nothing."""
    async with open_router(at(one(), a=url)) as router:
        error = await errors_of(router, ONCE)
        assert type(error) is NotSent
        assert "dns" in str(error) or "connect" in str(error)
        assert router.status()["pools"]["pool:a:p"]["limits"][0]["level"] == 0
        keeps_secret(error, *KEYS.values())
        assert_idle(router)
