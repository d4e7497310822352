"""A second send beside one that gives no content."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from actorrouter import NoCapacity, OutcomeUnknown, Refused
from actorrouter.errors import Attempt
from actorrouter.observe.laws import LawBook
from actorrouter.router.grants import Grant
from actorrouter.simulation.world import callers
from actorrouter.simulation.world.rehearse import rehearse
from actorrouter.values import OutcomeClass
from tests.router.steps import CUT, SILENT, calls_made
from tests.router.world import (
    CALL,
    SSE,
    STREAM,
    WRITTEN,
    Step,
    assert_idle,
    at_once,
    but,
    demand,
    fleet,
    no,
    ok,
    requests,
    running,
    word,
    words,
)
from tests.simulation.test_catalogue import scenario, told

pytestmark = pytest.mark.anyio

PLAIN, HEDGED = but(CALL, hedge_s=2.0), but(STREAM, hedge_s=2.0)
POOLS: dict[str, Any] = {"p": (requests(10_000, 1e7),), "q": (requests(10_000, 1e7),)}
TWO = fleet({"a1": ("p",), "a2": ("q",)}, pools=POOLS)
SLOW: list[Step] = [WRITTEN, 50.0, *ok()]
SILENT_STREAM = [WRITTEN, SSE, *[step for _ in range(20) for step in (5.0, b": ping\n\n")], *words(1)[2:]]


async def test_the_first_to_give_content_wins() -> None:
    """No content for 2 s: another key of other pools is asked, and answers; the first is cancelled and both charged."""
    async with running(TWO) as (router, upstream):
        upstream.scripts.extend([SILENT_STREAM, words(3)])
        async with router.stream(HEDGED) as reply:
            assert anyio.current_time() == pytest.approx(2, abs=0.1)
            assert upstream.live == 1
            assert (await reply.read()).count(b"word ") == 3
        first, second = reply.attempts
        assert (first.outcome.outcome, second.outcome.outcome) == (OutcomeClass.CANCELLED, OutcomeClass.SUCCEEDED)
        assert second.hedge_of == first.key_id
        assert first.hedge_of == ""
        assert reply.key_id == second.key_id
        levels = [pool["limits"][0]["level"] for pool in router.status()["pools"].values()]
        assert levels == pytest.approx([1, 1], abs=0.01)
        assert router.status()["providers"]["a"]["state"] == "closed"


async def test_a_quick_answer_is_not_hedged() -> None:
    """Content within `hedge_s`: one send, one charge, nothing taken from the retry budget."""
    async with running(TWO) as (router, upstream):
        before = router.fleet.providers["a"].retries.balance
        slow: list[Step] = [WRITTEN, 1.9, SSE, word(), *words(2, pause_s=5.0)[2:]]
        for call, script in ((PLAIN, ok(after_s=1.9)), (HEDGED, slow)):
            upstream.scripts.append(script)
            reply = await router.send(call)
            assert len(reply.attempts) == 1
        assert len(upstream.asked) == 2
        assert router.fleet.providers["a"].retries.balance == before


async def test_the_first_may_still_win() -> None:
    """A second send that is slower is cancelled, and the first answers."""
    async with running(TWO) as (router, upstream):
        upstream.scripts.extend([ok(after_s=3.0), SLOW])
        reply = await router.send(PLAIN)
        assert anyio.current_time() == pytest.approx(3, abs=0.1)
        hedge, first = reply.attempts
        assert (hedge.hedge_of, first.hedge_of) == (first.key_id, "")
        assert hedge.outcome.message == "another key was first"
        assert first.outcome.outcome is OutcomeClass.SUCCEEDED


@pytest.mark.parametrize(
    ("keys", "pools"),
    [
        ({"a1": ("p",), "a2": ("p",)}, {"p": ()}),
        ({"a1": ("p", "q"), "a2": ("q",)}, {"p": (), "q": ()}),
        ({"a1": ()}, {}),
        ({"a1": ("p",), "a2": ("q",)}, {"p": (), "q": (at_once(0),)}),
    ],
    ids=["same pool", "one pool shared", "one key", "no room"],
)
async def test_only_on_other_pools_that_have_room(keys: Any, pools: Any) -> None:
    """What keeps the first back would keep the second back: then there is none, and nobody waits for one."""
    async with running(fleet(keys, pools=pools)) as (router, upstream):
        upstream.otherwise = tuple(ok(after_s=10.0))
        await router.send(but(PLAIN, keys=frozenset({"a1"}) if len(keys) > 1 and "q" not in pools else frozenset()))
        assert len(upstream.asked) == 1


async def test_what_it_costs_does_not_grow_with_the_keys() -> None:
    """To find a key on another pool takes as many steps among three hundred that share one as among three."""
    assert await cost_of_another(300) == await cost_of_another(3)


async def cost_of_another(sharing: int) -> int:
    keys = {f"a{n}": ("p",) for n in range(sharing)} | {"a999": ("q",)}
    async with running(fleet(keys, pools=POOLS)) as (router, _):
        slow = demand(router, PLAIN)
        first = router.admission.attempt(slow)
        assert isinstance(first, Grant)
        found: list[Any] = []
        made = calls_made(lambda: found.append(router.admission.attempt(slow.beside(first.seat.key))))
        assert found[0].key_id == "a999"
        for grant in (first, found[0]):
            grant.release()
    return made


async def test_it_needs_the_retry_budget_and_an_attempt() -> None:
    """No budget, or no attempt left: no second send. With it, it costs one."""
    poor = fleet({"a1": (), "a2": ()}, provider={"retry_ratio": 0.0, "retry_reserve": 0.0})
    async with running(poor) as (router, upstream):
        upstream.otherwise = tuple(ok(after_s=10.0))
        await router.send(PLAIN)
        assert len(upstream.asked) == 1
    async with running(TWO) as (router, upstream):
        upstream.otherwise = tuple(ok(after_s=10.0))
        await router.send(but(PLAIN, max_attempts=1))
        assert len(upstream.asked) == 1
        before = router.fleet.providers["a"].retries.balance
        await router.send(PLAIN)
        assert router.fleet.providers["a"].retries.balance == before - 1


async def test_never_more_than_one() -> None:
    """A call whose two sends fail repeats like any other, and is not hedged again."""
    async with running(fleet([f"a{n}" for n in range(1, 6)])) as (router, upstream):
        upstream.scripts.extend([[WRITTEN, 5.0, *no(500)[1:]], no(500), ok(after_s=30.0)])
        reply = await router.send(PLAIN)
        assert [bool(attempt.hedge_of) for attempt in reply.attempts] == [True, False, False]
        assert len(upstream.asked) == 3


@pytest.mark.parametrize("hedge_takes_s", [0.5, 20.0])
async def test_if_both_fail_the_first_decides(hedge_takes_s: float) -> None:
    """Whichever of them fails sooner, the error is that of the first send (R45)."""
    async with running(TWO) as (router, upstream):
        upstream.scripts.extend([[WRITTEN, 10.0, *no(400, "bad")[1:]], [WRITTEN, hedge_takes_s, *no(500)[1:]]])
        with pytest.raises(Refused) as caught:
            await router.send(PLAIN)
        assert caught.value.status == 400
        assert [attempt.outcome.status for attempt in caught.value.attempts] == [500, 400]


async def test_a_first_that_fails_leaves_the_second_its_chance() -> None:
    """The first breaks while the second is under way: the second answers."""
    async with running(TWO) as (router, upstream):
        upstream.scripts.extend([[WRITTEN, 5.0, *CUT[1:]], ok(after_s=10.0)])
        reply = await router.send(PLAIN)
        assert anyio.current_time() == pytest.approx(12, abs=0.1)
        assert [bool(attempt.hedge_of) for attempt in reply.attempts] == [False, True]


async def test_a_first_that_fails_before_is_repeated_at_once() -> None:
    """A failure within `hedge_s` is repeated as ever; nobody waits for the time to pass."""
    async with running(TWO) as (router, upstream):
        upstream.scripts.append(no(401, "invalid_api_key"))
        assert len((await router.send(PLAIN)).attempts) == 2
        assert anyio.current_time() < 0.1


async def test_the_deadline_ends_both() -> None:
    """A deadline that passes while both are silent: outcome unknown, exactly then, both settled."""
    async with running(TWO) as (router, upstream):
        upstream.otherwise = tuple(SLOW)
        with pytest.raises(OutcomeUnknown, match="deadline passed"):
            await router.send(but(PLAIN, deadline_s=5))
        assert anyio.current_time() == pytest.approx(5, abs=0.01)
        assert_idle(router)


async def test_a_bug_comes_out_as_it_is() -> None:
    """An exception in either send is raised alone, not in a group, and nothing stays open."""
    bug: list[Step] = [WRITTEN, 5.0, ZeroDivisionError()]
    for scripts in ([bug, SLOW], [SLOW, bug]):
        async with running(TWO) as (router, upstream):
            upstream.scripts.extend(scripts)
            with pytest.raises(ZeroDivisionError):
                await router.send(PLAIN)
            assert_idle(router)


async def test_cancelled_at_any_moment() -> None:
    """A caller that leaves at any await, before the second send, during both or after, leaves nothing behind."""
    async with running(TWO) as (router, upstream):
        for steps in range(400):
            upstream.scripts.clear()
            upstream.scripts.extend([[WRITTEN, 5.0, *words(3, pause_s=1.0)[1:]], [WRITTEN, 2.0, *words(3)[1:]]])
            before = anyio.current_time()
            with anyio.move_on_after(steps * 0.025) as scope:
                await router.send(HEDGED)
            assert_idle(router)
            assert upstream.live == 0
            router.fleet.providers["a"].retries.balance = 10.0
            if not scope.cancelled_caught:
                break
        assert anyio.current_time() - before >= 4


async def test_dropped_after_the_race() -> None:
    """A hedged stream that is dropped is ended like any other."""
    async with running(TWO) as (router, upstream):
        upstream.scripts.extend([SILENT_STREAM, words(30, pause_s=1.0)])
        journey = router.stream(HEDGED)
        reply = await journey.__aenter__()
        await anext(reply)
        del journey, reply
        await anyio.sleep(0.001)
        assert router.status()["abandoned_streams"] == 1
        assert_idle(router)


async def test_nobody_is_passed_in_the_queue() -> None:
    """While others wait for room a second send takes none of it."""
    config = fleet({"a1": (), "a2": ("q",)}, pools={"q": (at_once(1),)})
    async with running(config) as (router, upstream):
        held = await router.reserve("m", {}, keys={"a2"})
        upstream.otherwise = tuple(ok(after_s=6.0))
        order: list[str] = []

        async def other() -> None:
            with pytest.raises(NoCapacity):
                await router.send(but(CALL, keys=frozenset({"a2"}), wait_s=4.0))
            order.append("waited")

        async with anyio.create_task_group() as group:
            group.start_soon(other)
            await router.send(but(PLAIN, keys=frozenset()))
        assert len(upstream.asked) == 1
        held.release()


async def test_law_5_counts_a_hedge_as_a_repeat() -> None:
    """The checker sees each second send as a burden on the provider that was slow, won or lost."""
    async with running(TWO) as (router, upstream):
        laws = LawBook(router)
        for scripts in ([SLOW, ok()], [ok(after_s=3.0), SLOW], [SILENT, ok()]):
            upstream.scripts.extend(scripts)
            call = but(PLAIN, repeat_unknown=True)
            laws.answered(await router.send(call), call)
        laws.close()
        assert not laws.violations, str(laws)
        assert laws.load._repeats["a"] == 3
        router.fleet.providers["a"].retries.balance = 1000.0
        for _ in range(12):
            upstream.scripts.extend([SLOW, ok()])
            laws.answered(await router.send(PLAIN), PLAIN)
        assert {violation.law for violation in laws.violations} == {5}


@pytest.mark.parametrize("path", ["fast", "full"])
def test_a_rehearsal_with_hedges_keeps_every_law(path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that hang are hedged, on the heap as with tasks and the real client."""
    plain, hedges = callers.Callers.call_of, list[Attempt]()
    monkeypatch.setattr(callers.Callers, "call_of", lambda self, arrival: but(plain(self, arrival), hedge_s=1.0))
    answered = LawBook.answered

    def note(self: Any, reply: Any, call: Any = None) -> None:
        hedges.extend(attempt for attempt in reply.attempts if attempt.hedge_of)
        answered(self, reply, call)

    monkeypatch.setattr(LawBook, "answered", note)
    ending = rehearse(scenario("hangs-and-timeouts"), 1, path)
    assert not ending.violations, told(ending)
    assert hedges
