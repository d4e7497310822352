"""One call: reserve, send, settle, and again if the outcome allows."""

from __future__ import annotations

import gc
from typing import Any

import anyio
import attrs
import pytest

from actorrouter import (
    CandidateConfig,
    CircuitConfig,
    InvalidCall,
    KeyConfig,
    NoCapacity,
    NotSent,
    OutcomeUnknown,
    Refused,
    RouteConfig,
    RouterStopped,
    Secret,
    StreamInterrupted,
)
from actorrouter.transport.port import Reached
from actorrouter.values import OutcomeClass
from tests.router.world import (
    CALL,
    SSE,
    STREAM,
    WRITTEN,
    Head,
    Step,
    Upstream,
    assert_idle,
    at_once,
    but,
    event,
    fault,
    fleet,
    no,
    ok,
    requests,
    running,
    secret_of,
    words,
)

pytestmark = pytest.mark.anyio

GARBAGE: list[Step] = [WRITTEN, Head(), b"not json"]
CUT: list[Step] = [WRITTEN, Head(), b'{"choices": [', fault("read", Reached.YES)]
NOT_REACHED: list[Step] = [fault("connect", Reached.NO)]
SILENT: list[Step] = [WRITTEN, fault("timeout", Reached.MAYBE)]


def states(router):
    status = router.status()
    return {key: each["state"] for key, each in status["keys"].items()}


