"""Law 5: more repeats than the retry budget, or more sends than the call allows, are found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actorrouter import Call, LimitConfig, ProviderConfig, Refused, RouterError
from actorrouter.errors import Attempt
from actorrouter.events import Cleared, Granted, Settled
from actorrouter.observe.laws.load import Load
from actorrouter.router.retry import RetryBudget
from actorrouter.transport.port import Timeouts
from actorrouter.values import HttpRequest, Outcome, OutcomeClass, Scope
from tests.observe.laws.world import broken, one_pool, watched

pytestmark = pytest.mark.anyio
on_trio = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)


class Answer:
    """A provider's answer in memory."""

    headers = {"content-type": "application/json"}  # noqa: RUF012

    def __init__(self, status: int) -> None:
        self.status = status

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b"{}"


class Always:
    """A transport whose provider answers with one status for ever."""

    def __init__(self, status: int) -> None:
        self._status = status

    @asynccontextmanager
    async def open(
        self, request: HttpRequest, timeouts: Timeouts, on_written: Callable[[], None]
    ) -> AsyncIterator[Answer]:
        del request, timeouts
        on_written()
        yield Answer(self._status)

    async def aclose(self) -> None:
        """Nothing is open."""


async def send_all(router: Any, laws: Any, call: Call, calls: int) -> None:
    """Send the call so many times; tell the law book what came of it."""
    for key in router.fleet.keys.values():
        key.transport = Always(500)
    for _ in range(calls):
        try:
            laws.answered(await router.send(call), call)
        except RouterError as error:
            laws.failed(error, call)


CONFIG = one_pool(LimitConfig("requests", 100_000), keys=3)


def test_a_repeat_that_goes_elsewhere_is_no_first_send_there() -> None:
    """p fails each call, q serves it: all 60 were first sends of p and pay for 10 + 12 repeats; none was one of q."""
    found: list[str] = []
    load = Load(lambda _law, _at, what: found.append(what), dict.fromkeys("pq", ProviderConfig("http://x.invalid")))
    failed, served = Outcome(OutcomeClass.CAPACITY, Scope.PROVIDER), Outcome(OutcomeClass.SUCCEEDED, Scope.NONE)

    def call(number: int, *sends: tuple[str, Outcome]) -> None:
        attempts = [Attempt(name, "u", outcome, 10 * number + at) for at, (name, outcome) in enumerate(sends)]
        for attempt in attempts:
            load.granted(Granted(0.0, 0, attempt.key_id, "u", "m", {}, 0.0, (f"circuit:{attempt.key_id}",), 0))
        load.attempted(attempts, [attempt.key_id for attempt in attempts], None, 0.0)

    for number in range(38):
        call(number, ("p", served))
    for number in range(38, 60):
        call(number, ("p", failed), ("q", served))
    assert found == []
    call(60, ("p", failed), ("q", served))
    assert any("provider p was burdened with 23 repeats for 61 first sends" in each for each in found)
    for number in range(61, 72):
        call(number, ("p", served), ("q", failed), ("p", served))
    assert any("provider q was burdened with 11 repeats for 0 first sends" in each for each in found)


def refusal(load: Load, number: int, retry_at: float | None) -> Attempt:
    """A send on pool p, refused at second 10."""
    holders = ("circuit:p", "pool:p:x")
    load.granted(Granted(10.0, number, "k", "u", "m", {}, 99.0, holders, number))
    said = (OutcomeClass.RATE_LIMITED, Scope.POOL)
    load.settled(Settled(10.0, number, "k", holders, *said, {}, {}, retry_at=retry_at), number, holders)
    return Attempt("k", "u", Outcome(*said, 429), number)


@pytest.mark.parametrize(("retry_at", "paid"), [(17.0, 0), (10.05, 30), (None, 30)])
def test_repeats_after_a_told_wait_need_no_budget(retry_at: float | None, paid: int) -> None:
    """Thirty refusals that each told a wait cost no budget; one too short to pace anybody, or none told, does."""
    found: list[str] = []
    load = Load(
        lambda _law, _at, what: found.append(what),
        {"p": ProviderConfig("http://x.invalid", retry_ratio=0, retry_reserve=29)},
    )
    for number in range(30):
        first = refusal(load, 2 * number, retry_at)
        load.forgiven(Cleared(10.0, ("pool:p:x",)))
        load.attempted([first, refusal(load, 2 * number + 1, None)], ["p", "p"], None, 10.0)
    assert load._repeats["p"] == paid
    assert bool(found) == (paid > 29)


def test_a_pool_used_before_the_told_instant_is_found() -> None:
    """Told to wait until second 17, a grant at 16.9 breaks the law and one at 17 does not; nor one after an operator's
    word, or beyond the longest hint that is honoured."""
    found: list[str] = []
    load = Load(lambda _law, _at, what: found.append(what), {}, hint_max_s=3600.0)

    def granted(at: float) -> list[str]:
        found.clear()
        load.granted(Granted(at, 9, "k", "u", "m", {}, 99.0, ("circuit:p", "pool:p:x"), 9))
        return list(found)

    refusal(load, 1, 17.0)
    assert granted(16.9) == ["pool:p:x granted 0.100 s before the instant its provider had told"]
    assert granted(17.0) == []
    refusal(load, 2, 40.0)
    load.forgiven(Cleared(11.0, ("pool:p:x",)))
    assert granted(12.0) == []
    refusal(load, 3, 1e6)
    assert granted(3611.0) == []


@on_trio
async def test_a_provider_that_fails_is_not_burdened_beyond_its_budget() -> None:
    """The router as it is: every call fails, and the load rises by no more than the ratio."""
    async with watched(CONFIG) as (router, laws):
        await send_all(router, laws, Call("m", wait_s=600.0), 150)
        laws.close()
        assert not laws.violations, str(laws)
        assert laws.load._repeats["p"] > 10


@on_trio
async def test_retries_that_ignore_the_budget_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that always tries again multiplies the load."""
    monkeypatch.setattr(RetryBudget, "withdraw", lambda _: True)
    async with watched(CONFIG) as (router, laws):
        await send_all(router, laws, Call("m", wait_s=600.0), 60)
        assert broken(laws) == {5}
        assert len(laws.violations) == 1


async def test_more_sends_than_a_call_allows_are_found() -> None:
    """Three times the same work when two are allowed."""
    again = Outcome(OutcomeClass.TRANSIENT, Scope.PROVIDER, 500)
    error = Refused("3 sends, the most allowed", attempts=[Attempt("k0", "u", again, 90 + n) for n in range(3)])
    async with watched(CONFIG) as (_, laws):
        laws.failed(error, Call("m", max_attempts=2))
        assert 5 in broken(laws)


async def test_two_sends_on_one_reservation_are_found() -> None:
    """A retry is a fresh reservation."""
    again = Outcome(OutcomeClass.TRANSIENT, Scope.PROVIDER, 500)
    error = Refused("retry budget of provider 'p' is spent", attempts=[Attempt("k0", "u", again, 90)] * 2)
    async with watched(CONFIG) as (_, laws):
        laws.failed(error, Call("m"))
        assert 5 in broken(laws)
        assert "one reservation" in str(laws)
