"""Task actors behind the same Ref, on both event loops; the test moves the clock unless it says otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

import anyio
import pytest

from actorrouter.errors import ActorDown, ActorFailed, MailboxFull
from actorrouter.events import ActorCrashed, SupervisorGaveUp
from actorrouter.runtime.clock import loop_clock
from actorrouter.runtime.loops import serve
from actorrouter.runtime.ref import Ref
from actorrouter.runtime.runtime import Runtime
from actorrouter.runtime.task_actor import Inbox, InboxClosed, Letter
from actorrouter.supervisor.specs import (
    AutoShutdown,
    Backoff,
    Intensity,
    OnGiveUp,
    Restart,
    StartFailed,
    Strategy,
    SupervisorSpec,
    TaskSpec,
)
from actorrouter.supervisor.tree import Supervisor
from actorrouter.turns import Down
from actorrouter.values import Refusal
from tests.supervisor.world import AT_ONCE, World, actor, group

pytestmark = pytest.mark.anyio
TRIO_ONLY = pytest.mark.parametrize("anyio_backend", ["trio"], indirect=True)
ASYNCIO_ONLY = pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)


@pytest.fixture
def world() -> World:
    return World()


async def settled() -> None:
    """Every task waits. On asyncio a task that is about to go on may look blocked for a pass."""
    for _ in range(5):
        await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()


@asynccontextmanager
async def running(world: World, spec: SupervisorSpec) -> AsyncIterator[Supervisor]:
    """A tree whose tasks live until the end of the block."""
    async with anyio.create_task_group() as tasks:
        tree = world.tree(spec, spawn_task=tasks.start_soon)
        await settled()
        yield tree
        tasks.cancel_scope.cancel()


def task(run: Callable[[Inbox], Any], child_id: str = "t", **more: Any) -> TaskSpec:
    return TaskSpec(child_id, run, **({"backoff": AT_ONCE} | more))


async def echo(inbox: Inbox) -> None:
    """Answers with the message; crashes on "boom"."""
    while True:
        letter = await inbox.get()
        if letter.message == "boom":
            raise ZeroDivisionError("boom")
        letter.reply(letter.message)


class Fatal(BaseException):
    """Stands for SystemExit and KeyboardInterrupt, which would end the test run on asyncio."""


class Hand:
    """A task that takes letters only when the test says so, and keeps them."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.inboxes: list[Inbox] = []
        self.cancelled = 0
        self._more = anyio.Event()

    async def run(self, inbox: Inbox) -> None:
        self.inboxes.append(inbox)
        try:
            while True:
                await self._more.wait()
                self._more = anyio.Event()
                self.letters.append(await inbox.get())
        except anyio.get_cancelled_exc_class():
            self.cancelled += 1
            raise

    async def take(self) -> Letter:
        self._more.set()
        await settled()
        return self.letters[-1]


class Asker:
    """One ask in a task of its own, and what came of it."""

    def __init__(self, ref: Ref, message: Any) -> None:
        self.scope = anyio.CancelScope()
        self.answer: Any = None
        self.error: Exception | None = None
        self._ref, self._message = ref, message

    async def run(self) -> None:
        with self.scope:
            try:
                self.answer = await self._ref.ask(self._message)
            except Exception as error:
                self.error = error


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