class TestOutcomes:
    @pytest.mark.parametrize(
        ("script", "outcome", "state"),
        [
            (no(401, "invalid_api_key"), OutcomeClass.KEY_FATAL, "disabled"),
            (no(404, "model_not_found"), OutcomeClass.MODEL_SCOPE, "available"),
            (no(429, "insufficient_quota"), OutcomeClass.QUOTA_SPENT, "available"),
            (no(429, "rate_limit_exceeded"), OutcomeClass.RATE_LIMITED, "available"),
            (no(503, "server_is_overloaded"), OutcomeClass.CAPACITY, "available"),
            (no(500), OutcomeClass.TRANSIENT, "available"),
            (GARBAGE, OutcomeClass.BROKEN, "available"),
            (CUT, OutcomeClass.BROKEN, "available"),
            (NOT_REACHED, OutcomeClass.NOT_SENT, "available"),
            ([fault("proxy", Reached.NO)], OutcomeClass.NOT_SENT, "throttled"),
        ],
    )
    async def test_another_key_answers(self, script, outcome, state):
        """After an outcome that another key need not share, another key answers, and the reply says what happened."""
        async with running(fleet({"a1": ("p1",), "a2": ("p2",)}, pools={"p1": (), "p2": ()})) as (router, upstream):
            upstream.scripts.append(script)
            reply = await router.send(CALL)
            assert reply.json()["choices"]
            assert [attempt.outcome.outcome for attempt in reply.attempts] == [outcome, OutcomeClass.SUCCEEDED]
            assert states(router)[reply.attempts[0].key_id] == state
            if outcome in (OutcomeClass.KEY_FATAL, OutcomeClass.MODEL_SCOPE, OutcomeClass.RATE_LIMITED):
                assert reply.attempts[0].key_id != reply.key_id

    @pytest.mark.parametrize(
        ("script", "outcome"),
        [
            (no(400, "context_length_exceeded"), OutcomeClass.CONTEXT),
            (no(400, "content_filter"), OutcomeClass.CONTENT),
            (no(400, "bad"), OutcomeClass.REQUEST_BAD),
        ],
    )
    async def test_the_requests_own_fault_is_not_repeated(self, script, outcome):
        """A no that every key would share is raised at once, blames nobody, and carries the provider's own words."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append(script)
            with pytest.raises(Refused) as caught:
                await router.send(CALL)
            assert [attempt.outcome.outcome for attempt in caught.value.attempts] == [outcome]
            assert caught.value.status == 400
            assert b'"error"' in caught.value.body
            assert len(upstream.asked) == 1
            assert set(states(router).values()) == {"available"}

    async def test_unknown_is_not_repeated(self):
        """Written and no response: raised as unknown, after one send, charged as reserved."""
        async with running(fleet(pools={"p": (requests(10),)}, keys={"a1": ("p",)})) as (router, upstream):
            upstream.scripts.append(SILENT)
            with pytest.raises(OutcomeUnknown) as caught:
                await router.send(CALL)
            assert len(upstream.asked) == 1
            assert "written, but no response" in str(caught.value)
            assert caught.value.attempts[0].key_id == "a1"
            assert router.status()["pools"]["pool:a:p"]["limits"][0]["level"] > 0.9

    async def test_unknown_is_repeated_if_the_call_allows(self):
        """`repeat_unknown` sends again, and both charges stand."""
        async with running(fleet({"a1": ("p",)}, pools={"p": (requests(10),)})) as (router, upstream):
            upstream.scripts.append(SILENT)
            reply = await router.send(but(CALL, repeat_unknown=True))
            assert len(reply.attempts) == 2
            assert router.status()["pools"]["pool:a:p"]["limits"][0]["level"] > 1.8

    async def test_unknown_to_the_end_is_unknown(self):
        """Repeats that all stay without a response are not told as a provider's no."""
        async with running(fleet()) as (router, upstream):
            upstream.otherwise = tuple(SILENT)
            with pytest.raises(OutcomeUnknown):
                await router.send(but(CALL, repeat_unknown=True, max_attempts=2))
            assert len(upstream.asked) == 2

    async def test_nothing_sent_is_not_a_refusal(self):
        """If no send ever left the process the error is NotSent, with every attempt."""
        async with running(fleet()) as (router, upstream):
            upstream.otherwise = tuple(NOT_REACHED)
            with pytest.raises(NotSent) as caught:
                await router.send(CALL)
            assert not isinstance(caught.value, NoCapacity)
            assert len(caught.value.attempts) == CALL.max_attempts

    async def test_unknown_then_unreachable_is_unknown(self):
        """A connection refused after a send without response does not make the first one undone."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append(SILENT)
            upstream.otherwise = tuple(NOT_REACHED)
            with pytest.raises(OutcomeUnknown):
                await router.send(but(CALL, repeat_unknown=True))

    async def test_a_cut_answer_is_interrupted(self):
        """A plain answer that is cut off every time is told as an answer that began and did not end."""
        async with running(fleet()) as (router, upstream):
            upstream.otherwise = tuple(CUT)
            with pytest.raises(StreamInterrupted) as caught:
                await router.send(CALL)
            assert caught.value.delivered_bytes == 0
            assert "read" in str(caught.value.attempts[-1].outcome.message)

    async def test_garbage_is_refused_with_its_body(self):
        """An answer that ended but cannot be understood is told with its body."""
        async with running(fleet()) as (router, upstream):
            upstream.otherwise = tuple(GARBAGE)
            with pytest.raises(Refused) as caught:
                await router.send(CALL)
            assert caught.value.body == b"not json"


class TestBounds:
    async def test_max_attempts(self):
        """The same work is sent at most `max_attempts` times."""
        async with running(fleet()) as (router, upstream):
            upstream.otherwise = tuple(no(500))
            with pytest.raises(Refused, match="3 sends, the most allowed") as caught:
                await router.send(but(CALL, max_attempts=3))
            assert len(upstream.asked) == len(caught.value.attempts) == 3

    async def test_retry_budget(self):
        """When everything fails, load rises by the ratio and the reserve, not by max_attempts (R46)."""
        config = fleet(provider={"retry_ratio": 0.2, "retry_reserve": 5.0})
        async with running(config) as (router, upstream):
            upstream.otherwise = tuple(no(500))
            for _ in range(100):
                with pytest.raises(Refused):
                    await router.send(CALL)
            assert 100 < len(upstream.asked) <= 100 + 5 + 0.2 * 100 + 1

    async def test_a_bad_key_costs_no_retry(self):
        """Walking past keys that the provider rejects touches neither the retry budget nor `max_attempts`."""
        keys = [f"a{number}" for number in range(8)]
        config = fleet(keys, provider={"retry_ratio": 0.0, "retry_reserve": 0.0})
        async with running(config) as (router, upstream):
            upstream.scripts.extend(
                [no(401, "invalid_api_key")] * 4 + [no(404, "model_not_found")] * 3  # seven of eight
            )
            reply = await router.send(but(CALL, max_attempts=1))
            assert len(reply.attempts) == 8
            assert len({secret for secret, _ in upstream.asked}) == 8

    async def test_all_keys_failing_is_told_at_once(self):
        """When every key has been rejected the call does not wait for one to come back."""
        async with running(fleet()) as (router, upstream):
            upstream.otherwise = tuple(no(401, "invalid_api_key"))
            began = anyio.current_time()
            with pytest.raises(Refused, match="nobody can") as caught:
                await router.send(CALL)
            assert anyio.current_time() - began < 0.1
            assert len(caught.value.attempts) == 2
            assert caught.value.status == 401
            with pytest.raises(NoCapacity) as caught_next:
                await router.send(CALL)
            assert {refusal.holder for refusal in caught_next.value.refusals} == {"key:a1", "key:a2"}
            assert anyio.current_time() - began < 0.1

    async def test_failover_to_another_provider(self):
        """While a provider is down its calls are answered by the other one."""
        async with running(fleet(["a1", "b1"], providers=["a", "b"])) as (router, upstream):
            down, up = Upstream(otherwise=no(503)), upstream
            router.fleet.keys["a1"].transport = down
            for _ in range(5):
                assert (await router.send(CALL)).key_id == "b1"
            assert len(up.asked) == 5

    async def test_a_rejecting_pool_leaves_the_other_alone(self):
        """A 429 pauses the pool of the key it came for, not the provider's other pools."""
        config = fleet({"a1": ("p",), "a2": ("p",), "a3": ("q",)}, pools={"p": (), "q": ()})
        async with running(config) as (router, upstream):
            upstream.scripts.append(no(429, "rate_limit_exceeded", retry_after="60"))
            with pytest.raises(Refused):
                await router.send(but(CALL, keys=frozenset({"a1"}), wait_s=1))
            for _ in range(10):
                assert (await router.send(CALL)).key_id == "a3"
            assert states(router) == {"a1": "available", "a2": "available", "a3": "available"}
            assert router.status()["pools"]["pool:a:p"]["state"] == "throttled"

    async def test_retry_after_is_honoured(self):
        """With nowhere else to go the repeat comes when the provider asked for it, not before."""
        async with running(fleet({"a1": ("p",)}, pools={"p": ()})) as (router, upstream):
            upstream.scripts.append(no(429, "rate_limit_exceeded", retry_after="7"))
            reply = await router.send(CALL)
            (_, first), (_, second) = upstream.asked
            assert 7.0 <= second - first < 7.5
            assert reply.attempts[0].outcome.retry_after_s == 7.0

    async def test_retry_after_beyond_the_wait_is_told(self):
        """If the provider asks for longer than the call may wait, the error says so at once, and when."""
        async with running(fleet({"a1": ("p",)}, pools={"p": ()})) as (router, upstream):
            upstream.scripts.append(no(429, "rate_limit_exceeded", retry_after="100"))
            began = anyio.current_time()
            with pytest.raises(Refused) as caught:
                await router.send(but(CALL, wait_s=10))
            assert anyio.current_time() - began < 0.1
            assert caught.value.available_in_s == pytest.approx(100, abs=0.5)
            assert caught.value.status == 429

    async def test_time_on_the_wire_is_not_waiting(self):
        """A send that took longer than `wait_s` leaves the repeat its time to wait for capacity."""
        async with running(fleet({"a1": ("p",)}, pools={"p": ()})) as (router, upstream):
            upstream.scripts.append([50.0, *no(429, "rate_limit_exceeded", retry_after="5")])
            assert (await router.send(but(CALL, wait_s=10))).status == 200

    async def test_draining_meanwhile_is_not_told_as_not_sent(self):
        """A call that reached a provider and may not repeat because the router drains raises Refused."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append([1.0, *no(500)])

            async def one():
                with pytest.raises(Refused) as caught:
                    await router.send(CALL)
                assert isinstance(caught.value.__cause__, RouterStopped)

            async with anyio.create_task_group() as group:
                group.start_soon(one)
                await anyio.sleep(0.5)
                assert await router.drain(5)


class TestDeadline:
    async def test_before_anything_is_sent(self):
        """A deadline that passes before the connection is made gives NotSent and charges nothing."""
        async with running(fleet({"a1": ("p",)}, pools={"p": (requests(10),)})) as (router, upstream):
            upstream.scripts.append([5.0, *ok()])
            with pytest.raises(NotSent, match="deadline passed"):
                await router.send(but(CALL, deadline_s=2))
            assert router.status()["pools"]["pool:a:p"]["limits"][0]["level"] == 0

    async def test_no_time_left_sends_nothing(self):
        """A call without time asks no provider."""
        async with running(fleet()) as (router, upstream):
            with pytest.raises(NotSent):
                await router.send(but(CALL, deadline_s=0))
            assert upstream.asked == []

    async def test_after_it_was_written(self):
        """A deadline that passes while waiting for the answer gives OutcomeUnknown, exactly then."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append([WRITTEN, 50.0, *ok()])
            began = anyio.current_time()
            with pytest.raises(OutcomeUnknown, match="deadline passed"):
                await router.send(but(CALL, deadline_s=2, repeat_unknown=True))
            assert anyio.current_time() - began == pytest.approx(2)

    async def test_inside_the_answer(self):
        """A deadline that passes inside an answer gives StreamInterrupted, plain or streamed."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append([WRITTEN, Head(), b'{"choices":', 50.0, b"[]}"])
            with pytest.raises(StreamInterrupted):
                await router.send(but(CALL, deadline_s=2))
            upstream.scripts.append(words(10, pause_s=1.0))
            with pytest.raises(StreamInterrupted, match="deadline passed") as caught:
                await router.send(but(STREAM, deadline_s=2.5))
            assert caught.value.delivered_bytes > 0

    async def test_inside_an_error_the_status_counts(self):
        """A 429 whose body does not come in time is a 429 all the same."""
        async with running(fleet({"a1": ("p",)}, pools={"p": ()})) as (router, upstream):
            upstream.scripts.append([WRITTEN, Head(429, {"retry-after": "30"}), 50.0])
            with pytest.raises(Refused):
                await router.send(but(CALL, deadline_s=2))
            assert router.status()["pools"]["pool:a:p"]["state"] == "throttled"

    async def test_no_repeat_without_time(self):
        """The pause before a repeat ends at the deadline, and then nothing is sent (R43, R68)."""
        async with running(fleet()) as (router, upstream):
            upstream.otherwise = (0.02, *no(500))
            began = anyio.current_time()
            with pytest.raises(Refused):
                await router.send(but(CALL, deadline_s=0.05))
            assert anyio.current_time() - began < 0.06
            assert len(upstream.asked) == 1


class TestStream:
    async def test_to_its_end(self):
        """A stream that ends well settles with the usage the provider told, and no byte is missing."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append(words(3))
            async with router.stream(STREAM) as reply:
                chunks = [chunk async for chunk in reply]
                assert reply.usage.amounts["output_tokens"] == 3
                assert not reply.usage.estimated
            assert b"".join(chunks).count(b"word ") == 3
            assert_idle(router)

    async def test_left_at_done_is_a_success(self):
        """A caller that stops reading at [DONE] has had the whole answer: it counts as a success."""
        seen: list[Any] = []
        async with running(fleet({"a1": ("p",)}, pools={"p": ()}), observers=[seen.append]) as (router, upstream):
            upstream.scripts.append([*words(2), 10.0])
            async with router.stream(STREAM) as reply:
                async for chunk in reply:
                    if b"[DONE]" in chunk:
                        break
            assert reply.attempts[-1].outcome.outcome is OutcomeClass.SUCCEEDED
            assert reply.usage.amounts["output_tokens"] == 2

    async def test_left_early_counts_what_was_written(self):
        """A caller that leaves early pays for what was written so far, as an estimate, and blames nobody."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append(words(50))
            async with router.stream(STREAM) as reply:
                await anext(reply)
                await anext(reply)
            assert_idle(router)
            outcome = reply.attempts[-1].outcome
            assert outcome.outcome is OutcomeClass.CANCELLED
            assert outcome.usage is not None
            assert outcome.usage.estimated
            assert 0 < outcome.usage.amounts["output_tokens"] < 50
            with pytest.raises(StreamInterrupted):
                await anext(reply)
            with pytest.raises(RuntimeError, match="stream"):
                _ = reply.body

    async def test_truncated_is_never_a_success(self):
        """A stream that ends without its end raises, also when read again, after the bytes that did come."""
        for end in ([], [fault("read", Reached.YES)], [b"data: {garbage\n\n"]):
            async with running(fleet()) as (router, upstream):
                upstream.scripts.append(words(3, end=end))
                got = b""
                with pytest.raises(StreamInterrupted) as caught:  # noqa: PT012 -- what came is wanted too
                    async with router.stream(STREAM) as reply:
                        async for chunk in reply:
                            got += chunk
                assert got.count(b"word ") == 3
                assert caught.value.delivered_bytes == len(got)
                with pytest.raises(StreamInterrupted):
                    await reply.read()
                assert len(upstream.asked) == 1

    async def test_a_fault_before_content_is_repeated(self):
        """A stream that breaks before any content is answered by another send; the caller never sees the first."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append([WRITTEN, SSE, b": hello\n\n", event({"error": {"message": "no", "code": "500"}})])
            upstream.scripts.append(words(2))
            async with router.stream(STREAM) as reply:
                whole = await reply.read()
            assert whole.count(b"word ") == 2
            assert len(upstream.asked) == 2

    async def test_an_error_inside_a_stream_is_handed_on(self):
        """An error event after content reaches the caller and is not repeated (R17)."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append(words(2, end=[event({"error": {"message": "too much", "code": "400"}})]))
            with pytest.raises(StreamInterrupted, match="too much"):
                await router.send(STREAM)
            assert len(upstream.asked) == 1

    async def test_forgotten_stream_expires(self):
        """A stream whose owner is gone without leaving it is charged in full when its lease ends."""
        config = fleet({"a1": ("p",)}, pools={"p": (requests(10, 1000), at_once(1))}, lease_s=20.0)
        async with running(config) as (router, upstream):
            upstream.scripts.append(words(5))
            journey = router.stream(STREAM)
            reply = await journey.__aenter__()
            del journey, reply
            gc.collect()
            await anyio.sleep(19)
            assert router.status()["open"] == 1
            await anyio.sleep(2)
            assert router.status()["open"] == 0
            assert router.status()["pools"]["pool:a:p"]["expired"] == 1
            assert (await router.send(CALL)).key_id == "a1"
            upstream.live -= 1  # nobody has left the forgotten one

    async def test_body_of_an_open_stream(self):
        """Asking a stream that is still open for its body says how to read it."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append(words(2))
            async with router.stream(STREAM) as reply:
                with pytest.raises(RuntimeError, match="iterate it"):
                    _ = reply.body


