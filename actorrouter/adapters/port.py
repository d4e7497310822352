"""What an adapter is: one provider's dialect, sans-IO. It prepares bytes, is fed bytes, and judges what they mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

from actorrouter.config import Charge
from actorrouter.values import Amounts, Call, HttpRequest, Outcome, QuotaObservation, Secret

BODY_BYTES_MAX: Final = 64 * 1024 * 1024
ERROR_BYTES_MAX: Final = 64 * 1024
"""Of a failed answer only the beginning is kept and shown."""


class Reading(Protocol):
    """One answer being read. Created when status and headers are in. No bytes make `feed` or `end` raise."""

    observations: tuple[QuotaObservation, ...]
    """What the headers said about limits."""

    @property
    def losses(self) -> tuple[str, ...]:
        """Names of what was left out in telling the call or its answer in another dialect."""

    @property
    def failed(self) -> bool:
        """The status says no: nothing of this answer may be handed to the caller as a success."""

    @property
    def content_started(self) -> bool:
        """A caller has been given, or is about to be given, content: no other key may answer in its place."""

    @property
    def quiet(self) -> bool:
        """The bytes fed last held nothing of the answer itself: pings, comments."""

    @property
    def over(self) -> bool:
        """The answer's own end has been fed, or an error that ends it: nothing that still comes is of it."""

    @property
    def content_type(self) -> str:
        """Of what is handed on, where that is not what came; else empty."""

    def feed(self, received: bytes) -> bytes:
        """Take bytes off the wire; return the bytes to hand on (they may be held back, never invented)."""

    def end(self, *, complete: bool) -> Outcome:
        """Judge the whole answer. `complete`: the transport saw the end the protocol promises. May be called once."""

    def rest(self) -> bytes:
        """What `feed` still held back, given once, after `end`: a plain answer's whole body, a stream's last bytes.

        When `end` judged a failure and no content was handed on: the error's body, bounded and with secrets masked.
        """


class Adapter(Protocol):
    """One provider's dialect. Stateless and shared by all of the provider's keys."""

    @property
    def base_url(self) -> str:
        """Where its requests go: the configured address, else its own."""

    @property
    def dialects(self) -> tuple[str, ...]:
        """The languages (`dialects.NAMES`) it speaks as they are; a call that names none is written in the first."""

    @property
    def default_charge(self) -> Mapping[str, Charge]:
        """How the provider charges, by dimension ("*" for the rest), where its configuration does not say."""

    def check(self, call: Call) -> str | None:
        """Why the call can never be sent as it is, or None."""

    def estimate(self, call: Call) -> Amounts:
        """The most this call may use, by dimension; at least `requests` and `concurrency`."""

    def prepare(self, call: Call, upstream_model: str, secret: Secret) -> HttpRequest:
        """The bytes to send. The only place that reveals a secret."""

    def probe(self, secret: Secret) -> HttpRequest:
        """The cheapest request that proves the secret works: it does when the answer's status is 2xx."""

    def read(self, call: Call, status: int, headers: Mapping[str, str], now: float, wall: float) -> Reading:
        """Start reading an answer. Header names are lower case; `now` monotonic, `wall` epoch seconds."""
