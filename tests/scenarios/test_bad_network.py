"""Networks and clocks that misbehave: a typed error that names the phase, nothing held, nothing given back early."""

from __future__ import annotations

import socket
import ssl
from typing import Any

import anyio
import attrs
import pytest
import trustme
from anyio.abc import SocketAttribute

from actorrouter import (
    CandidateConfig,
    KeyConfig,
    LimitConfig,
    NoCapacity,
    NotSent,
    OutcomeUnknown,
    Refused,
    RouteConfig,
    RouterConfig,
    RouterError,
    Secret,
    Shape,
    StreamInterrupted,
)
from actorrouter.config import TimeoutsConfig
from actorrouter.transport import shared_ssl_context
from tests.scenarios.world import EVENTS_BEGIN, base, chat, completion, facing, fleet, routed
from tests.transport.server import CHUNKED, Peer, Script, always, answer, chunk, once, serve

pytestmark = pytest.mark.anyio

MIDNIGHT = 1_700_006_400.0  # 2023-11-15 00:00 UTC

# ------------------------------------------------------------------------------------------------------------ networks


async def test_a_name_that_does_not_resolve_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent and nothing is charged."""

    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "name or service not known")

    async with routed(fleet("http://provider.invalid/v1")) as seen:
        monkeypatch.setattr(socket, "getaddrinfo", fails)
        await seen.fails(chat(), NotSent, "a: not_sent", "dns: name or service not known")
        assert seen.level("requests") == 0


async def test_a_port_where_nobody_listens_is_told_so() -> None:
    """Every send allowed is tried, by then nothing was sent."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    async with routed(fleet(f"http://127.0.0.1:{port}/v1")) as seen:
        error = await seen.fails(chat(max_attempts=2), NotSent, "connection refused", "2 sends")
        assert len(error.attempts) == 2
        assert seen.level("requests") == 0


async def test_a_certificate_nobody_vouches_for_is_told_so() -> None:
    """The secret is not sent."""
    shared_ssl_context.cache_clear()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    async with serve(always(completion()), context) as server, routed(fleet(base(server, "https"))) as seen:
        await seen.fails(chat(), NotSent, "tls: ", "certificate")
        assert seen.level("requests") == 0


async def test_a_server_that_speaks_no_tls_is_told_so() -> None:
    """Nothing was sent."""

    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 400 Bad\r\n\r\n")
        await peer.gone()

    async with serve(script) as server, routed(fleet(base(server, "https"))) as seen:
        await seen.fails(chat(), NotSent, "tls: ")


async def silent(peer: Peer) -> None:
    """Read next to nothing, and say nothing."""
    raw = peer.stream.extra(SocketAttribute.raw_socket)  # noqa: S610 -- not Django's
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await peer.stream.receive(1)
    await anyio.sleep_forever()


async def slow_secret() -> Secret:
    """A secret source that never answers."""
    await anyio.sleep_forever()
    raise AssertionError


HUGE = {"messages": [{"role": "user", "content": "x" * 8_000_000}]}
ENDLESS = once(CHUNKED, *[chunk(b" ")] * 200, pause_s=0.02)


@pytest.mark.parametrize(
    ("script", "options", "kind", "charged"),
    [
        pytest.param(silent, {"keys": frozenset("b")}, NotSent, 0, id="secret"),
        pytest.param(silent, {"scheme": "https"}, NotSent, 0, id="connect"),
        pytest.param(once(), {}, OutcomeUnknown, 1, id="first-byte"),
        pytest.param(once(CHUNKED), {}, StreamInterrupted, 1, id="body"),
        pytest.param(ENDLESS, {}, StreamInterrupted, 1, id="endless-body"),
        pytest.param(once(EVENTS_BEGIN), {"stream": True}, StreamInterrupted, 1, id="stream"),
        pytest.param(always(answer(b"", "500 Oops")), {"max_attempts": 99}, Refused, None, id="between-sends"),
    ],
)
async def test_a_deadline_ends_every_phase(
    script: Script, options: dict[str, Any], kind: type[RouterError], charged: int | None
) -> None:
    """Within half a second of it, by the error of how far the request got."""
    options = dict(options)
    async with serve(script) as server:
        config = fleet(base(server, options.pop("scheme", "http")), (LimitConfig("requests", 100, 60, Shape.SLIDING),))
        config = attrs.evolve(config, keys={**config.keys, "b": attrs.evolve(config.keys["b"], secret=slow_secret)})
        async with routed(config) as seen:
            began = anyio.current_time()
            await seen.fails(chat(deadline_s=0.3, **options), kind, "'m': " if not options.get("stream") else "key a")
            assert 0.25 < anyio.current_time() - began < 0.8
            assert charged in (None, seen.level("requests"))


