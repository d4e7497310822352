"""Task actors behind the same Ref, on both event loops; the test moves the clock unless it says otherwise."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from actorrouter.errors import ActorDown, ActorFailed, MailboxFull
from actorrouter.events import ActorCrashed, SupervisorGaveUp
from actorrouter.runtime.task_actor import Inbox, Letter
from actorrouter.supervisor.specs import (
    AutoShutdown,
    Intensity,
    Restart,
    StartFailed,
    TaskSpec,
)
from actorrouter.supervisor.tree import Supervisor
from actorrouter.turns import Down
from actorrouter.values import Refusal
from tests.runtime.tasks import ASYNCIO_ONLY, Asker, Fatal, Hand, echo, running, settled, task
from tests.supervisor.world import World, actor, group

pytestmark = pytest.mark.anyio


@pytest.fixture
def world() -> World:
    return World()


class TestMail:
    async def test_ask_tell_call(self, world: World) -> None:
        """Asks are answered by the task, tells need no answer, and a call is refused: no turn can run inline."""
        async with running(world, group("top", task(echo))) as tree:
            ref = tree.ref("t")
            ref.tell("hello")
            assert await ref.ask(1) == 1
            assert isinstance(refusal := ref.call(1), Refusal)
            assert (refusal.reason, refusal.final) == ("actor is busy", False)

    async def test_order(self, world: World) -> None:
        """Letters arrive in the order sent, system letters ahead of them, and the sender's context with each."""
        word: ContextVar[str] = ContextVar("word")
        hand = Hand()
        async with running(world, group("top", task(hand.run))) as tree:
            for number in range(3):
                word.set(str(number))
                tree.ref("t").tell(number)
            world.runtime.tell("t", Down("x", "gone"))
            taken = [await hand.take() for _ in range(4)]
            assert [each.message for each in taken] == [Down("x", "gone"), 0, 1, 2]
            assert [each.context[word] for each in taken if each.context] == ["0", "1", "2"]

    async def test_mailbox_is_bounded(self, world: World) -> None:
        """S53: a full mailbox refuses tells and asks at once; system messages still get in."""
        hand = Hand()
        async with running(world, group("top", task(hand.run, mailbox_max=2))) as tree:
            ref = tree.ref("t")
            ref.tell(1)
            ref.tell(2)
            with pytest.raises(MailboxFull):
                ref.tell(3)
            with pytest.raises(MailboxFull):
                await ref.ask(3)
            world.runtime.tell("t", Down("x", "gone"))
            assert (await hand.take()).message == Down("x", "gone")

    async def test_withdrawn_while_queued(self, world: World) -> None:
        """An asker cancelled before its letter was taken is withdrawn: the task never sees it."""
        hand = Hand()
        async with running(world, group("top", task(hand.run))) as tree, anyio.create_task_group() as askers:
            ref = tree.ref("t")
            first, second = Asker(ref, "first"), Asker(ref, "second")
            askers.start_soon(first.run)
            await settled()
            askers.start_soon(second.run)
            await settled()
            first.scope.cancel()
            await settled()
            letter = await hand.take()
            assert letter.message == "second"
            assert letter.reply("done")
            await settled()
            assert second.answer == "done"

    async def test_asker_gone_while_in_hand(self, world: World) -> None:
        """A reply to an asker that left is handed back, once; leaving sends the task no letter."""
        hand = Hand()
        async with running(world, group("top", task(hand.run))) as tree, anyio.create_task_group() as askers:
            asker = Asker(tree.ref("t"), "hello")
            askers.start_soon(asker.run)
            await settled()
            letter = await hand.take()
            assert [letter.wanted] == [True]
            asker.scope.cancel()
            await settled()
            assert [letter.wanted, letter.reply("late")] == [False, False]
            tree.ref("t").tell("next")
            assert (await hand.take()).message == "next"
            assert not world.cell("t").system

    async def test_a_letter_is_answered_once(self, world: World) -> None:
        """The second answer to a letter, and any answer to a tell, is handed back."""
        hand = Hand()
        async with running(world, group("top", task(hand.run))) as tree, anyio.create_task_group() as askers:
            asker = Asker(tree.ref("t"), "hello")
            askers.start_soon(asker.run)
            await settled()
            letter = await hand.take()
            assert [letter.fail(KeyError("no")), letter.reply(1), letter.fail(KeyError("no"))] == [True, False, False]
            await settled()
            assert isinstance(asker.error, KeyError)
            tree.ref("t").tell("hello")
            assert not (await hand.take()).reply(1)

    @ASYNCIO_ONLY
    async def test_reply_lost_to_a_native_cancel(self, world: World) -> None:
        """On asyncio an asker cancelled after the answer but before it ran hands the reply to `on_undelivered`."""
        hand = Hand()
        back: list[str] = []
        async with running(world, group("top", task(hand.run, on_undelivered=back.append))) as tree:
            asker = asyncio.ensure_future(tree.ref("t").ask("hello"))
            await settled()
            letter = await hand.take()
            assert letter.reply("permit")
            asker.cancel()
            await settled()
            assert asker.cancelled()
            assert back == ["permit"]


