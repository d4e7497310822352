"""What a dialect is: one API's language, read into `neutral` and written from it. Pure, sans-IO."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from actorrouter.dialects.framing import Event
from actorrouter.dialects.neutral import Answer, Loss, Request, Step


class Malformed(ValueError):
    """A document is not of its dialect. `where`: dotted path; `why`: what was expected. Holds nothing of its values."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}" if where else why)
        self.where, self.why = where, why


class StreamReader(Protocol):
    """A streamed answer's events, in order, as steps. One for each answer."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be told in steps so far, each name once."""

    def read(self, event: Event) -> list[Step]:
        """The steps an event stands for; none for pings and the like. Raises Malformed."""

    def close(self) -> list[Step]:
        """The bytes have ended cleanly: what that means in a dialect without an end mark."""


class StreamWriter(Protocol):
    """Steps, in order, as the bytes of a streamed answer. One for each answer."""

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What could not be said so far, each name once."""

    def write(self, step: Step) -> bytes:
        """Whole events, or b""."""


class Dialect(Protocol):
    """One API's language."""

    @property
    def name(self) -> str:
        """As calls name it."""

    def read_request(self, body: Mapping[str, Any]) -> tuple[Request, tuple[Loss, ...]]:
        """Raises Malformed."""

    def write_request(self, request: Request) -> tuple[dict[str, Any], tuple[Loss, ...]]:
        """A body without its model, which the adapter puts where the provider wants it."""

    def read_answer(self, document: Any) -> tuple[Answer, tuple[Loss, ...]]:
        """Raises Malformed."""

    def write_answer(self, answer: Answer) -> tuple[dict[str, Any], tuple[Loss, ...]]:
        """A plain answer's document."""

    def stream_reader(self) -> StreamReader:
        """For one streamed answer of a provider."""

    def stream_writer(self, request: Request) -> StreamWriter:
        """For one streamed answer to whoever sent `request`."""

    def error(self, status: int, code: str, message: str) -> dict[str, Any]:
        """An error's body, as SDKs of this dialect expect it."""
