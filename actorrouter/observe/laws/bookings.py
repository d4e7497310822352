"""Every reservation as the events tell it: who granted, where it ended, and that it ended once (law 2)."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Iterable
from typing import Final

import attrs

from actorrouter.events import Dispatched, Expired, Granted, Renewed, Settled
from actorrouter.observe.laws.found import Tell
from actorrouter.runtime.cell import Cell
from actorrouter.values import INF

_ENDED_MAX: Final = 20_000
_LATE_MAX: Final = 20_000
_KEPT_MIN: Final = 9_000
"""So many expired reservations every holder remembers for their settlements."""
_INSTANT_S: Final = 1e-6


@attrs.define(eq=False)
class Booking:
    """`open`: holders where it has not ended. `late`: where it has expired, hence is charged, and may still be settled:
    holder -> charged since. `over`: where it has expired for good. `sent`: holders -> dispatched at."""

    granted: Granted
    expires_at: float
    open: set[str]
    late: dict[str, float] = attrs.field(factory=dict)
    over: set[str] = attrs.field(factory=set)
    sent: dict[str, float] = attrs.field(factory=dict)
    ended: str = ""


class Bookings:
    """All reservations that have not ended everywhere, and the last that have."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self.booked: OrderedDict[int, Booking] = OrderedDict()
        self.ended: OrderedDict[int, Booking] = OrderedDict()
        self.open_at: defaultdict[str, set[int]] = defaultdict(set)
        self.late_at: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self.in_flight: defaultdict[str, int] = defaultdict(int)
        """By key, as the board counts: until the first ending."""
        self.counted_s: dict[str, float] = {}
        """Pools: how long what is charged can count. After that an expired reservation may be forgotten."""
        self.unsure: set[str] = set()
        """Holders that were told late of what they may have forgotten."""
        self.broke_at: dict[str, float] = {}
        """Holders that raised when an ending reached them late: there it stays open until it expires."""

    # ------------------------------------------------------------------------------------------------------ beginnings

    def granted(self, event: Granted, takers: set[str]) -> Booking:
        """A new reservation at those of its holders that did not break on it."""
        number = event.reservation_id
        if number in self.booked or number in self.ended:
            self._tell(2, event.at, f"reservation {number} was granted twice")
        booking = self.booked[number] = Booking(event, event.expires_at, set(takers))
        for holder in takers:
            self.open_at[holder].add(number)
        self.in_flight[event.key_id] += 1
        if not takers:  # all broke on it: it is taken back at once, and nobody is left to be told
            self._end(booking, "taken back")
            self._close(booking)
        return booking

    def adopt(self, cell: Cell, expires_at: float) -> None:
        """Take what an earlier process left with this holder as it stands; the board knows nothing of it."""
        holder = cell.actor_id
        for number, what in getattr(cell.state, "opened", {}).items():
            booking = self.booked.get(number)
            holders = (*(booking.granted.holders if booking is not None else ()), holder)
            key_id = next((each.removeprefix("key:") for each in holders if each.startswith("key:")), "")
            granted = Granted(expires_at, number, key_id, "", "", {}, expires_at, holders)
            if booking is None:
                booking = self.booked[number] = Booking(granted, expires_at, set(), ended="left by another process")
            booking.granted = granted
            if (what[2] if isinstance(what, tuple) else getattr(what, "expired_at", None)) is not None:
                booking.late[holder] = self.late_at[holder][number] = expires_at
            else:
                booking.open.add(holder)
                self.open_at[holder].add(number)

    def dispatched(self, event: Dispatched, takers: set[str]) -> tuple[Booking | None, list[str]]:
        """It went on the wire. Repeats change nothing."""
        booking = self._known(event, "dispatched")
        if booking is None:
            return None, []
        news = [holder for holder in takers if holder in booking.open and holder not in booking.sent]
        booking.sent.update(dict.fromkeys(news, event.at))
        return booking, news

    def renewed(self, event: Renewed) -> None:
        """The lease goes on."""
        booking = self._known(event, "renewed")
        if booking is not None:
            if booking.ended:
                self._tell(2, event.at, f"reservation {event.reservation_id} was renewed after it had {booking.ended}")
            booking.expires_at = max(booking.expires_at, event.expires_at)

    def _known(self, event: Dispatched | Renewed | Settled | Expired, what: str) -> Booking | None:
        booking = self.booked.get(event.reservation_id)
        if booking is None:
            before = self.ended.get(event.reservation_id)
            late = before is not None and before.ended == "expired" and isinstance(event, Settled) and event.late
            if not late:  # a late settlement that no holder needs any more is fine
                why = "was never granted" if before is None else f"had {before.ended} everywhere"
                self._tell(2, event.at, f"reservation {event.reservation_id} was {what} but {why}")
        return booking

    # --------------------------------------------------------------------------------------------------------- endings

    def settled(self, event: Settled, takers: set[str]) -> tuple[Booking | None, list[str]]:
        """It ended with the truth. The holders where this is news."""
        booking = self._known(event, "settled")
        if booking is None:
            return None, []
        self._check_ending(booking, event, event.holders, "settled")
        if event.late != (booking.ended == "expired"):
            word = "late" if event.late else "in time"
            self._tell(
                2, event.at, f"reservation {event.reservation_id}, {booking.ended or 'open'}, was settled {word}"
            )
        self._end(booking, "settled")
        news = [holder for holder in takers if holder in booking.open or holder in booking.late]
        self._twice(event, takers - set(news) - booking.over, "settled")
        stale = {holder for holder in news if self.may_be_forgotten(holder, event.reservation_id, event.at)}
        self.unsure |= stale
        for holder in news:
            self._leave(booking, holder)
        self._close(booking)
        return booking, [holder for holder in news if holder not in stale]

    def expired(self, event: Expired, takers: set[str]) -> tuple[Booking | None, list[str]]:
        """Its owner is gone. Never before its time."""
        self._reopen(event)
        booking = self._known(event, "expired")
        if booking is None:
            return None, []
        self._check_ending(booking, event, event.holders, "expired")
        if event.at < booking.expires_at - _INSTANT_S:
            early_s = booking.expires_at - event.at
            self._tell(
                2, event.at, f"reservation {event.reservation_id} expired {early_s:.3f} s before its lease ended"
            )
        self._end(booking, "expired")
        news = [holder for holder in takers if holder in booking.open]
        self._twice(event, takers - set(news), "expired")
        for holder in news:
            self._leave(booking, holder)
            if holder.startswith(("pool:", "budget:")):
                booking.late[holder] = self.late_at[holder][event.reservation_id] = booking.sent.get(holder, event.at)
            else:
                booking.over.add(holder)
        self._close(booking)
        self._bound()
        return booking, news

    def _reopen(self, event: Expired) -> None:
        """Where a holder broke on the settlement when that reached it late, the reservation was open all the time."""
        booking = self.ended.get(event.reservation_id) or self.booked.get(event.reservation_id)
        broke = {holder for holder in event.holders if holder in self.broke_at}
        if booking is None or not broke:
            return
        self.ended.pop(event.reservation_id, None)
        self.booked[event.reservation_id] = booking
        booking.open |= broke
        for holder in broke:
            self.open_at[holder].add(event.reservation_id)

    def _check_ending(self, booking: Booking, event: Settled | Expired, holders: Iterable[str], what: str) -> None:
        number = event.reservation_id
        again = what == "expired" and booking.ended == "expired"  # a holder that broke on it, each by itself
        if (missing := sorted(booking.open - set(holders))) and not again:
            self._tell(2, event.at, f"reservation {number} was {what} without {', '.join(missing)}")
        if foreign := sorted(set(holders) - set(booking.granted.holders)):
            self._tell(2, event.at, f"reservation {number} was {what} at {', '.join(foreign)}, which never granted it")

    def _twice(self, event: Settled | Expired, holders: set[str], what: str) -> None:
        if holders:
            at = ", ".join(sorted(holders))
            self._tell(2, event.at, f"reservation {event.reservation_id} was {what} at {at}, where it had ended")

    def _end(self, booking: Booking, how: str) -> None:
        if not booking.ended:
            self.in_flight[booking.granted.key_id] -= 1
        booking.ended = how

    def _leave(self, booking: Booking, holder: str) -> None:
        number = booking.granted.reservation_id
        booking.open.discard(holder)
        booking.late.pop(holder, None)
        self.open_at[holder].discard(number)
        self.late_at[holder].pop(number, None)

    def _close(self, booking: Booking) -> None:
        if booking.open or booking.late:
            return
        number = booking.granted.reservation_id
        self.booked.pop(number, None)
        self.ended[number] = booking
        if len(self.ended) > _ENDED_MAX:
            self.ended.popitem(last=False)

    def _bound(self) -> None:
        if sum(map(len, self.late_at.values())) <= _LATE_MAX:
            return
        for booking in [each for each in self.booked.values() if each.late and not each.open][: _LATE_MAX // 2]:
            for holder in tuple(booking.late):
                self._leave(booking, holder)
            self._close(booking)

    def may_be_forgotten(self, holder: str, number: int, now: float) -> bool:
        """It expired there so long ago that no window can count it."""
        charged_at = self.late_at[holder].get(number)
        if charged_at is None:
            return False
        crowded = len(self.late_at[holder]) > _KEPT_MIN
        return crowded or now - charged_at > self.counted_s.get(holder, INF)

    def forget(self, holder: str, number: int) -> None:
        """The holder has let go of what expired there."""
        booking = self.booked[number]
        self._leave(booking, holder)
        booking.over.add(holder)
        self._close(booking)

    def drop(self, holder: str) -> None:
        """The actor was removed for good, and another may come under its name."""
        for number in (*self.open_at.pop(holder, ()), *self.late_at.pop(holder, {})):
            booking = self.booked[number]
            booking.open.discard(holder)
            booking.late.pop(holder, None)
            booking.over.add(holder)
            self._close(booking)

    # ---------------------------------------------------------------------------------------------------------- checks

    def excused(self, holder: str, number: int, now: float, lease_s: float) -> bool:
        """The holder broke on an ending that came to it late, and that reservation's lease may not be over yet."""
        booking = self.ended.get(number) or self.booked.get(number)
        return holder in self.broke_at and booking is not None and now <= booking.expires_at + 2 * lease_s

    def overdue(self, now: float, lease_s: float) -> None:
        """No lease ends unseen: it is renewed or it expires."""
        for number, booking in self.booked.items():
            if (
                booking.open and booking.expires_at + 2 * lease_s < now
            ):  # twice: a holder that broke on the end is given one
                ago = now - booking.expires_at
                self._tell(2, now, f"reservation {number} was neither renewed nor expired {ago:.1f} s after its lease")

    def all_ended(self, now: float) -> None:
        """At the end nothing is open."""
        for number, booking in self.booked.items():
            if booking.open:
                at = ", ".join(sorted(booking.open))
                self._tell(2, now, f"reservation {number} of key {booking.granted.key_id} is still open at {at}")

    def admitted_once(self, number: int) -> Booking | None:
        """The reservation, ended or not, if it is still remembered."""
        return self.booked.get(number) or self.ended.get(number)
