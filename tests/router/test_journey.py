"""One call: reserve, send, settle, and again if the outcome allows."""

from __future__ import annotations

import anyio
import attrs
import pytest

from actorrouter import (
    CandidateConfig,
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
from tests.router.steps import CUT, GARBAGE, NOT_REACHED, SILENT, states
from tests.router.world import (
    CALL,
    STREAM,
    WRITTEN,
    Head,
    Upstream,
    assert_idle,
    but,
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

    @pytest.mark.parametrize("status", [301, 307, 308])
    async def test_a_redirect_is_not_followed_and_says_where_to(self, status):
        """Its target is named without its query; the secret goes nowhere else."""
        async with running(fleet(provider={"retry_reserve": 0.0, "retry_ratio": 0.0})) as (router, upstream):
            moved = Head(status, {"location": f"https://other.example/v1/chat?key={secret_of('a1')}"})
            upstream.otherwise = (WRITTEN, moved, b"")
            with pytest.raises(
                Refused, match=r"redirected to https://other\.example/v1/chat, .*correct base_url"
            ) as caught:
                await router.send(CALL)
        assert secret_of("a1") not in f"{caught.value} {caught.value.headers}"
        assert caught.value.status == status


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
