"""Three ways to hold a router, and how what goes wrong leaves it."""

# ruff: noqa: PT012 -- what raises is the end of a whole block

from __future__ import annotations

import threading
from functools import partial
from typing import Any

import anyio
import attrs
import pytest

from actorrouter import (
    BlockingRouter,
    Call,
    InvalidConfig,
    KeyConfig,
    NoCapacity,
    Router,
    RouterError,
    RouterStopped,
    Secret,
    open_router,
    open_router_blocking,
)
from tests.interrupts import Interrupted, came, interrupts
from tests.router.world import CALL, FRAGILE, STREAM, Upstream, assert_idle, at_once, but, fleet, running, taken, words

pytestmark = pytest.mark.anyio


class TestBody:
    @pytest.mark.parametrize("kind", [KeyError, KeyboardInterrupt, SystemExit])
    async def test_exceptions_leave_bare(self, kind):
        """What the block raises leaves the block as it was raised, not in a group."""
        error = kind("mine")
        with pytest.raises(kind) as caught:
            async with open_router(fleet()):
                raise error
        assert caught.value is error

    async def test_groups_leave_unchanged(self):
        """A group raised by the block is the very group that leaves."""
        group = ExceptionGroup("mine", [KeyError(1), ValueError(2)])
        with pytest.raises(ExceptionGroup) as caught:
            async with open_router(fleet()):
                raise group
        assert caught.value is group
        assert [type(each) for each in caught.value.exceptions] == [KeyError, ValueError]

    async def test_groups_of_tasks_leave_as_they_are(self):
        """A task group inside the block raises what it would raise without a router."""
        with pytest.raises(ExceptionGroup) as caught:
            async with open_router(fleet()), anyio.create_task_group() as group:
                group.start_soon(_fail)
                await anyio.sleep(100)
        assert [type(each) for each in caught.value.exceptions] == [ZeroDivisionError]

    async def test_cancel_scopes_pass(self):
        """A scope around the block ends it at its deadline, and one inside ends what is inside."""
        began = anyio.current_time()
        with anyio.move_on_after(2) as around:
            async with open_router(fleet()):
                with anyio.move_on_after(1) as inside:
                    await anyio.sleep(100)
                assert inside.cancelled_caught
                await anyio.sleep(100)
        assert around.cancelled_caught
        assert anyio.current_time() - began == pytest.approx(2, abs=0.01)

    async def test_leaving_ends_those_who_wait(self):
        """A call that waits when the block is left gets RouterStopped."""
        errors: list[BaseException] = []

        async def wait(router):
            try:
                await router.reserve("m", {}, wait_s=100)
            except RouterError as error:
                errors.append(error)

        config = fleet({"a1": ("p",)}, pools={"p": (at_once(1),)})
        async with anyio.create_task_group() as group, open_router(config) as router:
            with await router.reserve("m", {}):
                group.start_soon(wait, router)
                await anyio.wait_all_tasks_blocked()
                router.stop()
                await anyio.wait_all_tasks_blocked()
        assert [type(error) for error in errors] == [RouterStopped]
        with pytest.raises(RouterStopped, match="stopped"):
            await router.send(CALL)


async def _fail():
    raise ZeroDivisionError


