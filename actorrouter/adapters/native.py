"""What adapters of the vendors' own JSON APIs share: what a call does, how it goes out, how it is read. Sans-IO."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final

from actorrouter.adapters.headers import media_type
from actorrouter.adapters.port import Reading
from actorrouter.adapters.reading import Held, Relayed, held_failure
from actorrouter.adapters.rules import blameless, broken
from actorrouter.adapters.tokens import input_tokens
from actorrouter.adapters.wire import (
    USER_AGENT,
    exact_units,
    header_list,
    headers_fault,
    join_url,
    passed_on,
    path_fault,
    units_fault,
)
from actorrouter.config import Charge, ProviderConfig
from actorrouter.dialects.documents import decode_json, encode_json, not_json
from actorrouter.errors import InvalidConfig
from actorrouter.values import (
    CONCURRENCY,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    REQUESTS,
    TOKENS,
    Amounts,
    Call,
    HttpRequest,
    Outcome,
    OutcomeClass,
    QuotaObservation,
    Scope,
    Secret,
    Usage,
)

JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")


class Work(StrEnum):
    """What a call asks a provider to do, by its path."""

    GENERATE = "generate"
    EMBED = "embed"
    COUNT = "count"  # of tokens: nothing is generated
    OTHER = "other"  # passed through: nothing is known of it


class NativeApi(ABC):
    """One provider. A call of a path that is not known goes through as it is, and counts as one request."""

    dialects: tuple[str, ...] = ()
    default_charge: Mapping[str, Charge] = {}
    options: ClassVar[frozenset[str]] = frozenset()
    """Names that `ProviderConfig.options` may have."""
    stream_types: ClassVar[frozenset[str]] = frozenset({"", EVENTS})
    """Media types of a streamed answer."""

    def __init__(self, name: str, provider: ProviderConfig, base_url: str) -> None:
        if unknown := sorted(provider.options.keys() - self.options):
            known = ", ".join(sorted(self.options)) or "none"
            raise InvalidConfig([f"providers.{name}.options.{unknown[0]}: unknown; known: {known}"])
        self._name = name
        self._provider = provider
        self._base_url = provider.base_url or base_url
        self._counted: tuple[Call, int] | None = None
        """The call checked last with its input tokens: it is estimated next, most often in the same step."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"

    # --------------------------------------------------------------------------------------------- what a provider says

    @abstractmethod
    def _work(self, call: Call) -> Work:
        """What the call's path stands for."""

    @abstractmethod
    def _fault(self, call: Call) -> str | None:
        """Why this body cannot do its work, or None; not asked of OTHER."""

    @abstractmethod
    def _most_output(self, call: Call) -> int:
        """The most tokens an answer may have."""

    @abstractmethod
    def _path(self, call: Call, upstream_model: str) -> str:
        """Below the base URL."""

    @abstractmethod
    def _body(self, call: Call, upstream_model: str) -> Mapping[str, Any]:
        """The body to send, for every work but OTHER."""

    @abstractmethod
    def _credentials(self, secret: Secret) -> Mapping[str, str]:
        """Headers that hold the secret."""

    @abstractmethod
    def _probe_path(self) -> str:
        """Of the list of models, which costs nothing."""

    @abstractmethod
    def _refused(self, status: int, body: bytes, headers: Mapping[str, str], wall: float) -> Outcome:
        """What an answer whose status says no means."""

    @abstractmethod
    def _error_inside(self, status: int, document: Any, body: bytes, wall: float) -> Outcome | None:
        """The error an answer whose status says yes carries, or None."""

    @abstractmethod
    def _used(self, call: Call, document: dict[str, Any]) -> Usage | str:
        """What a whole answer used that generated or embedded, or why it is none."""

    @abstractmethod
    def _stream(self, call: Call, status: int, seen: tuple[QuotaObservation, ...], wall: float) -> Reading:
        """Start reading a streamed answer."""

    def _observations(self, headers: Mapping[str, str], now: float, wall: float) -> tuple[QuotaObservation, ...]:
        """What the headers say of limits."""
        del headers, now, wall
        return ()

    # --------------------------------------------------------------------------------------------------- before sending

    def check(self, call: Call) -> str | None:
        """See the port."""
        body: object = call.body
        if not isinstance(body, Mapping):
            return "body must be a JSON object"
        if call.dialect not in ("", *self.dialects):
            return f"dialect {call.dialect!r} is not spoken here; known: {', '.join(self.dialects)}"
        return _sending_fault(call) or units_fault(call.units) or self._body_fault(call) or self._count(call)

    def _body_fault(self, call: Call) -> str | None:
        work = self._work(call)
        if work is Work.OTHER:
            return None
        if call.stream and work is not Work.GENERATE:
            return f"{call.path} gives no stream"
        if bool(call.body.get("stream")) and not call.stream:
            return "body asks for a stream and the call does not: set Call.stream"
        return self._fault(call)

    def _count(self, call: Call) -> str | None:
        """Why the body is not JSON, or None."""
        self._counted = None
        try:
            self._counted = call, self._input_tokens(call)
        except (TypeError, ValueError, RecursionError):
            return not_json(dict(call.body))
        return None

    def _input_tokens(self, call: Call) -> int:
        return input_tokens(encode_json(dict(call.body)))

    def estimate(self, call: Call) -> Amounts:
        """Input from the body's bytes, output as the most that is asked for or the provider's default; no tokens for
        what generates nothing. An amount that `call.units` names wins."""
        work, units = self._work(call), exact_units(call.units)
        known, self._counted = self._counted, None
        if work in (Work.COUNT, Work.OTHER):
            return {REQUESTS: 1, CONCURRENCY: 1, **units}
        given = known[1] if known is not None and known[0] is call else self._input_tokens(call)
        most = self._most_output(call) if work is Work.GENERATE else 0
        amounts: dict[str, Any] = {INPUT_TOKENS: given, OUTPUT_TOKENS: most, **units}
        return {REQUESTS: 1, CONCURRENCY: 1, TOKENS: amounts[INPUT_TOKENS] + amounts[OUTPUT_TOKENS], **amounts}

    def prepare(self, call: Call, upstream_model: str, secret: Secret) -> HttpRequest:
        """See the port. What the caller wrote goes out untouched where nothing has to change."""
        url = join_url(self._base_url, self._path(call, upstream_model))
        work = self._work(call)
        if work is Work.OTHER:
            return self._passed_through(call, url, secret)
        body = self._body(call, upstream_model)
        untouched = call.content is not None and body == call.body
        content = call.content if untouched and call.content is not None else encode_json(body)
        fixed = {"content-type": JSON, "accept": self._accepted(call)}
        return self._request("POST", url, secret, content, self._defaults(), passed_on(call.headers), fixed=fixed)

    def _passed_through(self, call: Call, url: str, secret: Secret) -> HttpRequest:
        content = call.content if call.content is not None else encode_json(dict(call.body)) if call.body else b""
        own = {"accept": "*/*", **({"content-type": JSON} if content else {})}
        return self._request(call.method, url, secret, content, {**self._defaults(), **own}, passed_on(call.headers))

    def probe(self, secret: Secret) -> HttpRequest:
        """The list of models, which costs nothing."""
        url = join_url(self._base_url, self._probe_path())
        return self._request("GET", url, secret, b"", {**self._defaults(), "accept": JSON})

    def _accepted(self, call: Call) -> str:
        return EVENTS if call.stream else JSON

    def _defaults(self) -> Mapping[str, str]:
        """Headers a caller may replace."""
        return {"user-agent": USER_AGENT}

    def _request(
        self,
        method: str,
        url: str,
        secret: Secret,
        content: bytes,
        *layers: Mapping[str, str],
        fixed: Mapping[str, str] | None = None,
    ) -> HttpRequest:
        """The configured headers may replace ours and the caller's, but never the secret or what is `fixed`."""
        headers = header_list(*layers, self._provider.headers, fixed or {}, self._credentials(secret))
        return HttpRequest(method, url, headers, content)

    # ---------------------------------------------------------------------------------------------------------- reading

    def read(self, call: Call, status: int, headers: Mapping[str, str], now: float, wall: float) -> Reading:
        """See the port."""
        seen, work, kind = self._observations(headers, now, wall), self._work(call), media_type(headers)
        if not 200 <= status < 300:
            return held_failure(lambda body: self._no(work, status, body, headers, wall), seen)
        if work is Work.OTHER:
            return (
                Relayed(status)
                if call.stream
                else Held(lambda _, whole: _whole(status, whole=whole), observations=seen)
            )
        if call.stream and kind in self.stream_types:
            return self._stream(call, status, seen, wall)
        return Held(lambda body, whole: self._judge(call, status, kind, body, wall, whole=whole), observations=seen)

    def _no(self, work: Work, status: int, body: bytes, headers: Mapping[str, str], wall: float) -> Outcome:
        outcome = self._refused(status, body, headers, wall)
        return outcome if work in (Work.GENERATE, Work.EMBED) else blameless(outcome)

    def _judge(self, call: Call, status: int, kind: str, body: bytes, wall: float, *, whole: bool) -> Outcome:
        """What a whole answer of status 200 means."""
        document = only(decode_json(body))
        error = self._error_inside(status, document, body, wall)
        if error is not None:
            return error
        if not whole:
            return _whole(status, whole=False)
        if call.stream or (kind and "json" not in kind):
            wanted = min(self.stream_types - {""}) if call.stream else JSON
            return broken(status, f"the answer is {kind or 'of no type'}, not {wanted}")
        if not isinstance(document, dict):
            return broken(status, "the answer is not a JSON object")
        return self._judge_document(call, status, document)

    def _judge_document(self, call: Call, status: int, document: dict[str, Any]) -> Outcome:
        if self._work(call) is Work.COUNT:
            return Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, status)
        used = self._used(call, document)
        if isinstance(used, str):
            return broken(status, used)
        return Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, status, usage=used)


def _sending_fault(call: Call) -> str | None:
    """Why the caller's method, path or headers cannot be sent, or None."""
    if call.method not in _METHODS:
        return f"method must be one of {', '.join(_METHODS)}"
    return headers_fault(call.headers) or (path_fault(call.path) if call.path else None)


def only(document: Any) -> Any:
    """The only element of a list: Google wraps its errors so."""
    return document[0] if isinstance(document, list) and len(document) == 1 else document


def positive(said: object) -> bool:
    """A whole number of at least 1."""
    return type(said) is int and said >= 1


def _whole(status: int, *, whole: bool) -> Outcome:
    if not whole:
        return broken(status, "the answer was cut off or is too large")
    return Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, status)
