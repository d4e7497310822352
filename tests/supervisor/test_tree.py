"""The tree on a runtime: inline actors and nested supervisors, without an event loop."""

from __future__ import annotations

from random import Random

import pytest

from actorrouter.errors import ActorDown, ActorFailed
from actorrouter.events import ActorCrashed, DeadLettered
from actorrouter.runtime.cell import Status
from actorrouter.supervisor.specs import (
    ChildExists,
    Intensity,
    InvalidSpec,
    NoSuchChild,
    Restart,
    StartFailed,
    Strategy,
    SupervisorError,
    TaskSpec,
    TooManyChildren,
)
from actorrouter.supervisor.tree import Counts, Supervisor
from actorrouter.turns import NOTHING, Behaviour, Down, Turn
from tests.supervisor.trees import NEVER, ONCE, SLOW, Fragile, queue

from .world import COUNTING, Add, Boom, Counter, World, actor, group


@pytest.fixture
def world() -> World:
    return World()


class TestStart:
    def test_start_in_order_stop_in_reverse(self, world: World) -> None:
        """S12: children start in the order of their specs, nested ones included, and stop in reverse."""
        tree = world.tree(group("top", actor("a"), group("mid", actor("b"), actor("c")), actor("d")))
        assert list(world.runtime.cells) == ["a", "b", "c", "d"]
        assert tree.stop("done")
        assert world.stopped() == ["d", "c", "b", "a"]
        assert tree.children() == {"a": "stopped", "mid": "stopped", "d": "stopped"}

    def test_child_that_cannot_start(self, world: World) -> None:
        """A child that fails to start fails the whole start; those before it are stopped in reverse."""
        spec = group("top", actor("a"), group("mid", actor("b"), actor("c", initial=Fragile(1)), actor("d")))
        tree = Supervisor(world.runtime, spec)
        with pytest.raises(StartFailed, match=r"'mid'.*c: OSError"):
            tree.start()
        assert world.stopped() == ["b", "a"]
        assert "d" not in world.runtime.cells
        tree.start()
        assert world.status("a", "b", "c", "d") == ["running"] * 4

    def test_id_of_another_supervisors_actor(self, world: World) -> None:
        """An actor id in use elsewhere fails the start and leaves its owner's actor alone."""
        world.tree(group("one", actor("a")))
        with pytest.raises(StartFailed):
            Supervisor(world.runtime, group("two", actor("a"))).start()
        assert world.status("a") == ["running"]

    def test_giving_up_while_starting(self, world: World) -> None:
        """A child that fails past the limit while a later one starts takes that one down as well."""

        def poisonous() -> Counter:
            world.crash("a")
            return Counter()

        spec = group("top", actor("a"), actor("b", initial=poisonous), actor("c"), child_intensity=NEVER)
        with pytest.raises(StartFailed, match="gave up while starting: a: RuntimeError in Boom"):
            world.tree(spec)
        assert world.status("a", "b") == ["stopped", "stopped"]
        assert "c" not in world.runtime.cells

    def test_starting_twice(self, world: World) -> None:
        """A running supervisor refuses to start."""
        with pytest.raises(StartFailed, match="is running"):
            world.tree(group("top")).start()

    def test_task_actors_need_a_place_to_run(self, world: World) -> None:
        """S18: a task actor without `spawn_task` is refused when the tree is made."""

        async def run(inbox: object) -> None:
            """Nothing."""

        with pytest.raises(InvalidSpec, match="spawn_task"):
            Supervisor(world.runtime, group("top", group("mid", TaskSpec("t", run))))


