"""Bad input from callers and providers: a typed error that says what and where, and nothing held."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from actorrouter import (
    BudgetConfig,
    Charge,
    InvalidCall,
    LimitConfig,
    NoCapacity,
    OutcomeUnknown,
    PriceConfig,
    Refused,
    RouterError,
    Shape,
    StreamInterrupted,
)
from actorrouter.config import TimeoutsConfig
from tests.scenarios.world import (
    EVENTS_BEGIN,
    PIECE,
    SECRETS,
    base,
    by_key,
    chat,
    completion,
    facing,
    fleet,
    routed,
)
from tests.transport.server import CHUNKED, Peer, Script, always, answer, chunk, ending, once, serve

pytestmark = pytest.mark.anyio

HTML = ("content-type: text/html",)
JSON = ("content-type: application/json",)
ECHO = b'{"error": {"message": "no such key: %b", "code": "invalid_api_key"}}'

# ------------------------------------------------------------------------------------------------------------- callers


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (chat(model="gone"), ("unknown model 'gone'", "routes are: m")),
        (chat(keys=frozenset({"zz"})), ("unknown key 'zz'",)),
        (chat(max_tokens=-1), ("max_tokens must be",)),
        (chat(body={"messages": "hello"}), ("messages must be a list",)),
        (chat(body={"temperature": float("nan")}), ("'m'",)),
        (chat(units={"jobs": float("inf")}), ("units must be numbers",)),
        (chat(path="/../admin"), ("path must be",)),
    ],
)
async def test_a_call_that_cannot_be_sent_is_refused_at_once(call: Any, words: tuple[str, ...]) -> None:
    """The provider sees no connection."""
    async with facing(always(completion())) as (seen, server):
        await seen.fails(call, InvalidCall, *words)
        assert server.accepted == 0


@pytest.mark.parametrize(
    "limit",
    [
        LimitConfig("tokens", 100, 60, Shape.BUCKET),
        LimitConfig("tokens", 1000, 60, Shape.BUCKET, burst=100),
        LimitConfig("tokens", 100, 60, Shape.SLIDING, Charge.ACTUAL),
        LimitConfig("tokens", 100, 60, Shape.FIXED, Charge.UP_FRONT_THEN_SETTLE),
        LimitConfig("tokens", 100, shape=Shape.CALENDAR, every="month"),
        LimitConfig("tokens", 100, 60, Shape.UNKNOWN),
        LimitConfig("output_tokens", 100, 60, Shape.SLIDING, Charge.LIVE),
        LimitConfig("concurrency", 2),
    ],
    ids=lambda limit: f"{limit.dimension}-{limit.shape}-{limit.burst}",
)
async def test_what_never_fits_a_limit_is_told_so_without_waiting(limit: LimitConfig) -> None:
    """InvalidCall names the dimension, and every refusal is final; a call that fits goes through."""
    async with facing(always(completion()), (limit,)) as (seen, server):
        call = chat(max_tokens=500, units={"concurrency": 3}, wait_s=60.0)
        with anyio.fail_after(1):
            error = await seen.fails(call, InvalidCall, limit.dimension)
        assert error.refusals
        assert all(refusal.final for refusal in error.refusals)
        assert server.accepted == 0
        await seen.send(chat(max_tokens=5))


async def test_what_never_fits_a_budget_is_told_so_without_waiting() -> None:
    """InvalidCall names the budget."""
    price = PriceConfig(output_usd_per_mtok=Decimal(1_000_000))
    async with serve(always(completion())) as server:
        config = fleet(base(server))
        route = config.routes["m"]
        dear = tuple(attrs.evolve(each, price=price) for each in route.candidates)
        config = attrs.evolve(
            config,
            routes={"m": attrs.evolve(route, candidates=dear)},
            budgets={"cap": BudgetConfig(Decimal(20), every=None)},
        )
        async with routed(config) as seen:
            await seen.fails(chat(max_tokens=21, wait_s=60.0), InvalidCall, "cap")
            await seen.send(chat(max_tokens=20))


# ----------------------------------------------------------------------------------------------------------- providers


@pytest.mark.parametrize("said", [-5, 10**30, True, "7", 7.5, None, [7], {"n": 7}])
async def test_usage_nobody_can_believe_is_estimated(said: object) -> None:
    """The pool is charged what was counted here, and the reply says so."""
    usage = dict.fromkeys(("prompt_tokens", "completion_tokens", "total_tokens"), said)
    async with facing(always(completion(usage))) as (seen, _):
        reply = await seen.send(chat())
        assert reply.usage.estimated
        assert 0 < reply.usage.amounts["tokens"] < 100
        assert seen.level("tokens") == reply.usage.amounts["tokens"]


@pytest.mark.parametrize("said", [0, [], "", -1, {"prompt_tokens": {}}, True])
async def test_usage_of_the_wrong_shape_is_estimated(said: object) -> None:
    """Whatever stands in its place."""
    async with facing(always(completion(said))) as (seen, _):
        assert (await seen.send(chat())).usage.estimated


GARBLED = [
    pytest.param(ending(b"\x16\x03\x01 what?\r\n\r\n"), OutcomeUnknown, "malformed answer", id="not-http"),
    pytest.param(ending(b"HTTP/1.1 200 OK\r\ncontent-le"), OutcomeUnknown, "without an answer", id="half-a-head"),
    pytest.param(ending(), OutcomeUnknown, "without an answer", id="nothing"),
    pytest.param(ending(reset=True), OutcomeUnknown, "reset", id="reset"),
    pytest.param(ending(completion()[:-9]), StreamInterrupted, "cut short", id="truncated"),
    pytest.param(ending(CHUNKED + b"zz\r\n"), StreamInterrupted, "malformed", id="bad-chunk"),
    pytest.param(always(answer(b"{", "200 OK", *JSON)), Refused, "not a JSON object", id="half-json"),
    pytest.param(always(answer(b"\xff\x00", "200 OK", *JSON)), Refused, "not a JSON object", id="not-text"),
    pytest.param(always(answer(b"[" * 99_999, "200 OK", *JSON)), Refused, "not a JSON object", id="deep"),
    pytest.param(always(answer(b"[]", "200 OK", *JSON)), Refused, "not a JSON object", id="a-list"),
    pytest.param(always(answer(b'{"choices": 7}', "200 OK", *JSON)), Refused, "no choices", id="no-choices"),
    pytest.param(always(answer(b"", "200 OK", *JSON)), Refused, "not a JSON object", id="empty"),
    pytest.param(always(answer(b"<p>Hi", "200 OK", *HTML)), Refused, "text/html", id="wrong-type"),
    pytest.param(
        always(answer(b"<title>Bad gateway</title>", "502 Bad Gateway", *HTML)), Refused, "502", id="error-page"
    ),
    pytest.param(always(answer(b"<title>Moved", "302 Found", "location: /v2")), Refused, "302", id="redirect"),
    pytest.param(
        always(answer(b'{"error": {"message": "overloaded", "code": 503}}', "200 OK", *JSON)),
        Refused,
        "overloaded",
        id="error-in-200",
    ),
    pytest.param(always(answer(ECHO % SECRETS[0].encode(), "400 Bad", *JSON)), Refused, "no such key", id="echo"),
    pytest.param(always(answer(SECRETS[0].encode() * 9, "500 Oops")), Refused, "500", id="echo-plain"),
]


@pytest.mark.parametrize(("script", "kind", "words"), GARBLED)
async def test_an_answer_that_is_none_is_a_typed_error(script: Script, kind: type[RouterError], words: str) -> None:
    """It names the key and what was wrong, and never the secret, not even one the provider repeats."""
    async with facing(script) as (seen, server):
        error = await seen.fails(chat(), kind, "a: ", words)
        assert [attempt.key_id for attempt in error.attempts] == ["a"]
        assert server.accepted == 1
        assert seen.level("requests") == 1


@pytest.mark.parametrize(("status", "kind"), [("200 OK", StreamInterrupted), ("500 Oops", Refused)])
async def test_an_answer_without_end_is_left_at_its_bound(status: str, kind: type[RouterError]) -> None:
    """64 MiB of an answer, 64 KiB of an error; then its connection is closed."""
    piece = chunk(b"x" * 1_000_000)

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(CHUNKED.replace(b"200 OK", status.encode()))
        while True:
            await peer.send(piece)

    async with facing(script) as (seen, server):
        error = await seen.fails(chat(), kind, status[:3] if status[0] == "5" else "too large")
        assert len(getattr(error, "body", b"")) <= 64 * 1024
        await server.idle()


@pytest.mark.parametrize(
    "script",
    [
        ending(EVENTS_BEGIN),
        ending(EVENTS_BEGIN, reset=True),
        ending(EVENTS_BEGIN + b"0\r\n\r\n"),
        ending(EVENTS_BEGIN + b"zz"),
        once(EVENTS_BEGIN + chunk(b'data: {"error": {"message": "sk-live/9f", "code": 500}}\n\n')),
        once(EVENTS_BEGIN + chunk(b"data: \xff{\n\n")),
    ],
    ids=["closed", "reset", "no-done", "bad-chunk", "error-event", "garbage-event"],
)
async def test_a_stream_that_breaks_says_how_much_came(script: Script) -> None:
    """StreamInterrupted, settled by then; what was delivered stands."""
    got = bytearray()

    async def read() -> None:
        async with seen.router.stream(chat(stream=True, max_attempts=4)) as reply:
            async for piece in reply:
                got.extend(piece)

    async with facing(script, timeouts=TimeoutsConfig(idle_s=0.5)) as (seen, server):
        error = await seen.breaks(read, StreamInterrupted, "key a: stream broke after")
        assert error.delivered_bytes == len(got) >= len(PIECE)
        assert bytes(got).startswith(PIECE)
        assert server.accepted == 1
        assert 0 < seen.level("tokens") < 100


async def test_a_key_revoked_in_flight_gives_way_to_another() -> None:
    """Both calls in flight on it are answered by the other key; the revoked one is disabled and asked no more."""
    asked: list[str] = []
    both = anyio.Event()

    async def script(peer: Peer) -> None:
        while True:
            request = await peer.request()
            asked.append("a" if SECRETS[0].encode() in request else "b")
            if asked[-1] == "a":
                both.set() if asked == ["a", "a"] else await both.wait()
            await peer.send(answer(ECHO % SECRETS[0].encode(), "401 No", *JSON) if asked[-1] == "a" else completion())

    async with facing(script) as (seen, _):
        replies: list[Any] = []

        async def call() -> None:
            replies.append(await seen.send(chat()))

        async with anyio.create_task_group() as group:
            group.start_soon(call)
            group.start_soon(call)
        assert [reply.key_id for reply in replies] == ["b", "b"]
        assert [str(reply.attempts[0].outcome.outcome) for reply in replies] == ["key_fatal"] * 2
        assert seen.router.status()["keys"]["a"]["state"] == "disabled"
        await seen.send(chat())
        assert asked == ["a", "a", "b", "b", "b"]


async def test_when_every_key_is_revoked_the_error_names_each() -> None:
    """Refused with both attempts; the next call is not sent at all."""
    gone = {key: answer(ECHO % secret.encode(), "401 No") for key, secret in zip("ab", SECRETS, strict=True)}
    async with facing(by_key(**gone)) as (seen, _):
        error = await seen.fails(chat(), Refused, "a: key_fatal 401", "b: key_fatal 401")
        assert not any(secret.encode() in error.body for secret in SECRETS)
        await seen.fails(chat(), NoCapacity, "disabled")