class TestCancelling:
    @pytest.mark.parametrize("call", [CALL, STREAM], ids=["plain", "stream"])
    async def test_at_every_await(self, call):
        """A call cancelled at any await leaves nothing reserved, held or connected, and the next one is served."""
        config = fleet(
            {"a1": ("p", "q"), "a2": ("p", "r")}, pools={"p": (requests(1000), at_once(2)), "q": (), "r": ()}
        )
        async with running(config) as (router, upstream):
            for steps in range(100):
                upstream.scripts.extend([no(401, "invalid_api_key"), words(4) if call.stream else ok()])
                ended = await _cancelled_after(router, call, steps)
                assert_idle(router)
                assert upstream.live == 0
                upstream.scripts.clear()
                for key_id in ("a1", "a2"):
                    router.clear_key(key_id)
                if ended:
                    break
            else:
                raise AssertionError("never came to its end")
            assert steps >= 6
            assert (await router.send(CALL)).status == 200

    async def test_while_waiting_for_capacity(self):
        """A call cancelled in the queue leaves no place behind."""
        async with running(fleet({"a1": ("p",)}, pools={"p": (at_once(1),)})) as (router, upstream):
            upstream.scripts.append(ok(after_s=5.0))
            async with anyio.create_task_group() as group:
                group.start_soon(router.send, CALL)
                await anyio.sleep(0.1)
                with anyio.move_on_after(1) as scope:
                    await router.send(CALL)
                assert scope.cancelled_caught
                assert router.status()["routes"]["m"]["waiting"] == 0

    async def test_says_nothing_about_the_provider(self):
        """Callers that go away open no circuit and blame no key (B28)."""
        config = fleet(provider={"circuit": CircuitConfig(consecutive_failures=2)})
        async with running(config) as (router, upstream):
            upstream.otherwise = (WRITTEN, 100.0, *ok())
            for _ in range(5):
                with anyio.move_on_after(1):
                    await router.send(CALL)
            assert router.status()["providers"]["a"]["state"] == "closed"
            assert set(states(router).values()) == {"available"}


