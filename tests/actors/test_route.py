"""The waiting room: who is next, and what everybody in it is told."""

from __future__ import annotations

from collections import deque
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from actorrouter.actors import route
from actorrouter.actors.route import RoomFull, RouteState
from actorrouter.messages import Enqueue, Peek, Serve, Shut, Ticket
from actorrouter.turns import DEFER, Answer, AskWithdrawn
from tests.actors.model import Driver


def room(waiting_max: int = 100) -> Driver:
    """An empty waiting room."""
    return Driver(route.BEHAVIOUR, RouteState("route:r", waiting_max))


def ticket(ticket_id: int, tenant: str = "", priority: int = 0) -> Ticket:
    """One who waits."""
    return Ticket(ticket_id, tenant, priority, since=0.0, deadline=60.0, demand=None)


def waiting(*tickets: tuple[int, str, int], waiting_max: int = 100) -> Driver:
    """A room in which these arrived, in this order: (ticket id, tenant, priority)."""
    driver = room(waiting_max)
    for each in tickets:
        assert driver.tell(Enqueue(ticket(*each)), 0.0).reply is DEFER
    return driver


def order(driver: Driver, limit: int = 1000) -> list[int]:
    """Ids in order of service, as `Peek` tells it."""
    return [each.ticket_id for each in driver.decide(Peek(limit), 0.0).reply]


def served(driver: Driver) -> list[int]:
    """Ids in the order in which they really are served, one `Peek` and `Serve` after another."""
    found: list[int] = []
    while front := order(driver, 1):
        assert driver.tell(Serve(front[0], "grant"), 0.0).reply is True
        found += front
    return found


# ---------------------------------------------------------------------------------------------------------------- order


def test_one_tenant_is_served_in_order_of_arrival() -> None:
    """Within a tenant and a priority, first come is first served (L24)."""
    assert served(waiting((1, "a", 0), (2, "a", 0), (3, "a", 0))) == [1, 2, 3]


def test_a_lower_priority_number_goes_first_whenever_it_arrived() -> None:
    """Priority beats arrival, and beats the turns of tenants."""
    assert served(waiting((1, "a", 5), (2, "a", 0), (3, "b", -1), (4, "a", 0))) == [3, 2, 4, 1]


def test_tenants_take_turns() -> None:
    """A tenant with a thousand requests delays another's first one by one place, not by a thousand."""
    many = [(each, "greedy", 0) for each in range(1000)]
    assert order(waiting(*many, (5000, "modest", 0), waiting_max=2000), 3) == [0, 5000, 1]


def test_a_tenant_that_was_served_goes_behind_the_others() -> None:
    """The turn is taken by being served; who arrives meanwhile does not take it again."""
    driver = waiting((1, "a", 0), (2, "a", 0), (3, "b", 0))
    driver.tell(Serve(1, "grant"), 0.0)
    driver.tell(Enqueue(ticket(4, "c")), 0.0)
    assert order(driver) == [3, 2, 4]


def test_serving_out_of_turn_takes_the_turn_too() -> None:
    """Whose request fitted first has had his turn, though he was not in front."""
    driver = waiting((1, "a", 0), (2, "b", 0), (3, "b", 0), (4, "a", 0))
    driver.tell(Serve(2, "grant"), 0.0)
    driver.tell(Enqueue(ticket(5, "c")), 0.0)
    assert order(driver) == [1, 3, 5, 4]


def test_one_whose_send_failed_waits_on_in_front() -> None:
    """Put back after being served, a request goes before all who came after it, of its tenant and of others."""
    driver = waiting((1, "a", 0), (2, "a", 0), (3, "b", 0))
    driver.tell(Serve(1, "grant"), 0.0)
    driver.tell(Enqueue(Ticket(4, "a", 0, since=0.0, deadline=60.0, demand=None, back=True)), 1.0)
    assert served(driver) == [4, 3, 2]


def test_a_withdrawal_does_not_cost_the_tenant_its_turn() -> None:
    """Only a served request moves its tenant back."""
    driver = waiting((1, "a", 0), (2, "a", 0), (3, "b", 0))
    driver.tell(AskWithdrawn(1), 1.0)
    assert order(driver) == [2, 3]


class _Counted(dict[int, Ticket]):
    """Tickets that count how often one is looked up."""

    looked_up = 0

    def __getitem__(self, ticket_id: int) -> Ticket:
        self.looked_up += 1
        return super().__getitem__(ticket_id)


def test_peek_looks_at_no_more_tickets_than_it_tells() -> None:
    """To name the next three of ten thousand, three are looked up."""
    driver = Driver(route.BEHAVIOUR, RouteState("route:r", 10_000), checked=False)
    for each in range(10_000):
        driver.tell(Enqueue(ticket(each, f"tenant {each % 7}")), 0.0)
    driver.state.tickets = counted = _Counted(driver.state.tickets)
    assert order(driver, 3) == [0, 1, 2]
    assert counted.looked_up == 3


def test_peek_at_an_empty_room_or_at_nobody_is_empty() -> None:
    """No ticket is invented."""
    assert order(room()) == order(waiting((1, "a", 0)), 0) == []


# --------------------------------------------------------------------------------------------------- places and answers