async def test_a_deadline_ends_the_wait_for_room() -> None:
    """NoCapacity before the wait that was allowed."""
    async with facing(always(completion()), (LimitConfig("requests", 1, 60, Shape.SLIDING),)) as (seen, _):
        await seen.send(chat())
        with anyio.fail_after(1):
            await seen.fails(chat(deadline_s=0.1, wait_s=60.0), NoCapacity, "requests")


@pytest.mark.parametrize(
    ("timeouts", "script", "kind"),
    [
        ({"connect_s": 0.1}, silent, NotSent),
        ({"write_s": 0.1}, silent, OutcomeUnknown),
        ({"first_byte_s": 0.1}, once(), OutcomeUnknown),
        ({"idle_s": 0.1}, once(CHUNKED), StreamInterrupted),
    ],
    ids=["connect", "write", "first-byte", "idle"],
)
async def test_a_timeout_names_its_phase(timeouts: dict[str, float], script: Script, kind: type[RouterError]) -> None:
    """As a deadline, but the provider's fault."""
    (phase,) = timeouts
    async with serve(script) as server:
        config = fleet(
            base(server, "https" if phase == "connect_s" else "http"), (), timeouts=TimeoutsConfig(**timeouts)
        )
        async with routed(config) as seen:
            call = chat(body=HUGE if phase == "write_s" else {})
            await seen.fails(call, kind, "timeout: ", phase[:-2].replace("_", " "))


# -------------------------------------------------------------------------------------------------------------- clocks


class Wall:
    """A wall clock that runs on from `start` and can be moved."""

    def __init__(self, start: float) -> None:
        self.start = start - anyio.current_time()
        self.hours = 0.0

    def __call__(self) -> float:
        return self.start + self.hours * 3600 + anyio.current_time()


def two_a_day(url: str) -> RouterConfig:
    """Two requests a day for route `m`; route `free` has no limit, and every call through it reads the clock."""
    config = fleet(url, (LimitConfig("requests", 2, shape=Shape.CALENDAR, every="day"),))
    return attrs.evolve(
        config,
        keys={**config.keys, "c": KeyConfig("acme", Secret("sk-live-third"))},
        routes={**config.routes, "free": RouteConfig((CandidateConfig("acme", "upstream", ("c",)),))},
    )


@pytest.mark.parametrize("hours", [(3,), (-3,), (-36,), (6, 0), (-13, 0), (-13, 0.1, -13, 0.1), (10, -20, 2)])
async def test_a_jump_of_the_clock_gives_nothing_back(hours: tuple[float, ...]) -> None:
    """A day's calls stay made, however the clock comes about that day's own end, or back from before its beginning."""
    wall = Wall(MIDNIGHT + 12 * 3600)
    async with serve(always(completion())) as server, routed(two_a_day(base(server)), wall=wall) as seen:
        await seen.send(chat())
        await seen.send(chat())
        for wall.hours in hours:
            await seen.send(chat(model="free"))
            await seen.fails(chat(wait_s=0.0), NoCapacity, "requests")
        assert seen.level("requests") == 2


@pytest.mark.parametrize("hours", [(-1,), (-1, 0), (-1, 0.2, -0.5, 3)])
async def test_a_midnight_that_comes_twice_gives_once(hours: tuple[float, ...]) -> None:
    """What was used before and after the first counts together once the clock is back before it."""
    wall = Wall(MIDNIGHT - 0.4)
    async with serve(always(completion())) as server, routed(two_a_day(base(server)), wall=wall) as seen:
        await seen.send(chat())
        await seen.send(chat())
        await seen.fails(chat(wait_s=0.0), NoCapacity, "requests")
        await seen.send(chat(wait_s=2.0))
        assert wall() >= MIDNIGHT
        for wall.hours in hours:
            await seen.send(chat(model="free"))
            await seen.fails(chat(wait_s=0.0), NoCapacity, "requests")