class TestCrash:
    async def test_only_the_letter_in_hand_fails(self, world: World) -> None:
        """S60: a crash fails the letter in hand, with its cause; those behind it are served by the next task."""
        async with running(world, group("top", task(echo))) as tree, anyio.create_task_group() as askers:
            asks = [Asker(tree.ref("t"), message) for message in (1, "boom", 2, "boom", 3)]
            for each in asks:
                askers.start_soon(each.run)
                await anyio.lowlevel.checkpoint()
            await settled()
            assert sorted(each.answer for each in asks if each.error is None) == [1, 2, 3]
            failures = [each.error for each in asks if each.error]
            assert [type(each) for each in failures] == [ActorFailed, ActorFailed]
            assert isinstance(failures[0].__cause__, ZeroDivisionError)
            assert world.incarnations("t") == [3]
            assert [(e.cause, e.where) for e in world.of(ActorCrashed)] == [("ZeroDivisionError", "str")] * 2

    async def test_every_letter_in_hand_fails(self, world: World) -> None:
        """A task that took several letters fails all of them when it crashes, and an answer after that is late."""
        kept: list[Letter] = []

        async def greedy(inbox: Inbox) -> None:
            kept.extend([await inbox.get(), await inbox.get()])
            raise OSError

        spec = group("top", task(greedy, Restart.TRANSIENT.value, restart=Restart.TEMPORARY))
        async with running(world, spec) as tree, anyio.create_task_group() as askers:
            asks = [Asker(tree.ref("transient"), message) for message in "ab"]
            for each in asks:
                askers.start_soon(each.run)
            await settled()
            assert [type(each.error) for each in asks] == [ActorFailed] * 2
            assert [each.reply(1) for each in kept] == [False, False]
            assert tree.children() == {}

    async def test_mail_waits_for_the_back_off(self, world: World) -> None:
        """Between two tasks asks wait in the mailbox."""
        slow = TaskSpec("t", echo)
        async with running(world, group("top", slow)) as tree, anyio.create_task_group() as askers:
            for _ in range(2):
                with pytest.raises(ActorFailed):
                    await tree.ref("t").ask("boom")
            asker = Asker(tree.ref("t"), "hello")
            askers.start_soon(asker.run)
            await settled()
            assert tree.children() == {"t": "restarting"}
            assert asker.answer is None
            world.advance(1)
            await settled()
            assert asker.answer == "hello"

    async def test_giving_up(self, world: World) -> None:
        """S06: past its limit the supervisor stops the task's siblings, whose queued askers hear ActorDown."""
        hand = Hand()
        spec = group("top", task(hand.run, "h"), task(echo), child_intensity=Intensity(0, 1.0))
        async with running(world, spec) as tree, anyio.create_task_group() as askers:
            waiting = Asker(tree.ref("h"), "hello")
            askers.start_soon(waiting.run)
            await settled()
            with pytest.raises(ActorFailed):
                await tree.ref("t").ask("boom")
            assert (tree.state, world.of(SupervisorGaveUp)) == ("stopping", [])
            world.advance(5)
            await settled()
            assert (tree.state, len(world.of(SupervisorGaveUp))) == ("stopped", 1)
            assert isinstance(waiting.error, ActorDown)
            assert world.stopped() == ["t", "h"]

    async def test_place_to_run_is_gone(self, world: World) -> None:
        """S31: when no task can be started any more, that counts as failing and ends in giving up."""

        def closed(*_: Any) -> None:
            raise RuntimeError("this task group has been closed")

        tree = Supervisor(world.runtime, group("top", actor("a"), task(echo)), spawn_task=closed)
        with pytest.raises(StartFailed, match="RuntimeError while starting its task"):
            tree.start()
        assert world.stopped() == ["t", "a"]

    @pytest.mark.parametrize("fatal", [Fatal, MemoryError])
    async def test_fatal_conditions_go_on(self, world: World, fatal: type[BaseException]) -> None:
        """S38, S55: what no policy may swallow ends all task actors and reaches whoever runs them."""

        async def die(inbox: Inbox) -> None:
            await inbox.get()
            raise fatal

        async def world_ends() -> None:
            async with running(world, group("top", task(die), task(echo, "e"))) as tree:
                await tree.ref("t").ask("hello")

        with pytest.raises(BaseExceptionGroup) as caught:
            await world_ends()
        assert caught.value.subgroup(fatal) is not None
        assert world.status("t", "e") == ["stopped", "stopped"]
        assert world.incarnations("t", "e") == [1, 1]

    async def test_cancelled_from_outside(self, world: World) -> None:
        """S38, S54: when the task group is cancelled nobody is restarted, and queued askers hear at once."""
        hand = Hand()
        async with anyio.create_task_group() as askers:
            async with running(world, group("top", task(hand.run))) as tree:
                asker = Asker(tree.ref("t"), "hello")
                askers.start_soon(asker.run)
                await settled()
            await settled()
            assert isinstance(asker.error, ActorDown)
            assert (hand.cancelled, world.incarnations("t"), world.status("t")) == (1, [1], ["stopped"])
            assert tree.stop()


