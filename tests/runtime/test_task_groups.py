"""Task actors among siblings: what one takes along, and in which order."""

from __future__ import annotations

import anyio
import pytest

from actorrouter.errors import ActorFailed
from actorrouter.runtime.task_actor import Inbox, InboxClosed, Letter
from actorrouter.supervisor.specs import (
    Backoff,
    Intensity,
    OnGiveUp,
    Strategy,
)
from tests.runtime.tasks import Asker, Hand, running, settled, task
from tests.supervisor.world import World, actor, group

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    return World()


class TestGroups:
    async def test_siblings_keep_their_mail(self, world: World) -> None:
        """Under one_for_all a task sibling is asked to end and its mail waits for its next incarnation."""
        hand = Hand()
        spec = group("top", task(hand.run, "h"), actor("a"), strategy=Strategy.ONE_FOR_ALL)
        async with running(world, spec) as tree, anyio.create_task_group() as askers:
            held, queued = Asker(tree.ref("h"), "held"), Asker(tree.ref("h"), "queued")
            for each in (held, queued):
                askers.start_soon(each.run)
                await settled()
            await hand.take()
            world.crash("a")
            assert world.status("h", "a") == ["restarting", "restarting"]
            world.advance(5)
            await settled()
            assert world.status("h", "a") == ["running", "running"]
            assert isinstance(held.error, ActorFailed)
            letter = await hand.take()
            assert (letter.message, len(hand.inboxes)) == ("queued", 2)
            letter.reply("served")
            await settled()
            assert queued.answer == "served"
            assert world.stopped() == []

    async def test_stop_during_a_group_restart(self, world: World) -> None:
        """A stop that arrives while a group waits for a task to end wins: nobody is started again."""
        hand = Hand()
        spec = group("top", actor("a"), task(hand.run, "h"), strategy=Strategy.ONE_FOR_ALL)
        async with running(world, spec) as tree:
            world.crash("a")
            assert not tree.stop()
            world.advance(5)
            await settled()
            assert world.stopped() == ["h", "a"]
            assert (tree.state, len(hand.inboxes)) == ("stopped", 1)

    async def test_nested_group(self, world: World) -> None:
        """A supervisor restarted with its siblings waits for the tasks below it, then all come up in order."""
        hand = Hand()
        inner = group("mid", actor("b"), task(hand.run, "h", shutdown_s=2.0))
        async with running(world, group("top", actor("a"), inner, strategy=Strategy.ONE_FOR_ALL)) as tree:
            world.crash("a")
            assert tree.children() == {"a": "restarting", "mid": "stopping"}
            world.advance(2.0)
            await settled()
            assert world.restarted() == ["a", "b", "h"]
            assert len(hand.inboxes) == 2

    async def test_group_that_waits_is_joined(self, world: World) -> None:
        """The planned restart of some is put off while a larger group with a slow task comes to rest."""
        hand = Hand()
        slow = actor("b", backoff=Backoff(1.0, 1.0, 60.0))
        children = (actor("a"), task(hand.run, "h", shutdown_s=3.0), slow)
        async with running(world, group("top", *children, strategy=Strategy.REST_FOR_ONE)):
            world.crash("b")
            world.crash("b")
            world.crash("a")
            world.advance(2.5)
            await settled()
            assert world.status("a", "h", "b") == ["restarting"] * 3
            world.advance(0.5)
            await settled()
            assert world.status("a", "h", "b") == ["running"] * 3

    async def test_a_life_left_to_itself_takes_nothing(self, world: World) -> None:
        """S23: a hanging task of before neither hears nor answers for the one that took its place."""
        first: list[Inbox] = []
        released = anyio.Event()

        async def hang(inbox: Inbox) -> None:
            if not first:
                first.append(inbox)
                with anyio.CancelScope(shield=True):
                    await released.wait()
            else:
                await inbox.closed()
                await anyio.sleep_forever()

        async with running(world, group("top", task(hang, shutdown_s=1.0))) as tree:
            tree.terminate_child("t")
            world.advance(2)
            tree.restart_child("t")
            await settled()
            released.set()
            await settled()
            tree.ref("t").tell("for the second")
            tree.terminate_child("t")
            assert (world.status("t"), first[0].take()) == (["stopping"], None)
            world.advance(1)
            await settled()
            assert tree.children() == {"t": "stopped"}

    async def test_quarantine_in_the_middle_of_a_restart(self, world: World) -> None:
        """A supervisor that goes into quarantine while its siblings wait for it does not keep them waiting."""
        inner, outer = Hand(), Hand()
        mid = group(
            "mid",
            task(inner.run, "i", shutdown_s=3.0),
            actor("b"),
            child_intensity=Intensity(0, 1.0),
            on_give_up=OnGiveUp.QUARANTINE,
        )
        children = (mid, task(outer.run, "o", shutdown_s=1.0), actor("z"))
        async with running(world, group("top", *children, strategy=Strategy.ONE_FOR_ALL)) as tree:
            world.crash("z")
            world.crash("b")
            world.advance(2)
            await settled()
            assert tree.children() == {"mid": "stopping", "o": "restarting", "z": "restarting"}
            world.advance(1)
            await settled()
            assert tree.children() == {"mid": "quarantined", "o": "running", "z": "running"}

    async def test_hanging_sibling(self, world: World) -> None:
        """S23: a sibling that does not even end when cancelled is left to itself, deaf, and the group comes up."""
        released = anyio.Event()
        lives: list[Inbox] = []
        deaf: list[Letter | None] = []

        async def hang(inbox: Inbox) -> None:
            lives.append(inbox)
            with anyio.CancelScope(shield=True):
                await released.wait()
                if inbox is lives[0]:
                    with pytest.raises(InboxClosed):
                        await inbox.get()
                    deaf.append(inbox.take())
            await anyio.sleep_forever()

        spec = group("top", actor("a"), task(hang, "h", shutdown_s=1.0), strategy=Strategy.ONE_FOR_ALL)
        async with running(world, spec) as tree:
            world.crash("a")
            world.advance(1.9)
            await settled()
            assert world.status("a") == ["restarting"]
            world.advance(0.2)
            await settled()
            assert (world.status("a", "h"), len(lives)) == (["running"] * 2, 2)
            released.set()
            tree.ref("h").tell("for the second")
            await settled()
            assert (deaf, world.cell("h").depth) == ([None], 1)