async def _cancelled_after(router, call, checkpoints: int) -> bool:
    """Run the call and cancel it at its nth return to the loop. True: it ended before."""
    done = False

    async def one(scope: anyio.CancelScope) -> None:
        nonlocal done
        with scope:
            await router.send(call)
            done = True

    scope = anyio.CancelScope()
    async with anyio.create_task_group() as group:
        group.start_soon(one, scope)
        for _ in range(checkpoints):
            await anyio.lowlevel.checkpoint()
        scope.cancel()
    return done


class Source:
    """Fetches numbered secrets."""

    def __init__(self, *faults: Exception | None, takes_s: float = 0.0) -> None:
        self.faults = list(faults)
        self.takes_s = takes_s
        self.fetched = 0

    async def __call__(self) -> Secret:
        self.fetched += 1
        mine = self.fetched
        await anyio.sleep(self.takes_s)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        return Secret(f"sk-fetched-{mine}")


class TestRefreshingSecrets:
    def fleet(self, source: Source, *others: str, **options: Any) -> Any:
        return fleet({"a1": KeyConfig("a", source), **dict.fromkeys(others, ())}, **options)

    async def test_fetched_once_for_all(self):
        """Calls that start together share one fetch."""
        source = Source(takes_s=1.0)
        async with running(self.fleet(source)) as (router, _upstream), anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(router.send, CALL)
        assert source.fetched == 1

    async def test_rejected_once_is_fetched_anew(self):
        """A rejected secret is replaced and the call sent again, without the retry budget and without blame."""
        source = Source()
        config = self.fleet(source, provider={"retry_ratio": 0.0, "retry_reserve": 0.0})
        async with running(config) as (router, upstream):
            upstream.scripts.append(no(401, "invalid_api_key"))
            reply = await router.send(but(CALL, max_attempts=1))
            assert [secret for secret, _ in upstream.asked] == ["sk-fetched-1", "sk-fetched-2"]
            assert [a.outcome.outcome for a in reply.attempts] == [OutcomeClass.KEY_FATAL, OutcomeClass.SUCCEEDED]
            assert states(router) == {"a1": "available"}

    async def test_rejected_twice_blames_the_key(self):
        """A fresh secret that is rejected too disables the key."""
        async with running(self.fleet(Source(), "a2")) as (router, _upstream):
            rejecting = router.fleet.keys["a1"].transport = Upstream(otherwise=no(401, "invalid_api_key"))
            while router.status()["keys"]["a1"]["state"] == "available":
                assert (await router.send(CALL)).key_id == "a2"
            assert len(rejecting.asked) == 2
            assert states(router) == {"a1": "disabled", "a2": "available"}

    async def test_many_in_flight_with_the_old_one(self):
        """Calls in flight when a secret runs out are all repeated with the new one; the key is not blamed."""
        source = Source()
        async with running(self.fleet(source, provider={"retry_reserve": 0.0})) as (router, upstream):
            upstream.scripts.extend([[WRITTEN, 1.0 + n / 10, *no(401, "invalid_api_key")[1:]] for n in range(10)])
            async with anyio.create_task_group() as group:
                for _ in range(10):
                    group.start_soon(router.send, CALL)
            assert source.fetched == 2
            assert states(router) == {"a1": "available"}
            assert router.status()["keys"]["a1"]["served"] == 10

    async def test_a_failing_source_blames_the_key_only(self):
        """If the callable raises, another key answers, the provider is not blamed, and the text of it is not shown."""
        source = Source(*[ValueError("sk-very-secret")] * 5)
        async with running(self.fleet(source, "a2")) as (router, _upstream):
            seen = set()
            for _ in range(4):
                reply = await router.send(CALL)
                assert reply.key_id == "a2"
                seen |= {attempt.outcome.message for attempt in reply.attempts}
            assert any("ValueError" in message for message in seen)
            assert not any("very-secret" in message for message in seen)
            assert states(router)["a1"] == "throttled"
            assert router.status()["providers"]["a"]["state"] == "closed"

    async def test_a_source_that_returns_no_secret(self):
        """A callable that returns a plain string is a fault of that key."""

        async def plain():
            return "sk-plain"

        async with running(fleet({"a1": KeyConfig("a", plain)})) as (router, _):
            with pytest.raises(NotSent, match="TypeError") as caught:
                await router.send(but(CALL, wait_s=0))
            assert "sk-plain" not in repr(caught.value)