class TestFaults:
    async def test_a_fatal_fault_ends_the_block(self):
        """When the supervisors give up, the block is cancelled and RouterStopped says why."""
        with pytest.raises(RouterStopped, match="route:m"):
            async with open_router(fleet(restart=FRAGILE)) as router:
                while True:
                    cell = router.fleet.routes["m"].cell
                    if str(cell.status) == "running":
                        router.runtime.crash(cell, ZeroDivisionError(), "test")
                    await anyio.sleep(0.5)

    async def test_a_bug_in_the_background_has_a_cause(self):
        """A fault of the router itself ends the block with RouterStopped and the fault as its cause."""

        def bug():
            raise ZeroDivisionError("bug")

        with pytest.raises(RouterStopped, match="cannot survive") as caught:
            async with open_router(fleet()) as router:
                router.runtime.soon(bug)
                await anyio.sleep(100)
        cause: Any = caught.value.__cause__
        while isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        assert isinstance(cause, ZeroDivisionError)

    async def test_a_fault_while_tasks_of_the_block_run(self):
        """Tasks of the block are cancelled, and what one of them raises meanwhile is not lost."""

        def bug():
            raise ZeroDivisionError("bug")

        async def stubborn():
            try:
                await anyio.sleep(100)
            finally:
                raise KeyError("stubborn")

        with pytest.raises(BaseExceptionGroup) as caught:
            async with open_router(fleet()) as router, anyio.create_task_group() as group:
                group.start_soon(stubborn)
                group.start_soon(anyio.sleep, 100)
                router.runtime.soon(bug)
                await anyio.sleep(100)
        assert [type(each) for each in caught.value.exceptions] == [KeyError]

    async def test_an_observer_that_raises_harms_nobody(self):
        """A reader of events that raises is dropped, told in the status, and the calls go on."""

        def broken(event):
            raise ZeroDivisionError

        async with running(fleet(), observers=[broken]) as (router, _):
            assert (await router.send(CALL)).status == 200
            assert "ZeroDivisionError" in router.status()["failed_observers"][0]

    async def test_a_wrong_configuration_never_starts(self):
        """A configuration with faults raises InvalidConfig with each of them, from every way in."""
        wrong = fleet(lease_s=-1.0)
        with pytest.raises(InvalidConfig):
            async with open_router(wrong):
                raise AssertionError("started")


class TestServe:
    async def test_in_a_task_group_of_ones_own(self):
        """`await group.start(router.serve)` gives a running router; cancelling the group ends it."""
        config = fleet()
        async with anyio.create_task_group() as group:
            router = await group.start(Router(config).serve)
            router.fleet.keys["a1"].transport = router.fleet.keys["a2"].transport = Upstream()
            assert (await router.send(CALL)).status == 200
            group.cancel_scope.cancel()
        with pytest.raises(RouterStopped):
            await router.send(CALL)

    async def test_stop_ends_serve(self):
        """`stop` ends `serve` in good order and closes every connection pool."""
        async with anyio.create_task_group() as group:
            router = await group.start(Router(fleet()).serve)
            upstream = router.fleet.keys["a1"].transport = Upstream()
            router.stop()
        assert upstream.closed

    async def test_a_key_that_goes_meanwhile(self):
        """A key whose removal ends while the router closes its connections keeps no other's open."""

        class Slow(Upstream):
            async def aclose(self) -> None:
                grant.release()
                await anyio.sleep(1)
                await super().aclose()

        async with anyio.create_task_group() as group:
            router = await group.start(Router(fleet()).serve)
            pools = [Slow(), Upstream()]
            router.fleet.keys["a1"].transport, router.fleet.keys["a2"].transport = pools
            grant = taken(router, call=but(CALL, keys=frozenset({"a2"})))
            group.start_soon(router.remove_key, "a2")
            await anyio.sleep(0.1)
            router.stop()
        assert [pool.closed for pool in pools] == [True, True]

    async def test_nothing_is_opened_once_it_has_stopped(self):
        """A call whose secret comes too late is told so, and no connection pool is made that nobody would close."""
        fetched = anyio.Event()

        async def slow() -> Secret:
            await fetched.wait()
            return Secret("sk-late")

        def connect(client: str, *, proxy: str | None) -> Any:
            raise AssertionError(f"opened {client}, proxy {proxy}")

        config = attrs.evolve(fleet(), keys={"a1": KeyConfig("a", slow)})
        async with anyio.create_task_group() as group:
            router = await group.start(Router(config, connect=connect).serve)

            async def late() -> None:
                with pytest.raises(RouterStopped):
                    await router.send(CALL)

            group.start_soon(late)
            await anyio.sleep(0.1)
            router.stop()
            await anyio.sleep(0.1)
            fetched.set()

    async def test_is_run_once(self):
        """A router that has run is not run again."""
        router = Router(fleet())
        async with anyio.create_task_group() as group:
            await group.start(router.serve)
            with pytest.raises(RuntimeError, match="run once"):
                await router.serve()
            router.stop()
        with pytest.raises(RuntimeError, match="run once"):
            await router.serve()
        opened = open_router(fleet())
        async with opened:
            pass
        with pytest.raises(RuntimeError, match="run once"):
            async with opened:
                raise AssertionError("ran twice")

    async def test_not_running_is_told(self):
        """A router that was never run says how to run it."""
        with pytest.raises(RuntimeError, match="async with open_router"):
            await Router(fleet()).send(CALL)

    async def test_another_thread_is_told(self):
        """Use from a thread that is not the router's says what to use instead."""
        async with running(fleet()) as (router, _):
            errors: list[BaseException] = []

            def use():
                for action in (partial(router.quote, CALL), router.status, partial(router.stream, CALL)):
                    try:
                        action()
                    except RuntimeError as error:
                        errors.append(error)

            thread = threading.Thread(target=use)
            thread.start()
            thread.join()
            assert len(errors) == 3
            assert all("open_router_blocking" in str(error) for error in errors)