def test_the_room_is_bounded_and_a_place_left_is_free() -> None:
    """At the bound a newcomer is told so at once, and nothing is kept of it; a withdrawal makes room for one."""
    driver = waiting((1, "a", 0), (2, "b", 0), waiting_max=2)
    turn = driver.tell(Enqueue(ticket(3)), 0.0)
    assert turn.reply == RoomFull(2)
    assert not turn.events
    driver.tell(AskWithdrawn(1), 1.0)
    assert driver.tell(Enqueue(ticket(4)), 1.0).reply is DEFER
    assert driver.tell(Enqueue(ticket(5)), 1.0).reply == RoomFull(2)


def test_a_room_without_places_takes_nobody() -> None:
    """A bound of 0 refuses the first."""
    assert room(0).tell(Enqueue(ticket(1)), 0.0).reply == RoomFull(0)


def test_a_grant_is_handed_out_once() -> None:
    """The second `Serve` of a ticket answers False and wakes nobody: the router still has its grant."""
    driver = waiting((1, "a", 0))
    first, second = driver.tell(Serve(1, "grant"), 1.0), driver.tell(Serve(1, "other"), 1.0)
    assert (first.reply, first.commands) == (True, (Answer(1, "grant"),))
    assert (second.reply, second.events, second.commands) == (False, (), ())


def test_who_has_gone_is_not_served() -> None:
    """A grant for a withdrawn ticket comes back to the router, and a second withdrawal changes nothing (L49)."""
    driver = waiting((1, "a", 0))
    assert len(driver.tell(AskWithdrawn(1), 1.0).events) == 1
    assert driver.tell(Serve(1, "grant"), 1.0).reply is False
    assert driver.tell(AskWithdrawn(1), 2.0).events == ()


def test_shutting_answers_everybody_and_refuses_newcomers() -> None:
    """Nobody is left waiting for ever, whatever his priority; a second shut finds nobody."""
    driver, error = waiting((1, "a", 0), (2, "b", 3), (3, "a", -1)), RuntimeError("closed")
    assert list(driver.tell(Shut(error), 1.0).commands) == [Answer(each, error) for each in (1, 2, 3)]
    assert order(driver) == []
    assert driver.tell(Enqueue(ticket(4)), 2.0).reply == RoomFull(0)
    assert driver.tell(Shut(error), 2.0).commands == ()


# ------------------------------------------------------------------------------------------------------- state and copy


def test_a_copy_knows_nothing_of_what_happens_later() -> None:
    """A snapshot is not changed by serving, withdrawing or shutting the original."""
    driver = waiting((1, "a", 0), (2, "a", 0), (3, "b", 1))
    snapshot = Driver(route.BEHAVIOUR, route.copy(driver.state))
    driver.tell(Serve(1, "grant"), 1.0)
    driver.tell(AskWithdrawn(3), 1.0)
    driver.tell(Shut(RuntimeError()), 1.0)
    assert order(snapshot) == [1, 2, 3]
    assert not snapshot.state.shut


def test_an_empty_room_holds_nothing() -> None:
    """Tenants and priorities that come and go leave no line behind."""
    driver = waiting(*((each, f"tenant {each}", each % 3) for each in range(30)))
    assert route.weigh(driver.state) == 30
    served(driver)
    assert (driver.state.lines, driver.state.tickets, route.weigh(driver.state)) == ({}, {}, 0)


class Books:
    """The same room as lists that can be read at a glance: a queue of (tenant, ids) a priority."""

    def __init__(self) -> None:
        self.queues: dict[int, deque[tuple[str, list[int]]]] = {}

    def enqueue(self, one: Ticket) -> None:
        """Behind the tenant's own, a new tenant behind all."""
        queue = self.queues.setdefault(one.priority, deque())
        line = next((ids for tenant, ids in queue if tenant == one.tenant), None)
        if line is None:
            queue.append((one.tenant, [one.ticket_id]))
        else:
            line.append(one.ticket_id)

    def leave(self, ticket_id: int, *, was_served: bool) -> None:
        """Out of its line; a served tenant goes to the end."""
        for queue in self.queues.values():
            for entry in tuple(queue):
                if ticket_id in entry[1]:
                    entry[1].remove(ticket_id)
                    if was_served or not entry[1]:
                        queue.remove(entry)
                    if was_served and entry[1]:
                        queue.append(entry)

    def order(self) -> list[int]:
        """Priority by priority, round by round."""
        found: list[int] = []
        for priority in sorted(self.queues):
            lines = [ids for _, ids in self.queues[priority]]
            rounds = range(max(map(len, lines), default=0))
            found += [ids[n] for n in rounds for ids in lines if n < len(ids)]
        return found


steps = st.lists(st.tuples(st.sampled_from("eeeesw"), st.integers(0, 30), st.sampled_from("abc"), st.integers(0, 2)))


@settings(max_examples=150, deadline=None)
@given(steps=steps)
def test_the_order_told_is_the_order_of_the_books_and_of_service(steps: list[tuple[Any, ...]]) -> None:
    """Whatever arrives, is served and withdraws: `Peek` tells the books' order, its beginning for a smaller limit, and
    serving the front until nobody is left follows it."""
    driver, books = room(), Books()
    for ticket_id, (step, pick, tenant, priority) in enumerate(steps):
        ids = books.order()
        if step == "e":
            driver.tell(Enqueue(ticket(ticket_id, tenant, priority)), 0.0)
            books.enqueue(ticket(ticket_id, tenant, priority))
        elif ids:
            gone = ids[pick % len(ids)]
            driver.tell(Serve(gone, "grant") if step == "s" else AskWithdrawn(gone), 0.0)
            books.leave(gone, was_served=step == "s")
        assert order(driver) == books.order()
        assert order(driver, pick) == books.order()[:pick]
    assert served(driver) == books.order()
