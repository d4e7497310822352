"""Law 4: an error without a listed reason, without a why, or for nothing is found."""

from __future__ import annotations

from typing import Any

import pytest

from actorrouter import (
    Call,
    InvalidCall,
    LimitConfig,
    NoCapacity,
    NotSent,
    OutcomeUnknown,
    Refused,
    RouterStopped,
    Shape,
    StreamInterrupted,
)
from actorrouter.errors import ActorFailed, Attempt, RouterError
from actorrouter.observe.decisions import Decision, Tried
from actorrouter.observe.laws.needless import Needless
from actorrouter.router.waiting import Waiting
from actorrouter.values import SCOPE_OF, Basis, Outcome, OutcomeClass, Refusal
from tests.observe.laws.world import broken, one_pool, watched

SAID = Refusal("pool:p:shared", "requests of 5 per 60 s are in use", 12.0)


def tried(*outcomes: OutcomeClass) -> tuple[Attempt, ...]:
    """Sends that came to this."""
    return tuple(
        Attempt("k", "u", Outcome(outcome, SCOPE_OF[outcome]), number) for number, outcome in enumerate(outcomes)
    )


def caused(error: RouterError, cause: Exception) -> RouterError:
    """The error, raised from another."""
    error.__cause__ = cause
    return error


def complaints(error: BaseException, call: Call | None = None, state: str = "running", **known: Decision) -> list[str]:
    """What the checker says of one error."""
    found: list[str] = []
    decisions = {decision.decision_id: decision for decision in known.values()}
    judge = Needless(lambda _law, _at, what: found.append(what), decisions.get, lambda: state, lambda: 0.0)
    judge.failed(error, call, None, 0.0)
    return found


RATE_LIMITED, BAD = OutcomeClass.RATE_LIMITED, OutcomeClass.REQUEST_BAD
UNKNOWN, NOT_SENT, FATAL = OutcomeClass.UNKNOWN, OutcomeClass.NOT_SENT, OutcomeClass.KEY_FATAL


@pytest.mark.parametrize(
    "error",
    [
        NoCapacity("no room", refusals=[SAID]),
        caused(NoCapacity("its waiting room failed"), ActorFailed("x")),
        InvalidCall("unknown model"),
        Refused("bad request", attempts=tried(BAD)),
        Refused("retry budget of provider 'p' is spent", attempts=tried(RATE_LIMITED)),
        Refused("4 sends, the most allowed", attempts=tried(*[RATE_LIMITED] * 4)),
        caused(Refused("no other key", attempts=tried(FATAL)), NoCapacity("none", refusals=[SAID])),
        NotSent("retry budget of provider 'p' is spent", attempts=tried(NOT_SENT)),
        OutcomeUnknown("no response", attempts=tried(UNKNOWN)),
        StreamInterrupted("cut", delivered_bytes=3, attempts=tried(OutcomeClass.BROKEN)),
    ],
)
def test_a_listed_reason_with_its_why_passes(error: RouterError) -> None:
    """Nothing to complain about."""
    assert complaints(error) == []


@pytest.mark.parametrize(
    ("error", "call", "said"),
    [
        (ValueError("x"), None, "not a listed reason"),
        (ActorFailed("x"), None, "not a listed reason"),
        (NoCapacity("no room"), None, "names no refusal"),
        (NoCapacity("no", refusals=[Refusal("k", "", 1.0)]), None, "why or when"),
        (NoCapacity("no", refusals=[Refusal("k", "in use", basis=Basis.LEARNED)]), None, "why or when"),
        (RouterStopped("stopped"), None, "though the router runs"),
        (InvalidCall("too large", refusals=[SAID]), None, "not final"),
        (InvalidCall("bad", attempts=tried(BAD)), None, "a key was asked"),
        (NotSent("no", attempts=tried(BAD, NOT_SENT)), None, "reached a provider"),
        (Refused("no", attempts=()), None, "names no attempt"),
        (Refused("busy", attempts=tried(RATE_LIMITED)), None, "another candidate could"),
        (Refused("dead key", attempts=tried(FATAL)), None, "another candidate could"),
        (OutcomeUnknown("?", attempts=tried(BAD)), None, "after k: request_bad"),
        (OutcomeUnknown("?", attempts=tried(UNKNOWN)), Call("m", repeat_unknown=True), "another candidate could"),
        (StreamInterrupted("?", delivered_bytes=0), None, "names no attempt"),
    ],
)
def test_what_has_no_listed_reason_is_found(error: Exception, call: Call | None, said: str) -> None:
    """One complaint at least, and it says what is missing."""
    assert any(said in each for each in complaints(error, call)), complaints(error, call)


