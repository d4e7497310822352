"""How a task actor ends: told to stop, with its tree, at its own time. The test moves the clock."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from actorrouter.errors import ActorDown
from actorrouter.events import ActorCrashed
from actorrouter.runtime.clock import loop_clock
from actorrouter.runtime.loops import serve
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.task_actor import Inbox, InboxClosed
from actorrouter.supervisor.specs import (
    StartFailed,
)
from actorrouter.supervisor.tree import Supervisor
from tests.runtime.tasks import TRIO_ONLY, Asker, Hand, echo, running, settled, task
from tests.supervisor.world import World, actor, group

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    return World()


class TestStop:
    async def test_ask_of_what_has_stopped(self, world: World) -> None:
        """S54: asking a stopped task actor fails at once; a tell becomes a dead letter, a call a final refusal."""
        async with running(world, group("top", task(echo))) as tree:
            ref = tree.ref("t")
            tree.terminate_child("t")
            await settled()
            with pytest.raises(ActorDown):
                await ref.ask(1)
            ref.tell(1)
            assert world.runtime.dead_letters == 1
            assert ref.call(1).final

    async def test_stop_overtakes_mail(self, world: World) -> None:
        """S47, S54: a stop overtakes queued letters: their askers fail while the task still has its grace."""
        hand = Hand()
        async with running(world, group("top", task(hand.run))) as tree, anyio.create_task_group() as askers:
            asks = [Asker(tree.ref("t"), message) for message in "ab"]
            for each in asks:
                askers.start_soon(each.run)
                await settled()
            letter = await hand.take()
            assert not tree.terminate_child("t")
            await settled()
            assert isinstance(asks[1].error, ActorDown)
            assert tree.children() == {"t": "stopping"}
            assert letter.reply("still in time")
            await settled()
            assert asks[0].answer == "still in time"
            with pytest.raises(ActorDown):
                await tree.ref("t").ask("c")
            await hand.take()
            assert tree.children() == {"t": "stopped"}

    async def test_last_words(self, world: World) -> None:
        """A task that is to end for good can still take what it was told, to finish it."""
        written: list[Any] = []

        async def writer(inbox: Inbox) -> None:
            await inbox.closed()
            with pytest.raises(InboxClosed):
                await inbox.get()
            while (letter := inbox.take()) is not None:
                written.append(letter.message)

        async with running(world, group("top", task(writer))) as tree:
            tree.ref("t").tell(1)
            tree.ref("t").tell(2)
            tree.stop()
            await settled()
            assert (written, world.runtime.dead_letters, tree.state) == ([1, 2], 0, "stopped")

    async def test_grace(self, world: World) -> None:
        """S13: a task that ignores the request to end is cancelled after its grace, not before; a restart waits."""
        hand = Hand()
        async with running(world, group("top", task(hand.run, shutdown_s=3.0))) as tree:
            tree.terminate_child("t")
            world.advance(2.9)
            await settled()
            assert (hand.cancelled, tree.children()) == (0, {"t": "stopping"})
            world.advance(0.2)
            await settled()
            assert (hand.cancelled, tree.children()) == (1, {"t": "stopped"})

    async def test_kill_at_once(self, world: World) -> None:
        """S47: without grace the task is cancelled at once, in the middle of what it awaits."""
        hand = Hand()
        async with running(world, group("top", task(hand.run, shutdown_s=0))) as tree:
            tree.terminate_child("t")
            await settled()
            assert (hand.cancelled, tree.children()) == (1, {"t": "stopped"})

    async def test_stop_before_the_first_step(self, world: World) -> None:
        """A task asked to end before it ran ends without error, with grace and without."""
        for grace in (0, 5.0):
            async with anyio.create_task_group() as tasks:
                tree = world.tree(group("top", task(echo, shutdown_s=grace)), spawn_task=tasks.start_soon)
                tree.stop()
                await settled()
                assert tree.state == "stopped"
        assert world.of(ActorCrashed) == []

    async def test_tasks_of_the_task(self, world: World) -> None:
        """InboxClosed from a task group inside the task is an end in good order as well."""

        async def nested(inbox: Inbox) -> None:
            async with anyio.create_task_group() as own:
                own.start_soon(echo, inbox)

        async with running(world, group("top", task(nested))) as tree:
            assert await tree.ref("t").ask(1) == 1
            tree.stop()
            await settled()
            assert (tree.state, world.of(ActorCrashed)) == ("stopped", [])

    async def test_order_of_the_end(self, world: World) -> None:
        """S12: the tree ends in reverse start order, each waiting for the task that ends before it."""
        hand = Hand()
        spec = group("top", task(echo, "a"), group("mid", actor("b"), task(hand.run, "c", shutdown_s=2.0)), actor("d"))
        async with running(world, spec) as tree:
            assert not tree.stop()
            await settled()
            assert world.stopped() == ["d"]
            assert world.status("a", "b") == ["running", "running"]
            world.advance(2.0)
            await settled()
            assert world.stopped() == ["d", "c", "b", "a"]
            assert tree.state == "stopped"

    async def test_crash_while_ending(self, world: World) -> None:
        """A task that fails while it ends is reported and not restarted."""

        async def clumsy(inbox: Inbox) -> None:
            await inbox.closed()
            raise OSError

        async with running(world, group("top", task(clumsy))) as tree:
            tree.stop()
            await settled()
            assert (tree.state, world.incarnations("t")) == ("stopped", [1])
            assert [event.where for event in world.of(ActorCrashed)] == ["ending"]

    async def test_stopped_behind_its_back(self, world: World) -> None:
        """A task actor stopped on the runtime itself ends too, and is not restarted."""
        ends: list[Inbox] = []

        async def noted(inbox: Inbox) -> None:
            try:
                await echo(inbox)
            finally:
                ends.append(inbox)

        async with running(world, group("top", task(noted))) as tree:
            world.runtime.stop(world.cell("t"), "by hand")
            with pytest.raises(StartFailed, match="has yet to end"):
                tree.restart_child("t")
            await settled()
            assert (tree.children(), len(ends)) == ({"t": "stopped"}, 1)
            assert world.of(ActorCrashed) == []
            tree.restart_child("t")
            assert await tree.ref("t").ask(1) == 1

    async def test_operator_restart(self, world: World) -> None:
        """A task actor that was stopped is started again with an empty mailbox; a hanging one is refused."""
        hand = Hand()
        async with running(world, group("top", task(hand.run), max_children=1)) as tree:
            tree.ref("t").tell("lost")
            tree.terminate_child("t")
            with pytest.raises(Exception, match="not running"):
                tree.restart_child("t")
            world.advance(5)
            await settled()
            tree.restart_child("t")
            tree.ref("t").tell("new")
            await settled()
            assert (await hand.take()).message == "new"


class TestShutdown:
    """`shutdown` on the loop's own clock."""

    @asynccontextmanager
    async def serving(self, *children: Any) -> AsyncIterator[tuple[Supervisor, Runtime]]:
        runtime = Runtime(loop_clock())
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(serve, runtime)
            tree = Supervisor(runtime, group("top", *children), spawn_task=tasks.start_soon)
            tree.start()
            await settled()
            yield tree, runtime
            tasks.cancel_scope.cancel()

    async def test_willing_tasks(self) -> None:
        """Tasks that end when asked end at once; nothing waits for their grace."""
        async with self.serving(task(echo, "a"), group("mid", task(echo, "b"))) as (tree, runtime):
            assert await tree.ref("a").ask(1) == 1
            await tree.shutdown(runtime.clock() + 60)
            assert tree.state == "stopped"
            assert len(runtime.timers) == 0
            await tree.shutdown(runtime.clock())  # repeats change nothing

    @TRIO_ONLY
    async def test_grace_on_virtual_time(self) -> None:
        """S13: a stubborn task ends after exactly its grace, and so does the shutdown."""
        hand = Hand()
        async with self.serving(task(hand.run, shutdown_s=3.0)) as (tree, runtime):
            start = runtime.clock()
            await tree.shutdown(start + 60)
            assert runtime.clock() - start == pytest.approx(3.0)
            assert (tree.state, hand.cancelled) == ("stopped", 1)

    async def test_deadline_cuts_the_grace_short(self) -> None:
        """At the deadline every task below is cancelled, however long its grace; None is a grace without end."""
        hands = [Hand(), Hand()]
        children = (task(hands[0].run, "a", shutdown_s=None), group("mid", task(hands[1].run, "b", shutdown_s=99)))
        async with self.serving(*children) as (tree, runtime):
            await tree.shutdown(runtime.clock())
            assert tree.state == "stopped"
            assert [each.cancelled for each in hands] == [1, 1]

    @TRIO_ONLY
    async def test_hanging_task(self) -> None:
        """S23: a task that ignores even its cancellation does not make the shutdown hang."""
        released = anyio.Event()

        async def hang(inbox: Inbox) -> None:
            with anyio.CancelScope(shield=True):
                await released.wait()

        async with self.serving(actor("a"), group("mid", task(hang))) as (tree, runtime):
            start = runtime.clock()
            await tree.shutdown(start + 10)
            assert tree.state == "stopped"
            assert 6.0 <= runtime.clock() - start <= 11.1
            released.set()

    @TRIO_ONLY
    async def test_hanging_task_without_timers(self) -> None:
        """The shutdown is bounded even when nobody fires the runtime's timers any more."""
        world, released = World(), anyio.Event()

        async def hang(inbox: Inbox) -> None:
            with anyio.CancelScope(shield=True):
                await released.wait()

        async with anyio.create_task_group() as tasks:
            tree = world.tree(group("top", actor("a"), task(hang)), spawn_task=tasks.start_soon)
            await settled()
            start = anyio.current_time()
            await tree.shutdown(world.now + 4)
            assert anyio.current_time() - start == pytest.approx(5.0)
            assert world.stopped() == ["t", "a"]
            released.set()

    @TRIO_ONLY
    async def test_shutdown_of_a_cancelled_caller(self) -> None:
        """A caller that is being cancelled still gets its shutdown, shielded and bounded."""
        hand = Hand()
        async with self.serving(task(hand.run, shutdown_s=2.0)) as (tree, runtime):
            with anyio.CancelScope() as scope:
                scope.cancel()
                await tree.shutdown(runtime.clock() + 60)
            assert tree.state == "stopped"

    async def test_deadline_is_finite(self) -> None:
        """A shutdown without a bound is refused."""
        async with self.serving() as (tree, _):
            with pytest.raises(ValueError, match="finite"):
                await tree.shutdown(float("inf"))
