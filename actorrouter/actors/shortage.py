"""Why a limit has no room for an amount, and when it will: one refusal for each limit that failed. Pure."""

from __future__ import annotations

from typing import Any

from actorrouter.actors.windows import Window
from actorrouter.values import CONCURRENCY, INF, Basis, Refusal


def shortage(window: Window, holder: str, amount: Any, now: float, latest: float, *, in_flight: bool) -> Refusal | None:
    """The limit's no, or None if `amount` fits. `latest`: when what is held now ends at the latest."""
    terms = window.terms
    if not window.fits(amount):
        return Refusal(
            holder,
            f"{amount} {terms.dimension} can never fit {_told(window)}",
            dimension=terms.dimension,
            requested=amount,
            available=window.room(now),
            final=True,
        )
    ready = window.ready_at(amount, now)
    if ready <= now:
        return None
    unknown = ready == INF
    return Refusal(
        holder,
        f"{terms.dimension} of {_told(window)} are in use",
        ready,
        Basis.UNKNOWN if unknown else Basis.EXACT,
        terms.dimension,
        amount,
        window.room(now),
        latest=max(now, latest) if unknown else ready,
        firm=not unknown and not window.held and not (terms.settles and in_flight),
    )


def _told(window: Window) -> str:
    terms = window.terms
    per = "" if terms.dimension == CONCURRENCY else f" per {terms.window_s:g} s"
    burst = f", burst {window.capacity:g}" if window.capacity != terms.amount else ""
    return f"{terms.amount:g}{per}{burst}"
