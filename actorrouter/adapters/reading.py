"""Ways to read an answer that every dialect shares: kept whole until its end, or relayed as it comes."""

from __future__ import annotations

from collections.abc import Callable

from actorrouter.adapters.port import BODY_BYTES_MAX, ERROR_BYTES_MAX
from actorrouter.adapters.rules import mask
from actorrouter.values import Outcome, OutcomeClass, QuotaObservation, Scope


class EndsOnce:
    """An answer ends once; asking again is a bug of the asker."""

    losses: tuple[str, ...] = ()
    quiet = False
    over = False
    content_type = ""
    _ended = False

    def _end_once(self) -> None:
        if self._ended:
            raise RuntimeError("end() may be called once")
        self._ended = True


class Held(EndsOnce):
    """An answer kept whole until its end, so that another key may still answer in its place.

    `judge(body, whole)` is asked once; `whole` is False when the answer was cut off or larger than `bytes_max`, of
    which only the first part is kept.
    """

    content_started = False

    def __init__(
        self,
        judge: Callable[[bytes, bool], Outcome],
        *,
        failed: bool = False,
        observations: tuple[QuotaObservation, ...] = (),
        bytes_max: int = BODY_BYTES_MAX,
    ) -> None:
        self.observations = observations
        self.failed = failed
        self._judge = judge
        self._bytes_max = bytes_max
        self._overflowed = False
        self._kept = bytearray()
        self._rest = b""

    def feed(self, received: bytes) -> bytes:
        """Keep the bytes; hand none on."""
        room = self._bytes_max - len(self._kept)
        self._overflowed = self._overflowed or len(received) > room
        self._kept += received[:room]
        return b""

    def end(self, *, complete: bool) -> Outcome:
        """Judge the whole."""
        self._end_once()
        body = bytes(self._kept)
        self._kept.clear()
        outcome = self._judge(body, complete and not self._overflowed)
        self._rest = body if outcome.outcome is OutcomeClass.SUCCEEDED else mask(body[:ERROR_BYTES_MAX])
        return outcome

    def rest(self) -> bytes:
        """The body, once; of a failure with its secrets masked."""
        rest, self._rest = self._rest, b""
        return rest


def held_failure(judge: Callable[[bytes], Outcome], observations: tuple[QuotaObservation, ...] = ()) -> Held:
    """An answer whose status says no: its beginning is enough to judge it, cut off or not."""
    return Held(lambda body, _whole: judge(body), failed=True, observations=observations, bytes_max=ERROR_BYTES_MAX)


class Relayed(EndsOnce):
    """An answer handed on as it comes. Only the transport can tell whether it was cut off."""

    failed = False

    def __init__(self, status: int, observations: tuple[QuotaObservation, ...] = ()) -> None:
        self.observations = observations
        self.content_started = False
        self._status = status

    def feed(self, received: bytes) -> bytes:
        """Hand the bytes on."""
        self.content_started = self.content_started or bool(received)
        return received

    def end(self, *, complete: bool) -> Outcome:
        """Succeeded when the transport saw the end."""
        self._end_once()
        if complete:
            return Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, self._status)
        return Outcome(OutcomeClass.BROKEN, Scope.PROVIDER, self._status, message="the answer was cut off")

    def rest(self) -> bytes:
        """Nothing was held back."""
        return b""
