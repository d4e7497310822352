"""What actors are told. Verbs; values; no behaviour."""

from __future__ import annotations

import attrs

from actorrouter.values import Amounts, OutcomeClass, QuotaObservation, Scope, value


@value
class Reserve:
    """Is there room for these amounts? Asked of every holder of one candidate; `upstream_model` is the provider's."""

    reservation_id: int
    amounts: Amounts
    upstream_model: str
    expires_at: float


@value
class Dispatch:
    """The request is on the wire: what is charged up front starts to drain. Repeats change nothing."""

    reservation_id: int


@value
class Settle:
    """The truth about one reservation. Late is fine; repeats change nothing.

    `usage`: real amounts; a dimension missing from it stands as reserved. `charged`: False only when nothing left the
    process. `retry_at`: monotonic second before which the blamed holder must not be used. `draw`: random in [0, 1).
    """

    reservation_id: int
    outcome: OutcomeClass
    scope: Scope
    usage: Amounts
    charged: bool = True
    retry_at: float | None = None
    draw: float = 0.5


@value
class Expire:
    """The lease ran out and its owner is gone: charge in full."""

    reservation_id: int


@value
class Renew:
    """The owner lives: the lease goes on until `expires_at`."""

    reservation_id: int
    expires_at: float


@value
class Observe:
    """What the provider said about the pool's limits while answering a reservation's request (0: nobody's)."""

    observations: tuple[QuotaObservation, ...]
    reservation_id: int = 0


@value
class ClockRead:
    """Wall and monotonic clock read together, for calendar limits. Sent at start, each minute and after a jump."""

    wall: float
    monotonic: float


@value
class Clear:
    """An operator forgives: cooldowns, strikes and a disabled state are gone. `probe`: not an operator; it may come
    back, and one request is to prove it."""

    probe: bool = False


@value
class Disable:
    """An operator takes the key out until it is cleared."""

    reason: str = "operator"


@value
class Drain:
    """No new work; what is in flight finishes."""


@value
class Isolate:
    """Hold the circuit open until it is reset, whatever results arrive."""


@value
class Ticket:
    """One place in the waiting room; `ticket_id` is also its parked ask. `deadline`, `since`: monotonic seconds.

    `back`: it had been served and the send failed; it waits on in front of those who came after it."""

    ticket_id: int
    tenant: str
    priority: int
    since: float
    deadline: float
    demand: object = attrs.field(repr=False)
    back: bool = False


@value
class Enqueue:
    """Wait in line for capacity. The reply is deferred until a grant arrives."""

    ticket: Ticket


@value
class Peek:
    """Who is next? Answered with at most `limit` tickets in the order of service; changes nothing."""

    limit: int = 1


@value
class Serve:
    """Give the ticket's parked asker this grant."""

    ticket_id: int
    grant: object = attrs.field(repr=False)


@value
class Shut:
    """Close the waiting room: every parked asker is answered with `error`, newcomers too."""

    error: Exception
