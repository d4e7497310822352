"""One call whose answer is a stream, and callers that leave."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from actorrouter import (
    CircuitConfig,
    StreamInterrupted,
)
from actorrouter.transport.port import Reached
from actorrouter.values import OutcomeClass
from tests.router.steps import states
from tests.router.world import (
    CALL,
    SSE,
    STREAM,
    WRITTEN,
    assert_idle,
    at_once,
    event,
    fault,
    fleet,
    no,
    ok,
    requests,
    running,
    words,
)

pytestmark = pytest.mark.anyio


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