def test_a_decision_that_gives_no_reason_is_found() -> None:
    """An error may leave the why to its decision, but there it must be."""
    silent = Decision(3, 0.0, "m", "", "headroom", {})
    told = Decision(4, 0.0, "m", "", "headroom", {}, tried=(Tried("k", 0, 0, 0, (SAID,)),))
    assert any("gives no reason" in each for each in complaints(NoCapacity("no", decision_id=3), silent=silent))
    assert complaints(NoCapacity("no", decision_id=4), told=told) == []


def test_a_key_can_never_grant_if_one_of_its_holders_cannot() -> None:
    """Another holder that is only busy changes nothing; but each key that was asked must have said never."""
    never = Refusal("budget:x", "2 USD can never fit 1", dimension="cost", final=True)
    decided = Decision(4, 0.0, "m", "", "headroom", {}, tried=(Tried("k", 0, 0, 0, (SAID, never)),))
    error = InvalidCall("too large", refusals=[SAID, never], decision_id=4)
    assert complaints(error, told=decided) == []
    decided.tried += (Tried("k2", 0, 0, 0, (SAID,)),)
    assert any("not final" in each for each in complaints(error, told=decided))


@pytest.mark.parametrize(
    ("foretold", "complains"), [(None, True), (7.0, True), (7.5, False), (8.0, False), (8.1, True)]
)
def test_room_foretold_for_an_instant_that_has_come_by_now_was_no_lie(foretold: float | None, complains: bool) -> None:
    """Decided at 7, asked again at 8: who would grant then may have been full when it was decided."""
    found: list[str] = []
    told = Decision(4, 7.0, "m", "", "headroom", {}, tried=(Tried("k", 0, 0, 0, (SAID,)),))
    judge = Needless(lambda _law, _at, what: found.append(what), {4: told}.get, lambda: "running", lambda: 8.0)
    judge.failed(NoCapacity("no", decision_id=4, available_at=foretold, available_in_s=0.0), None, lambda: "k", 7.1)
    assert any("would grant" in each for each in found) is complains


@pytest.mark.anyio
async def test_a_refusal_although_somebody_would_grant_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The evidence is asked for at the instant of the error."""

    async def refuse(waiting: Any, demand: Any, wait_until: float) -> Any:
        del wait_until
        raise waiting._no_capacity(demand, waiting._admission.quote(demand), "not today")

    async with watched(one_pool(LimitConfig("requests", 5, 60, Shape.SLIDING))) as (router, laws):
        monkeypatch.setattr(Waiting, "acquire", refuse)
        with pytest.raises(NoCapacity) as caught:
            await router.reserve("m", {})
        laws.failed(caught.value, None, lambda: router.quote(Call("m")).key_id)
        assert 4 in broken(laws)
        assert "but k0 would grant" in str(laws)


@pytest.mark.anyio
async def test_a_limit_that_is_really_full_is_no_needless_failure() -> None:
    """Now, after waiting, and larger than ever fits: each error is right."""
    async with watched(one_pool(LimitConfig("requests", 1, 60, Shape.SLIDING))) as (router, laws):
        with await router.reserve("m", {}):
            for amounts, wait_s in (({}, 0.0), ({}, 0.05), ({"requests": 2}, 1.0)):
                with pytest.raises(RouterError) as caught:
                    await router.reserve("m", amounts, wait_s=wait_s)
                laws.failed(caught.value, None, lambda: router.quote(Call("m")).key_id)
        laws.close()
        assert not laws.violations, str(laws)
