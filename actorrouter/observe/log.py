"""Events as structured log lines. A reader like any other: it sees what happened, holds no state, changes nothing.

Names are `noun_participle`. No event holds a secret, so no line can. Where lines go is the application's structlog
set-up.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs
import structlog

from actorrouter import events as ev

_NAMES: Final[Mapping[type, tuple[str, int]]] = {
    ev.Granted: ("reservation_granted", logging.DEBUG),
    ev.Dispatched: ("request_dispatched", logging.DEBUG),
    ev.Settled: ("reservation_settled", logging.DEBUG),
    ev.Renewed: ("lease_renewed", logging.DEBUG),
    ev.Expired: ("lease_expired", logging.WARNING),
    ev.SettlementRepeated: ("settlement_repeated", logging.INFO),
    ev.Observed: ("limits_observed", logging.DEBUG),
    ev.ClockAligned: ("clock_aligned", logging.DEBUG),
    ev.Cleared: ("holder_cleared", logging.INFO),
    ev.Disabled: ("key_disabled", logging.WARNING),
    ev.Draining: ("key_draining", logging.INFO),
    ev.Isolated: ("circuit_isolated", logging.WARNING),
    ev.Enqueued: ("call_queued", logging.DEBUG),
    ev.Served: ("call_served", logging.DEBUG),
    ev.Withdrawn: ("call_withdrawn", logging.DEBUG),
    ev.RoomShut: ("waiting_room_shut", logging.INFO),
    ev.ActorCrashed: ("actor_crashed", logging.ERROR),
    ev.ActorRestarted: ("actor_restarted", logging.WARNING),
    ev.ActorStopped: ("actor_stopped", logging.INFO),
    ev.SupervisorGaveUp: ("supervisor_gave_up", logging.ERROR),
    ev.Quarantined: ("provider_quarantined", logging.ERROR),
    ev.DeadLettered: ("message_dead_lettered", logging.WARNING),
}

_LEFT_OUT: Final = frozenset({"ticket"})


def log_reader(level: str) -> Callable[[Any], None]:
    """A reader that logs every event of at least this level ("debug", "info", "warning", "error")."""
    least = logging.getLevelNamesMapping()[level.upper()]
    told = {kind: (name, at) for kind, (name, at) in _NAMES.items() if at >= least}
    log = structlog.get_logger("actorrouter")

    def read(event: Any) -> None:
        found = told.get(type(event))
        if found is not None:
            log.log(found[1], found[0], **_fields(event))

    return read


def _fields(event: Any) -> dict[str, Any]:
    named = {field.name: getattr(event, field.name) for field in attrs.fields(type(event))}
    return {name: _plain(given) for name, given in named.items() if name not in _LEFT_OUT}


def _plain(given: Any) -> Any:
    if isinstance(given, Mapping):
        return {name: _plain(each) for name, each in given.items()}
    return str(given) if not isinstance(given, str | int | float | bool | tuple | type(None)) else given
