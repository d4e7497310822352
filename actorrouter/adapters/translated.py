"""Calls told in their provider's own dialect, and its answers told back. Sans-IO.

What that would leave out is refused unless the call allows it by name (`Call.losses`). Imported for the first such
call: most programs send none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol, runtime_checkable

import attrs

from actorrouter.adapters.port import Adapter, Reading
from actorrouter.adapters.rules import broken
from actorrouter.dialects import OPENAI_CHAT, TRANSLATED, find
from actorrouter.dialects.documents import decode_json, encode_json
from actorrouter.dialects.neutral import Loss, Request
from actorrouter.dialects.port import Dialect, Malformed
from actorrouter.dialects.sse import SseReader
from actorrouter.dialects.translation import StreamTranslation, error_status, translate_answer, translate_request
from actorrouter.values import Amounts, Call, HttpRequest, Outcome, OutcomeClass, Secret, value

ANY_LOSS: Final = "*"


@value
class Told:
    """A call in the provider's own dialect: what it asks for, and what was left out."""

    call: Call
    request: Request
    losses: tuple[Loss, ...]


@runtime_checkable
class Renaming(Protocol):
    """An adapter whose provider calls some fields otherwise than its dialect does; "" are those it has no name for."""

    @property
    def renames(self) -> Mapping[str, str]:
        """By the dialect's name."""


class Interpreter:
    """What `Translating` asks of its adapter, for calls in other dialects. They are told in `own`."""

    def __init__(self, inner: Adapter, own: str) -> None:
        self._inner, self._own = inner, own
        self._renames = inner.renames if isinstance(inner, Renaming) else {}
        self._last: tuple[Call, Told] | None = None
        """The call told last: it is checked, estimated and prepared one after the other."""

    def check(self, call: Call) -> str | None:
        """See the port. Names every loss that is not allowed."""
        if call.dialect not in TRANSLATED:
            return f"dialect {call.dialect[:40]!r}: the provider speaks {', '.join(self._inner.dialects)}"
        body: object = call.body
        if not isinstance(body, Mapping):
            return "body must be a JSON object"
        try:
            told = self._told(call)
        except Malformed as error:
            return f"body is not {call.dialect}: {error}"
        refused = [loss for loss in told.losses if not {loss.name, ANY_LOSS} & call.losses]
        return self._lost(refused) if refused else self._inner.check(told.call)

    def _lost(self, losses: Iterable[Loss]) -> str:
        what = "; ".join(f"{loss.name} ({loss.where}: {loss.why})" for loss in losses)
        return f"cannot be said in {self._own}: {what}; name it in losses to leave it out"

    def estimate(self, call: Call) -> Amounts:
        """See the port."""
        return self._inner.estimate(self._told(call).call)

    def prepare(self, call: Call, upstream_model: str, secret: Secret) -> HttpRequest:
        """See the port."""
        return self._inner.prepare(self._told(call).call, upstream_model, secret)

    def read(self, call: Call, status: int, headers: Mapping[str, str], now: float, wall: float) -> Reading:
        """See the port."""
        told = self._told(call)
        reading = self._inner.read(told.call, status, headers, now, wall)
        return Translated(reading, told, find(call.dialect), find(self._own))

    def _told(self, call: Call) -> Told:
        if self._last is not None and self._last[0] is call:
            return self._last[1]
        body, request, losses = translate_request(call.body, find(call.dialect), find(self._own))
        if call.stream and self._own == OPENAI_CHAT:
            body["stream_options"] = {"include_usage": True}  # other dialects' streams always tell
        body, unnamed = self._renamed(body)
        said = {"body": body, "dialect": self._own, "path": "", "content": None, "headers": {}}
        own = attrs.evolve(call, **said)  # type: ignore[misc] # a value is an attrs class
        told = Told(own, request, (*losses, *unnamed))
        self._last = call, told
        return told

    def _renamed(self, body: dict[str, Any]) -> tuple[dict[str, Any], list[Loss]]:
        """The body as the provider spells it. Who has no name for `stream_options` tells the usage unasked."""
        unnamed = [name for name in body if self._renames.get(name) == "" and name != "stream_options"]
        said = {self._renames.get(name, name): value for name, value in body.items() if self._renames.get(name) != ""}
        return said, [Loss(name, name, "the provider takes none") for name in unnamed]


class Translated:
    """An answer told in the caller's dialect. Judged, and its usage read, in the provider's own."""

    def __init__(self, inner: Reading, told: Told, source: Dialect, target: Dialect) -> None:
        self.observations = inner.observations
        self._inner = inner
        self._told, self._source, self._target = told, source, target
        self._events = SseReader()
        self._stream = StreamTranslation(target.stream_reader(), source.stream_writer(told.request))
        self._lost: dict[str, None] = dict.fromkeys(loss.name for loss in told.losses)
        self._fault = ""
        self._rest = b""

    @property
    def failed(self) -> bool:
        """See the port."""
        return self._inner.failed

    @property
    def content_started(self) -> bool:
        """See the port."""
        return self._inner.content_started

    @property
    def quiet(self) -> bool:
        """See the port."""
        return self._inner.quiet

    @property
    def over(self) -> bool:
        """See the port. Nor is anything of it that comes after what cannot be told."""
        return self._inner.over or bool(self._fault)

    @property
    def losses(self) -> tuple[str, ...]:
        """See the port."""
        return tuple(self._lost | dict.fromkeys(loss.name for loss in self._stream.losses))

    @property
    def content_type(self) -> str:
        """See the port."""
        return self._inner.content_type

    def feed(self, received: bytes) -> bytes:
        """See the port."""
        return self._retold(self._inner.feed(received))

    def end(self, *, complete: bool) -> Outcome:
        """See the port. An answer that cannot be told is broken."""
        outcome, rest = self._inner.end(complete=complete), self._inner.rest()
        if outcome.outcome is OutcomeClass.SUCCEEDED:
            self._rest = self._last_of_stream(rest) if self._told.call.stream else self._whole(rest)
        if self._fault and outcome.outcome in (OutcomeClass.SUCCEEDED, OutcomeClass.BROKEN):
            outcome = broken(outcome.status or 0, self._fault, outcome.usage)
        if outcome.outcome is not OutcomeClass.SUCCEEDED:
            error = self._source.error(error_status(outcome.status), outcome.code, outcome.message)
            self._rest = encode_json(error)
        return outcome

    def rest(self) -> bytes:
        """See the port."""
        rest, self._rest = self._rest, b""
        return rest

    def _retold(self, content: bytes) -> bytes:
        if not content or self._fault:
            return b""
        try:
            return b"".join([self._stream.feed(event) for event in self._events.feed(content)])
        except Malformed as error:
            self._fault = self._untellable(error)
            return b""

    def _last_of_stream(self, rest: bytes) -> bytes:
        told = self._retold(rest)
        try:
            return told if self._fault else told + self._stream.close()
        except Malformed as error:
            self._fault = self._untellable(error)
            return told

    def _whole(self, body: bytes) -> bytes:
        try:
            document, losses = translate_answer(decode_json(body), self._target, self._source)
        except Malformed as error:
            self._fault = self._untellable(error)
            return b""
        self._lost |= dict.fromkeys(loss.name for loss in losses)
        return encode_json(document)

    def _untellable(self, error: Malformed) -> str:
        return f"the answer is not {self._target.name}: {error}"