class TestOneForOne:
    def test_siblings_notice_nothing(self, world: World) -> None:
        """S03: one_for_one leaves every sibling's cell, mailbox and state untouched."""
        world.tree(group("top", actor("a"), actor("b")))
        world.add("b", 3)
        before = world.cell("b"), world.cell("b").state
        world.crash("a")
        assert (world.cell("b"), world.cell("b").state) == before
        assert world.incarnations("a", "b") == [2, 1]

    def test_state_survives(self, world: World) -> None:
        """S59: what an actor counted before a crash is there after it; a crash cannot reset a limit."""
        tree = world.tree(group("top", actor("a")))
        ref = tree.ref("a")
        for _ in range(30):
            world.add("a", 2)
            world.crash("a")
        assert world.count("a") == 60
        assert ref.call(Add(1)) == 61

    def test_mailbox_survives_back_off(self, world: World) -> None:
        """Mail sent between two incarnations waits and is answered by the next one; calls are refused with when."""
        tree = world.tree(group("top", actor("a", backoff=SLOW)))
        world.crash("a")
        world.crash("a")
        asked = queue(world, "a", Add(5))
        refusal = tree.ref("a").call(Add(1))
        assert refusal.available_at == world.cell("a").resumes_at > world.now
        world.advance(0.4)
        assert not asked.answered
        world.advance(0.6)
        assert (asked.reply, world.count("a")) == (5, 5)

    def test_poison_is_not_delivered_again(self, world: World) -> None:
        """S60: a message that crashes its actor is dropped, its asker told; the letters behind it are handled."""
        world.tree(group("top", actor("a", backoff=SLOW)))
        world.crash("a")
        world.crash("a")
        poison, behind = queue(world, "a", Boom()), queue(world, "a", Add(1))
        world.advance(20)
        assert isinstance(poison.failure, ActorFailed)
        assert isinstance(poison.failure.__cause__, RuntimeError)
        assert behind.reply == 1
        assert len(world.of(ActorCrashed)) == 3

    def test_poison_without_end(self, world: World) -> None:
        """S60: a mailbox full of poison ends at the limit of restarts; the rest becomes dead letters."""
        tree = world.tree(group("top", actor("a"), child_intensity=Intensity(5, 10.0)))
        world.cell("a").busy = True
        asked = [queue(world, "a", Boom()) for _ in range(20)]
        world.cell("a").busy = False
        world.drain()
        assert len(world.of(ActorCrashed)) == 6
        assert tree.state == Status.STOPPED
        assert [type(each.failure) for each in asked] == [ActorFailed] * 6 + [ActorDown] * 14
        assert len(world.of(DeadLettered)) == 14

    def test_base_exceptions_pass(self, world: World) -> None:
        """S38: KeyboardInterrupt and SystemExit in a turn are nobody's crash: they reach the caller."""

        def interrupt(state: Counter, message: Boom, now: float) -> Turn:
            raise KeyboardInterrupt

        behaviour = Behaviour("interrupted", {Boom: interrupt}, {}, COUNTING.copy, COUNTING.weigh)
        world.tree(group("top", actor("a", behaviour=behaviour)))
        with pytest.raises(KeyboardInterrupt):
            world.crash("a")
        assert world.of(ActorCrashed) == []
        assert world.status("a") == ["running"]

    def test_watchers_hear_the_end_only(self, world: World) -> None:
        """S40: restarts are no news to a monitor; the final stop is, once."""
        heard: list[Down] = []

        def down(state: Counter, message: Down, now: float) -> Turn:
            heard.append(message)
            return NOTHING

        behaviour = Behaviour("watcher", {Down: down}, {}, COUNTING.copy, COUNTING.weigh)
        tree = world.tree(group("top", actor("w", behaviour=behaviour), actor("a"), child_intensity=Intensity(3, 10)))
        world.runtime.monitor("w", "a")
        for _ in range(3):
            world.crash("a")
        assert heard == []
        tree.terminate_child("a")
        tree.terminate_child("a")
        assert [each.actor for each in heard] == ["a"]


