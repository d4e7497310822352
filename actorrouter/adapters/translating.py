"""A provider that is spoken to in other dialects than its own. Sans-IO.

Calls in a dialect the provider speaks go through as they are. Others are told in its own, and its answers told back;
what that would leave out is refused unless the call allows it by name (`Call.losses`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Protocol, runtime_checkable

import attrs

from actorrouter.adapters.port import Adapter, Reading
from actorrouter.adapters.rules import broken
from actorrouter.config import Charge
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


class Translating:
    """An adapter that also takes calls in every dialect that can be told in the first it speaks itself."""

    def __init__(self, inner: Adapter) -> None:
        self._inner = inner
        self._own = next((name for name in inner.dialects if name in TRANSLATED), "")
        self._renames = inner.renames if isinstance(inner, Renaming) else {}
        self._last: tuple[Call, Told] | None = None
        """The call told last: it is checked, estimated and prepared one after the other."""

    def __repr__(self) -> str:
        return repr(self._inner)

    @property
    def dialects(self) -> tuple[str, ...]:
        """See the port."""
        return self._inner.dialects

    @property
    def base_url(self) -> str:
        """See the port."""
        return self._inner.base_url

    @property
    def default_charge(self) -> Mapping[str, Charge]:
        """See the port."""
        return self._inner.default_charge

    def check(self, call: Call) -> str | None:
        """See the port. Names every loss that is not allowed."""
        if self._spoken(call):
            return self._inner.check(call)
        if call.dialect not in TRANSLATED or not self._own:
            known = ", ".join(self._inner.dialects) or "no dialect that is known"
            return f"dialect {call.dialect[:40]!r}: the provider speaks {known}"
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
        return self._inner.estimate(call if self._spoken(call) else self._told(call).call)

    def prepare(self, call: Call, upstream_model: str, secret: Secret) -> HttpRequest:
        """See the port."""
        return self._inner.prepare(call if self._spoken(call) else self._told(call).call, upstream_model, secret)

    def probe(self, secret: Secret) -> HttpRequest:
        """See the port."""
        return self._inner.probe(secret)

    def read(self, call: Call, status: int, headers: Mapping[str, str], now: float, wall: float) -> Reading:
        """See the port."""
        if self._spoken(call):
            return self._inner.read(call, status, headers, now, wall)
        told = self._told(call)
        reading = self._inner.read(told.call, status, headers, now, wall)
        return Translated(reading, told, find(call.dialect), find(self._own))

    def _spoken(self, call: Call) -> bool:
        return not call.dialect or call.dialect in self._inner.dialects

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
            if self._fault:
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


def translating(inner: Adapter) -> Adapter:
    """The adapter, taking calls in other dialects too if it speaks one that is translated."""
    return Translating(inner) if any(name in TRANSLATED for name in inner.dialects) else inner