def waiting_of(router: BlockingRouter) -> int:
    """How many calls wait for room."""
    return sum(room["waiting"] for room in router.status()["routes"].values())


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
class TestBlocking:
    def test_from_synchronous_code(self, backend):
        """A synchronous program sends, streams, leaves a stream early, reserves, asks, drains; errors arrive bare."""
        with open_router_blocking(fleet({"a1": ("p",)}, pools={"p": (at_once(1),)}), backend=backend) as router:
            upstream = router._router.fleet.keys["a1"].transport = Upstream()
            assert router.send(CALL).json()["choices"]
            upstream.scripts.extend([words(3), words(3)])
            with router.stream(STREAM) as chunks:
                assert b"".join(chunks).count(b"word ") == 3
            with router.stream(STREAM) as chunks:
                next(chunks)
            with router.reserve("m", {"units": 1}) as grant:
                assert grant.key_id == "a1"
                assert router.quote(CALL).key_id is None
                with pytest.raises(NoCapacity) as caught:
                    router.send(Call("m", CALL.body, wait_s=0))
                assert caught.value.decision_id is not None
                assert "concurrency" in router.explain(caught.value.decision_id)
                grant.sent()
                grant.settle({"units": 1})
            with pytest.raises(KeyError), router.reserve("m", {}):
                raise KeyError
            assert router.status()["open"] == 0
            assert router.drain(1)
            router._portal.call(assert_idle, router._router)

    def test_many_threads(self, backend):
        """Any number of threads share one router."""
        with open_router_blocking(fleet({"a1": ("p",)}, pools={"p": (at_once(2),)}), backend=backend) as router:
            upstream = router._router.fleet.keys["a1"].transport = Upstream()
            threads = [threading.Thread(target=router.send, args=(CALL,)) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(upstream.asked) == 20

    @pytest.mark.parametrize("how", ["send", "stream", "reserve"])
    def test_an_interrupted_wait_ends_its_call(self, backend, how):
        """Ctrl-C in a thread that waits: nothing runs on for nobody, and the router still closes."""
        config = fleet({"a1": ("p",)}, pools={"p": (at_once(1),)})
        with interrupts() as interrupt, open_router_blocking(config, backend=backend) as router:
            router._router.fleet.keys["a1"].transport = Upstream()
            with router.reserve("m", {"units": 1}):
                waiting = {
                    "send": lambda: router.send(CALL),
                    "stream": lambda: router.stream(STREAM).__enter__(),
                    "reserve": lambda: router.reserve("m", {"units": 1}).__enter__(),
                }
                thread = threading.Thread(target=interrupt, args=(lambda: waiting_of(router),))
                thread.start()
                with pytest.raises(Interrupted):
                    waiting[how]()
                thread.join()
                assert came(lambda: not waiting_of(router))
            assert router.drain(1)