class TestNormalEnd:
    @pytest.mark.parametrize(
        ("restart", "children"),
        [
            (Restart.PERMANENT, {"t": "running"}),
            (Restart.TRANSIENT, {"t": "stopped"}),
            (Restart.TEMPORARY, {}),
        ],
    )
    async def test_by_kind(self, world: World, restart: Restart, children: dict[str, str]) -> None:
        """S01: a task that is done is started again if permanent, kept ended if transient, forgotten if temporary."""

        async def one(inbox: Inbox) -> None:
            (await inbox.get()).reply("done")

        async with running(world, group("top", task(one, restart=restart))) as tree:
            assert await tree.ref("t").ask("hello") == "done"
            await settled()
            assert tree.children() == children

    async def test_unanswered_letters(self, world: World) -> None:
        """A task that ends without answering what it took fails its asker; it does not wait for ever."""

        async def rude(inbox: Inbox) -> None:
            await inbox.get()

        async with running(world, group("top", task(rude))) as tree:
            with pytest.raises(ActorFailed, match="ended before it answered"):
                await tree.ref("t").ask("hello")

    async def test_auto_shutdown(self, world: World) -> None:
        """S24: the normal end of a significant child stops its supervisor in good order."""

        async def one(inbox: Inbox) -> None:
            await inbox.get()

        chief = task(one, restart=Restart.TRANSIENT, significant=True)
        inner = group("mid", actor("a"), chief, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT, restart=Restart.TRANSIENT)
        async with running(world, group("top", inner)) as tree:
            tree.supervisor("mid").ref("t").tell("end")
            await settled()
            assert tree.children() == {"mid": "stopped"}
            assert world.stopped() == ["t", "a"]