class TestGroups:
    def test_rest_for_one(self, world: World) -> None:
        """S05: those started after the failed one restart with it, in start order; earlier ones keep running."""
        world.tree(group("top", *map(actor, "abcd"), strategy=Strategy.REST_FOR_ONE))
        world.crash("b")
        assert world.incarnations(*"abcd") == [1, 2, 2, 2]
        assert world.restarted() == ["b", "c", "d"]
        assert world.stopped() == []

    def test_one_for_all(self, world: World) -> None:
        """One failure restarts everybody, in start order, on the state of their logs."""
        world.tree(group("top", *map(actor, "abc"), strategy=Strategy.ONE_FOR_ALL))
        world.add("a", 7)
        world.crash("c")
        assert world.restarted() == ["a", "b", "c"]
        assert world.count("a") == 7

    def test_group_waits_together(self, world: World) -> None:
        """During the back-off of one the whole group is between two incarnations and knows when it is over."""
        world.tree(group("top", actor("a"), actor("b", backoff=SLOW), strategy=Strategy.ONE_FOR_ALL))
        world.crash("b")
        world.crash("b")
        assert world.status("a", "b") == ["restarting", "restarting"]
        assert world.cell("a").resumes_at == world.cell("b").resumes_at
        world.advance(1.0)
        assert world.incarnations("a", "b") == [3, 3]

    def test_second_failure_while_a_group_waits(self, world: World) -> None:
        """A failure before the waiting group joins it to that group; nobody is restarted early or forgotten."""
        children = (actor("a"), actor("b", backoff=SLOW), actor("c"))
        tree = world.tree(group("top", *children, strategy=Strategy.REST_FOR_ONE))
        world.crash("b")
        world.crash("b")
        tree.start_child(actor("d"))
        world.crash("d")
        world.crash("a")
        assert world.status(*"abcd") == ["restarting"] * 4
        world.advance(1.0)
        assert world.status(*"abcd") == ["running"] * 4
        assert world.incarnations(*"abcd") == [2, 3, 3, 2]

    def test_sibling_that_fails_to_restart(self, world: World) -> None:
        """S11: under rest_for_one a sibling failing its restart does not restart the earlier ones once more."""
        children = (actor("a"), actor("b"), actor("c", initial=(fragile := Fragile())), actor("d"))
        world.tree(group("top", *children, strategy=Strategy.REST_FOR_ONE))
        fragile.fails = 1
        world.crash("b")
        world.advance(0)
        assert world.status(*"abcd") == ["running"] * 4
        assert world.incarnations(*"abcd") == [1, 2, 2, 2]

    def test_one_for_all_sibling_that_fails_to_restart(self, world: World) -> None:
        """Under one_for_all a failing restart of one brings all to rest again, and all come up."""
        children = (actor("a"), actor("b", initial=(fragile := Fragile())), actor("c"))
        world.tree(group("top", *children, strategy=Strategy.ONE_FOR_ALL))
        fragile.fails = 1
        world.crash("c")
        world.advance(0)
        assert world.status(*"abc") == ["running"] * 3
        assert world.incarnations(*"abc") == [3, 2, 2]

    def test_terminated_sibling_stays_so(self, world: World) -> None:
        """A child that an operator stopped is not brought back by a failure next to it."""
        tree = world.tree(group("top", *map(actor, "abc"), strategy=Strategy.ONE_FOR_ALL))
        tree.terminate_child("b")
        world.crash("a")
        assert world.status(*"abc") == ["running", "stopped", "running"]

    def test_terminated_while_waiting_stays_so(self, world: World) -> None:
        """A child that an operator stops between two incarnations does not come back with its group."""
        tree = world.tree(group("top", actor("a", backoff=SLOW), actor("b"), strategy=Strategy.ONE_FOR_ALL))
        world.crash("a")
        world.crash("a")
        tree.terminate_child("b")
        world.advance(5)
        assert world.status(*"ab") == ["running", "stopped"]

    def test_terminated_while_waiting_alone(self, world: World) -> None:
        """A child that an operator stops during its back-off leaves no timer behind."""
        tree = world.tree(group("top", actor("a", backoff=SLOW)))
        world.crash("a")
        world.crash("a")
        assert len(world.runtime.timers) == 1
        tree.terminate_child("a")
        assert len(world.runtime.timers) == 0

    def test_nested_sibling_keeps_its_mail(self, world: World) -> None:
        """A supervisor restarted with its siblings suspends its actors instead of ending them: mail waits."""
        inner = group("mid", actor("b"), actor("c"))
        world.tree(group("top", actor("a", backoff=SLOW), inner, strategy=Strategy.ONE_FOR_ALL))
        world.crash("a")
        world.crash("a")
        asked = queue(world, "c", Add(4))
        assert world.status(*"abc") == ["restarting"] * 3
        world.advance(1.0)
        assert asked.reply == 4
        assert world.stopped() == []