class TestRecovery:
    async def test_circuit_opens_and_one_probe_closes_it(self):
        """After failures in a row nothing is sent until the open time is over; then one probe, then everybody."""
        circuit = CircuitConfig(consecutive_failures=3, open_s=10.0)
        config = fleet(provider={"circuit": circuit, "retry_reserve": 0.0, "retry_ratio": 0.0})
        async with running(config) as (router, upstream):
            upstream.scripts.extend([no(500)] * 3)
            for _ in range(3):
                with pytest.raises(Refused):
                    await router.send(CALL)
            assert router.status()["providers"]["a"]["state"] == "open"
            with pytest.raises(NoCapacity, match="circuit open"):
                await router.send(but(CALL, wait_s=1))
            assert len(upstream.asked) == 3
            opened_at = anyio.current_time()
            upstream.scripts.append(ok(after_s=2.0))
            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(router.send, but(CALL, wait_s=60))
            probe, *rest = [at for _, at in upstream.asked[3:]]
            assert probe - opened_at >= 7.4
            assert all(at >= probe + 2.0 for at in rest)
            assert router.status()["providers"]["a"]["state"] == "closed"

    async def test_a_key_revoked_in_flight(self):
        """A key disabled while it serves finishes what it has and gets nothing more."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append(ok(after_s=5.0))
            first: list[Any] = []

            async def one():
                first.append(await router.send(but(CALL, keys=frozenset({"a1"}))))

            async with anyio.create_task_group() as group:
                group.start_soon(one)
                await anyio.sleep(1)
                router.disable_key("a1")
                for _ in range(4):
                    assert (await router.send(CALL)).key_id == "a2"
            assert first[0].key_id == "a1"
            assert states(router)["a1"] == "disabled"


class TestInputs:
    async def test_every_send_is_translated_from_the_original(self):
        """A repeat at another provider carries that provider's model, made from the caller's body (R47)."""
        routes = {"m": RouteConfig((CandidateConfig("a", "up-a"), CandidateConfig("b", "up-b")), policy="ordered")}
        async with running(fleet(["a1", "b1"], providers=["a", "b"], routes=routes)) as (router, upstream):
            upstream.scripts.append(no(500))
            await router.send(CALL)
            assert [body["model"] for body in upstream.bodies] == ["up-a", "up-b"]
            assert "model" not in CALL.body

    async def test_the_secret_is_masked_in_what_the_provider_says(self):
        """A provider that repeats the key in its error does not get it into the message or the body."""
        async with running(fleet(["a1"])) as (router, upstream):
            upstream.scripts.append(no(400, "bad", f"you sent x{secret_of('a1')}y"))
            with pytest.raises(Refused) as caught:
                await router.send(CALL)
            told = repr(caught.value.attempts) + str(caught.value) + caught.value.body.decode()
            assert secret_of("a1") not in told

    async def test_a_short_secret_is_masked_exactly(self):
        """The very text that was sent is masked even where it looks like no secret (P57)."""
        config = fleet({"a1": KeyConfig("a", Secret("plum"))})
        async with running(config) as (router, upstream):
            upstream.scripts.append(no(400, "bad", "the plum is rotten"))
            with pytest.raises(Refused, match=r"the \*\*\* is rotten") as caught:
                await router.send(CALL)
            assert b"plum" not in caught.value.body

    async def test_a_fault_that_is_nobodys(self):
        """A bug in a transport leaves as it is, once everything is settled."""
        async with running(fleet()) as (router, upstream):
            upstream.scripts.append([WRITTEN, ZeroDivisionError("bug")])
            with pytest.raises(ZeroDivisionError):
                await router.send(CALL)
            assert_idle(router)

    async def test_unknown_names_are_the_callers_fault(self):
        """An unknown model or key is InvalidCall, before anything happens."""
        async with running(fleet()) as (router, _):
            with pytest.raises(InvalidCall, match="routes are: m"):
                await router.send(but(CALL, model="zz"))
            with pytest.raises(InvalidCall, match="unknown key 'a9'"):
                await router.send(but(CALL, keys=frozenset({"a9"})))

    async def test_an_unusable_proxy_is_the_keys_fault(self):
        """A key whose proxy cannot be used is passed over."""
        config = fleet({"a1": KeyConfig("a", Secret("sk-a1")), "a2": ()})
        async with running(config) as (router, _):
            entry = router.fleet.keys["a1"]
            entry.transport = None
            entry.config = attrs.evolve(entry.config, proxy="nonsense://x")
            for _ in range(3):
                assert (await router.send(CALL)).key_id == "a2"
