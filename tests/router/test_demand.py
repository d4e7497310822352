"""What a call needs of a candidate: the adapter's estimate, corrected by what was learned there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from actorrouter import Call, CandidateConfig, Charge, InvalidCall, LimitConfig, RouteConfig, Shape
from actorrouter.router.demand import Demand
from actorrouter.simulation.world.rehearse import rehearse
from actorrouter.simulation.world.scenario import loads_scenario
from tests.router.world import CALL, DONE, SSE, WRITTEN, but, fleet, ok, running, word

pytestmark = pytest.mark.anyio

SETTLES = {"tokens": Charge.UP_FRONT_THEN_SETTLE, "input_tokens": Charge.UP_FRONT_THEN_SETTLE}
LONG = Call("m", {"messages": [{"role": "user", "content": "word " * 800}], "max_tokens": 10})


def of(router: Any, call: Call = LONG) -> Mapping[str, Any]:
    """What the call would reserve at the first candidate."""
    route = router.fleet.routes[call.model]
    return Demand(route, call).amounts(route.candidates[0])


@pytest.mark.parametrize("true", [0.5, 2.0])
async def test_reservations_converge_to_what_the_provider_counts(true: float) -> None:
    """A hundred calls after the first, input is reserved within a tenth of the truth; output as it was."""
    async with running(fleet(provider={"charge": SETTLES})) as (router, upstream):
        counted = of(router)["input_tokens"]
        upstream.otherwise = tuple(ok(int(counted * true), 3))
        for _ in range(100):
            await router.send(LONG)
        amounts = of(router)
        assert counted * true <= amounts["input_tokens"] <= counted * true * 1.1
        assert amounts["output_tokens"] == 10
        assert amounts["tokens"] == amounts["input_tokens"] + 10
        told = router.status()["estimates"]["a/up"]
        assert (told["calls"], told["ratio"]) == (100, pytest.approx(true, rel=0.05))


async def test_a_model_is_learned_once_whatever_the_route() -> None:
    """Routes to the same upstream model share what was learned; another model knows nothing of it."""
    routes = {
        name: RouteConfig((CandidateConfig("a", model),)) for name, model in (("m", "up"), ("n", "up"), ("o", "x"))
    }
    async with running(fleet(routes=routes)) as (router, upstream):
        counted = of(router)["input_tokens"]
        upstream.otherwise = tuple(ok(3 * counted, 3))
        await router.send(LONG)
        assert of(router, but(LONG, model="n"))["input_tokens"] == pytest.approx(3 * counted, rel=0.01)
        assert of(router, but(LONG, model="o"))["input_tokens"] == counted


async def test_what_the_caller_names_is_not_touched() -> None:
    """`call.units` and `reserve` are taken at their word, and teach nothing."""
    async with running(fleet(provider={"charge": SETTLES})) as (router, upstream):
        upstream.otherwise = tuple(ok(3000, 3))
        await router.send(but(LONG, units={"input_tokens": 5}))
        (await router.reserve("m", {"input_tokens": 5})).settle({"input_tokens": 50})
        assert router.status()["estimates"]["a/up"]["calls"] == 0
        await router.send(LONG)
        assert of(router, but(LONG, units={"input_tokens": 5}))["tokens"] == 15
        assert of(router, but(LONG, units={"tokens": 7}))["tokens"] == 7
        assert of(router, but(LONG, units={"tokens": 7}))["input_tokens"] > 2900


async def test_usage_that_was_counted_here_teaches_nothing() -> None:
    """Only what the provider told does: its silence would confirm any estimate."""
    async with running(fleet()) as (router, upstream):
        upstream.otherwise = (WRITTEN, SSE, word(), word("", "stop"), DONE)
        await router.send(but(LONG, stream=True))
        assert router.status()["estimates"]["a/up"]["calls"] == 0


@pytest.mark.parametrize(
    ("provider", "factor"),
    [
        ({}, 1.0),
        ({"charge": {"input_tokens": Charge.UP_FRONT_THEN_SETTLE}}, 0.5),
        ({"charge": {"*": Charge.ACTUAL}}, 0.5),
        ({"charge": {"tokens": Charge.UP_FRONT, "input_tokens": Charge.ACTUAL}}, 1.0),
        ({"charge": SETTLES, "estimate": "bytes"}, 1.0),
    ],
)
async def test_less_is_reserved_only_where_the_provider_corrects(provider: Mapping[str, Any], factor: float) -> None:
    """Who charges an estimate of its own up front, or is told to go by bytes, is never reserved less."""
    async with running(fleet(provider=provider)) as (router, upstream):
        upstream.otherwise = tuple(ok(of(router)["input_tokens"] // 2, 3))
        for _ in range(150):
            await router.send(LONG)
        assert router.status()["estimates"]["a/up"]["factor"] == pytest.approx(factor, abs=0.03)


async def test_a_decision_tells_what_was_counted() -> None:
    """Beside what that comes to."""
    async with running(fleet(provider={"charge": SETTLES})) as (router, upstream):
        upstream.otherwise = tuple(ok(3000, 3))
        await router.send(LONG)
        decision = router.decision((await router.send(LONG)).decision_id)
        assert decision is not None
        assert decision.counted < decision.amounts["input_tokens"]
        assert (await router.send(but(CALL, units={"input_tokens": 5}))).decision_id > decision.decision_id


STORM = """
title = "Chinese"
duration_s = 300
bytes_per_token = 2
[router]
cold_start = "empty"
[router.providers.p]
estimate = "learned"
charge = { input_tokens = "up_front_then_settle" }
[router.keys.k]
provider = "p"
limits = [{ dimension = "input_tokens", amount = 20000, window_s = 60, shape = "sliding" }]
[router.routes.chat]
wait_s = 200
candidates = [{ provider = "p", model = "m" }]
[workload.callers]
kind = "poisson"
rate_per_s = 1.0
models = { chat = 1 }
input = { kind = "constant", tokens = 600 }
output = { kind = "constant", tokens = 20 }
"""


def test_what_was_learned_keeps_the_provider_from_refusing() -> None:
    """Texts that come to twice the estimate: far fewer refusals and far less used beyond what was reserved, and the
    laws hold either way."""
    learned = rehearse(loads_scenario(STORM))
    by_bytes = rehearse(loads_scenario(STORM.replace('"learned"', '"bytes"')))
    assert learned.violations == by_bytes.violations == ()
    refused, beyond = (
        [ending.figures[name] for ending in (learned, by_bytes)] for name in ("provider_429_ours", "surprise_tokens")
    )
    assert refused[0] < refused[1] / 4
    assert beyond[0] < beyond[1] / 10


@pytest.mark.parametrize("words", [1200, 2000])
async def test_what_was_learned_makes_no_call_too_big(words: int) -> None:
    """A call that fits as counted goes, though what was learned of small ones would reserve more than there is of the
    limit at all; one that does not fit as counted is refused at once."""
    limit = LimitConfig("input_tokens", 400, 60.0, Shape.SLIDING, guard_s=0.0)
    large = but(CALL, body={"messages": [{"role": "user", "content": "x" * words}], "max_tokens": 10}, wait_s=300.0)
    async with running(fleet({"a1": ("org",)}, pools={"org": (limit,)})) as (router, upstream):
        upstream.otherwise = tuple(ok(3 * of(router, CALL)["input_tokens"]))
        for _ in range(5):
            await router.send(CALL)
        counted = -(-(words + 75) // 4)
        assert of(router, large)["input_tokens"] > max(400, 2 * counted)
        if counted > 400:
            with pytest.raises(InvalidCall, match="larger than any limit"):
                await router.send(large)
        else:
            assert (await router.send(large)).status == 200