class TestOperators:
    def test_id_in_use(self, world: World) -> None:
        """S19: a second child of the same id is refused, saying whether the first runs."""
        tree = world.tree(group("top", actor("a")))
        with pytest.raises(ChildExists, match="running") as refused:
            tree.start_child(actor("a"))
        assert refused.value.running
        tree.terminate_child("a")
        with pytest.raises(ChildExists, match="not running") as refused:
            tree.start_child(actor("a"))
        assert not refused.value.running
        tree.delete_child("a")
        tree.start_child(actor("a"))

    def test_temporary_ids_become_free(self, world: World) -> None:
        """S01, S19: a temporary child is gone once it ended, by a crash or on request, and its id is free."""
        tree = world.tree(group("top"))
        for end in (world.crash, tree.terminate_child):
            tree.start_child(actor("t", Restart.TEMPORARY))
            end("t")
            assert tree.children() == {}
            assert "t" not in world.runtime.cells

    def test_max_children(self, world: World) -> None:
        """S26: the bound counts children between two incarnations; its refusal is an error of its own."""
        tree = world.tree(group("top", actor("a", backoff=SLOW), max_children=2))
        tree.start_child(actor("b"))
        world.crash("a")
        world.crash("a")
        with pytest.raises(TooManyChildren, match="bound of 2"):
            tree.start_child(actor("c"))
        tree.terminate_child("b")
        tree.delete_child("b")
        tree.start_child(actor("c"))

    def test_counts_stay_exact(self, world: World) -> None:
        """S21: through 2,000 children started and killed at random the counts are those of a list kept beside."""
        tree = world.tree(group("top", group("mid")))
        rng, alive, held = Random(5), {"mid"}, set()
        for number in range(2_000):
            kind = rng.choice(list(Restart))
            tree.start_child(actor(str(number), kind))
            alive.add(str(number))
            victim = rng.choice(sorted(alive - {"mid"}))
            tree.terminate_child(victim)
            alive.discard(victim)
            if victim in tree.children():
                held.add(victim)
            if held and rng.random() < 0.5:
                gone = held.pop()
                tree.delete_child(gone)
        assert tree.count() == Counts(len(alive) + len(held), len(alive), 1, len(alive) + len(held) - 1)
        assert len(world.runtime.cells) == len(alive) + len(held) - 1

    def test_restart_child(self, world: World) -> None:
        """A terminated child comes back on the state of its log; one that runs is refused."""
        tree = world.tree(group("top", actor("a")))
        world.add("a", 4)
        with pytest.raises(ChildExists):
            tree.restart_child("a")
        with pytest.raises(ChildExists):
            tree.delete_child("a")
        tree.terminate_child("a")
        tree.restart_child("a")
        assert (world.count("a"), world.incarnations("a")) == (4, [2])

    def test_deleting_forgets_the_log(self, world: World) -> None:
        """A deleted child starts from nothing if its id is used again; nested ones as well."""
        tree = world.tree(group("top", group("mid", actor("a"))))
        world.add("a", 4)
        tree.terminate_child("mid")
        tree.delete_child("mid")
        assert world.runtime.cells == {}
        tree.start_child(actor("a"))
        assert world.count("a") == 0

    def test_failed_start_child_leaves_nothing(self, world: World) -> None:
        """A child that does not start is not kept."""
        tree = world.tree(group("top"))
        for spec in (actor("a", initial=Fragile(1)), group("mid", actor("b"), actor("c", initial=Fragile(1)))):
            with pytest.raises(StartFailed):
                tree.start_child(spec)
            assert tree.children() == {}
            assert world.runtime.cells == {}

    def test_dynamic_children_come_back(self, world: World) -> None:
        """Children added later are restarted with their supervisor, on the state of their logs."""
        tree = world.tree(group("top", group("keys", child_intensity=ONCE)))
        keys = tree.supervisor("keys")
        keys.start_child(actor("k1"))
        keys.start_child(actor("k2"))
        world.add("k2", 3)
        world.crash("k1")
        world.crash("k1")
        assert keys.children() == {"k1": "running", "k2": "running"}
        assert world.count("k2") == 3

    def test_unknown_children(self, world: World) -> None:
        """Asking for a child that is not there says so; a stray report of a crash is ignored."""
        tree = world.tree(group("top"))
        for ask in (tree.terminate_child, tree.restart_child, tree.delete_child, tree.ref, tree.supervisor):
            with pytest.raises(NoSuchChild):
                ask("nobody")
        tree.crashed("nobody", "said a liar")
        tree.stop()
        with pytest.raises(SupervisorError, match="is stopped"):
            tree.start_child(actor("a"))

    def test_many_children_are_cheap(self, world: World) -> None:
        """A supervisor keeps one dict entry a child, and a failure among 20,000 touches one of them."""
        tree = world.tree(group("top", *(actor(str(n)) for n in range(20_000))))
        world.crash("777")
        assert list(tree._histories) == ["777"]
        assert not tree._waiting
        assert world.restarted() == ["777"]
