"""Law 6, every decision can be explained: the record is kept as long as promised, and its facts lead to its choice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from actorrouter.events import Granted
from actorrouter.observe.decisions import TRIED_MAX, Decision, explain, in_order, replay
from actorrouter.observe.laws.found import Tell

_EXPLAIN_EVERY: Final = 64
"""Telling in words costs more than looking; one grant in this many is told."""


class Explained:
    """Looks up the decision behind every grant and every error."""

    def __init__(self, tell: Tell, decision: Callable[[int], Decision | None]) -> None:
        self._tell = tell
        self._decision = decision
        self._granted = 0

    def granted(self, event: Granted) -> None:
        """The decision was written down in the same step as the grant."""
        self._granted += 1
        decision = self._decision(event.decision_id)
        if decision is None:
            self._tell(6, event.at, f"no record of decision {event.decision_id} for reservation {event.reservation_id}")
            return
        self._check(decision, event.at)
        wrong = [
            name
            for name, said, was in (
                ("key", decision.chosen, event.key_id),
                ("reservation", decision.reservation_id, event.reservation_id),
                ("route", decision.route, event.route),
                ("amounts", dict(decision.amounts), dict(event.amounts)),
                ("instant", decision.at, event.at),
            )
            if said != was
        ]
        if wrong:
            self._tell(6, event.at, f"decision {event.decision_id} records another {', '.join(wrong)} than was granted")
        if self._granted % _EXPLAIN_EVERY == 0 and event.key_id not in explain(decision):
            self._tell(6, event.at, f"decision {event.decision_id} does not tell that key {event.key_id} was chosen")

    def failed(self, decision_id: int | None, last_id: int, most: int, now: float) -> None:
        """An error that names a decision can be asked about. `last_id`, `most`: what the bound may have evicted."""
        if decision_id is None:
            return
        decision = self._decision(decision_id)
        if decision is not None:
            self._check(decision, now)
        elif last_id - decision_id < most:  # ids of other things lie between, so this is never too strict
            self._tell(6, now, f"an error names decision {decision_id}, of which there is no record")

    def _check(self, decision: Decision, now: float) -> None:
        number = decision.decision_id
        if replay(decision) != decision.chosen:
            self._tell(6, now, f"decision {number} chose {decision.chosen!r}, its facts lead to {replay(decision)!r}")
        if not decision.pinned and not in_order(decision):
            self._tell(6, now, f"decision {number} asked a more loaded key of a candidate before a less loaded one")
        if len(decision.tried) > TRIED_MAX + 1:
            self._tell(6, now, f"decision {number} keeps {len(decision.tried)} keys, more than its bound")
