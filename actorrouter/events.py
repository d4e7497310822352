"""What happened. Participles; values. An actor's state is the fold of its events; every event carries `at`.

`at` is monotonic seconds on the runtime's clock. An event names the actors it concerns in `holders`.
"""

from __future__ import annotations

import attrs

from actorrouter.messages import Ticket
from actorrouter.values import Amounts, OutcomeClass, QuotaObservation, Scope, value


@value
class Granted:
    """All holders of a candidate reserved these amounts, in one step."""

    at: float
    reservation_id: int
    key_id: str
    upstream_model: str
    route: str
    amounts: Amounts
    expires_at: float
    holders: tuple[str, ...]
    decision_id: int = 0


@value
class Dispatched:
    """The request went on the wire at `at`."""

    at: float
    reservation_id: int
    holders: tuple[str, ...]


@value
class Settled:
    """A reservation ended with the truth. `surprise`: what was used beyond what was reserved, by dimension.

    `released`: nothing is charged because nothing left the process. `late`: it came after expiry.
    """

    at: float
    reservation_id: int
    key_id: str
    holders: tuple[str, ...]
    outcome: OutcomeClass
    scope: Scope
    usage: Amounts
    surprise: Amounts
    charged: bool = True
    retry_at: float | None = None
    draw: float = 0.5
    late: bool = False


@value
class Expired:
    """A lease ran out and its owner was gone: charged in full, kept for a late settlement."""

    at: float
    reservation_id: int
    key_id: str
    holders: tuple[str, ...]


@value
class Renewed:
    """A lease was prolonged."""

    at: float
    reservation_id: int
    expires_at: float
    holders: tuple[str, ...]


@value
class SettlementRepeated:
    """A settlement for a reservation that had ended already; ignored."""

    at: float
    reservation_id: int
    holders: tuple[str, ...] = ()


@value
class Observed:
    """The provider told the state of its limits."""

    at: float
    holders: tuple[str, ...]
    observations: tuple[QuotaObservation, ...]
    reservation_id: int = 0


@value
class ClockAligned:
    """Wall and monotonic clock were read together. `jumped`: the wall clock moved more than a second on its own."""

    at: float
    wall: float
    holders: tuple[str, ...]


@value
class Cleared:
    """An operator forgave the holder; or it may come back if one request proves it (`probe`)."""

    at: float
    holders: tuple[str, ...]
    probe: bool = False


@value
class Disabled:
    """A key was taken out."""

    at: float
    holders: tuple[str, ...]
    reason: str


@value
class Draining:
    """A key takes no new work."""

    at: float
    holders: tuple[str, ...]


@value
class Isolated:
    """A circuit is held open by hand."""

    at: float
    holders: tuple[str, ...]


@value
class Enqueued:
    """A request waits in line."""

    at: float
    holders: tuple[str, ...]
    ticket: Ticket


@value
class Served:
    """A waiting request got its grant."""

    at: float
    holders: tuple[str, ...]
    ticket_id: int


@value
class Withdrawn:
    """A waiting request gave up its place: cancelled or past its deadline."""

    at: float
    holders: tuple[str, ...]
    ticket_id: int


@value
class RoomShut:
    """The waiting room closed."""

    at: float
    holders: tuple[str, ...]


@value
class ActorCrashed:
    """A turn raised, or state broke while applying an event. `cause` never holds a secret: type and place only.

    `reservation_id`: which one the message or event was about, 0 if none."""

    at: float
    actor: str
    incarnation: int
    cause: str
    where: str
    reservation_id: int = 0


@value
class ActorRestarted:
    """A new incarnation runs on state rebuilt from snapshot and journal."""

    at: float
    actor: str
    incarnation: int


@value
class ActorStopped:
    """An actor ended for good."""

    at: float
    actor: str
    reason: str


@value
class SupervisorGaveUp:
    """More restarts than allowed: the subtree was stopped and its parent told."""

    at: float
    supervisor: str
    child: str
    restarts: int
    within_s: float


@value
class Quarantined:
    """A provider's subtree gave up; the rest serves on."""

    at: float
    supervisor: str
    cause: str


@value
class DeadLettered:
    """A message had nobody to take it."""

    at: float
    actor: str
    message: str
    count: int = attrs.field(default=1)
