"""The waiting room of one route: who waits, in which order. It owns only the queue; the router dispatches.

Order: priority, then tenants in turn, then arrival. A ticket is also the id of its parked ask.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from itertools import islice

import attrs

from actorrouter.events import Enqueued, RoomShut, Served, Withdrawn
from actorrouter.messages import Enqueue, Peek, Serve, Shut, Ticket
from actorrouter.turns import DEFER, Answer, AskWithdrawn, Behaviour, Turn
from actorrouter.values import record


@record
class RoomFull:
    """The waiting room is at its bound."""

    waiting: int


@record
class RouteState:
    """`lines`: priority -> tenant -> ticket ids in order of arrival; the tenant in front is next."""

    route: str
    waiting_max: int
    tickets: dict[int, Ticket] = attrs.field(factory=dict)
    lines: dict[int, OrderedDict[str, OrderedDict[int, None]]] = attrs.field(factory=dict)
    shut: bool = False


def enqueue(state: RouteState, message: Enqueue, now: float) -> Turn:
    """Take a place, or say at once that there is none. The reply comes with a grant."""
    if state.shut or len(state.tickets) >= state.waiting_max:
        return Turn(RoomFull(len(state.tickets)))
    return Turn(DEFER, (Enqueued(now, (state.route,), message.ticket),))


def peek(state: RouteState, message: Peek, now: float) -> Turn:
    """The next tickets in order of service."""
    return Turn(tuple(islice(_in_order(state), message.limit)))


def _in_order(state: RouteState) -> Iterator[Ticket]:
    for priority in sorted(state.lines):
        started: list[Iterator[int]] = []
        for line in state.lines[priority].values():
            ids = iter(line)
            yield state.tickets[next(ids)]
            started.append(ids)
        while started:
            for ids in tuple(started):
                ticket_id = next(ids, None)
                if ticket_id is None:
                    started.remove(ids)
                else:
                    yield state.tickets[ticket_id]


def serve(state: RouteState, message: Serve, now: float) -> Turn:
    """Hand the grant to the ticket's asker. The reply says whether the ticket was still waiting."""
    if message.ticket_id not in state.tickets:
        return Turn(reply=False)
    served = Served(now, (state.route,), message.ticket_id)
    return Turn(True, (served,), (Answer(message.ticket_id, message.grant),))


def withdraw(state: RouteState, message: AskWithdrawn, now: float) -> Turn:
    """The asker has gone: its place is free."""
    if message.ask_id not in state.tickets:
        return Turn()
    return Turn(events=(Withdrawn(now, (state.route,), message.ask_id),))


def shut(state: RouteState, message: Shut, now: float) -> Turn:
    """Answer everybody with the error and take nobody any more."""
    answers = tuple(Answer(ticket_id, message.error) for ticket_id in state.tickets)
    return Turn(events=(RoomShut(now, (state.route,)),), commands=answers)


def enqueued(state: RouteState, event: Enqueued) -> None:
    ticket = event.ticket
    state.tickets[ticket.ticket_id] = ticket
    tenants = state.lines.setdefault(ticket.priority, OrderedDict())
    line = tenants.setdefault(ticket.tenant, OrderedDict())
    line[ticket.ticket_id] = None
    if ticket.back:
        line.move_to_end(ticket.ticket_id, last=False)
        tenants.move_to_end(ticket.tenant, last=False)


def served(state: RouteState, event: Served) -> None:
    ticket = _leave(state, event.ticket_id)
    tenants = state.lines.get(ticket.priority)
    if tenants is not None and ticket.tenant in tenants:
        tenants.move_to_end(ticket.tenant)


def withdrawn(state: RouteState, event: Withdrawn) -> None:
    _leave(state, event.ticket_id)


def _leave(state: RouteState, ticket_id: int) -> Ticket:
    ticket = state.tickets.pop(ticket_id)
    tenants = state.lines[ticket.priority]
    line = tenants[ticket.tenant]
    del line[ticket_id]
    if not line:
        del tenants[ticket.tenant]
    if not tenants:
        del state.lines[ticket.priority]
    return ticket


def room_shut(state: RouteState, event: RoomShut) -> None:
    state.tickets.clear()
    state.lines.clear()
    state.shut = True


def copy(state: RouteState) -> RouteState:
    lines = {
        priority: OrderedDict((tenant, OrderedDict(line)) for tenant, line in tenants.items())
        for priority, tenants in state.lines.items()
    }
    return RouteState(state.route, state.waiting_max, dict(state.tickets), lines, state.shut)


def weigh(state: RouteState) -> int:
    return len(state.tickets)


BEHAVIOUR = Behaviour(
    name="route",
    decide={Enqueue: enqueue, Peek: peek, Serve: serve, AskWithdrawn: withdraw, Shut: shut},
    evolve={Enqueued: enqueued, Served: served, Withdrawn: withdrawn, RoomShut: room_shut},
    copy=copy,
    weigh=weigh,
)
