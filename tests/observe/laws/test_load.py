"""Law 5: more repeats than the retry budget, or more sends than the call allows, are found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from actorrouter import Call, LimitConfig, ProviderConfig, Refused, RouterError
from actorrouter.errors import Attempt
from actorrouter.events import Granted
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
