"""Answers as a client of this process gets them: a provider's, and the router's own. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

from actorrouter.dialects import find
from actorrouter.dialects.documents import decode_json, encode_json
from actorrouter.dialects.translation import error_status
from actorrouter.errors import (
    InvalidCall,
    InvalidConfig,
    NoCapacity,
    Refused,
    RouterError,
    RouterStopped,
    WaitingRoomFull,
)
from actorrouter.integrations.port import Headers
from actorrouter.values import OutcomeClass, value

# RFC 9110 section 7.6.1; the body arrives unpacked; a cookie belongs to the session of the key that answered; nobody
# else says which key that was.
_NOT_PASSED: Final = frozenset(
    ["connection", "keep-alive", "proxy-authenticate", "proxy-connection", "te", "trailer", "transfer-encoding",
     "upgrade", "content-encoding", "content-length", "set-cookie", "x-should-retry", "x-actorrouter-key",
     "x-actorrouter-decision"]
)  # fmt: skip
_NOT_PASSED_OF_ERRORS: Final = _NOT_PASSED | {"content-type", "retry-after", "retry-after-ms"}
"""Bodies of errors are masked and may be translated; the wait is told as it was understood."""
_FINAL: Final = ("x-should-retry", "false")
"""The router has tried what can be tried; openai's and anthropic's SDKs obey this header over their own rules."""


@value
class Answer:
    """Status, headers and, unless it is a stream, the body."""

    status: int
    headers: Headers
    content: bytes = b""


def passed(status: int, headers: Mapping[str, str], key_id: str, decision_id: int) -> Answer:
    """A provider's answer, still without its body."""
    own = [_FINAL, ("x-actorrouter-key", key_id), ("x-actorrouter-decision", str(decision_id))]
    return Answer(status, (*_kept(headers, _NOT_PASSED), *own))


def _kept(headers: Mapping[str, str], but: frozenset[str]) -> Headers:
    return tuple((name, text) for name, text in headers.items() if name not in but)


def refused(status: int, language: str, code: str, message: str, extra: Headers = ()) -> Answer:
    """The router's own no, in the caller's language."""
    content = encode_json(find(language).error(status, code, message))
    return Answer(status, (("content-type", "application/json"), _FINAL, *extra), content)


def found(document: object) -> Answer:
    """What the router knows by itself."""
    return Answer(200, (("content-type", "application/json"),), encode_json(document))


def of_error(error: RouterError, language: str) -> Answer | None:
    """The answer that an error stands for; None where there is none to give: the exchange itself failed."""
    told = _traced(error)
    if isinstance(error, Refused):
        return _of_refused(error, language, told)
    if isinstance(error, NoCapacity) and error.final:
        return refused(503, language, "no_key_available", str(error), told)
    for kind, status, code in _ANSWERED:
        if isinstance(error, kind):
            return refused(status, language, code, str(error), (*told, *_waiting(error.available_in_s)))
    return None


_ANSWERED: Final = (
    (InvalidCall, 400, "invalid_call"),
    (WaitingRoomFull, 503, "waiting_room_full"),
    (NoCapacity, 429, "rate_limit_exceeded"),
    (RouterStopped, 503, "router_stopped"),
    (InvalidConfig, 503, "invalid_config"),
)


def _of_refused(error: Refused, language: str, told: Headers) -> Answer:
    """The provider's own words, but for an answer that is none: it is no error's body either. An error inside a 200
    must not look like an answer."""
    last = error.attempts[-1].outcome if error.attempts else None
    wait = last.retry_after_s if last is not None else None
    status = error_status(error.status)
    told = (*_kept(error.headers, _NOT_PASSED_OF_ERRORS), *told, *_waiting(wait))
    if not error.body or (last is not None and last.outcome is OutcomeClass.BROKEN):
        return refused(status, language, "upstream_error", str(error), told)
    kind = "text/plain; charset=utf-8" if decode_json(error.body) is None else "application/json"
    return Answer(status, (("content-type", kind), _FINAL, *told), error.body)


def _traced(error: RouterError) -> Headers:
    decision = () if error.decision_id is None else (("x-actorrouter-decision", str(error.decision_id)),)
    key = (("x-actorrouter-key", error.attempts[-1].key_id),) if error.attempts else ()
    return (*key, *decision)


def _waiting(seconds: float | None) -> Headers:
    """How long to wait, rounded up; nothing where nobody knows. `retry-after` is whole seconds (RFC 9110, 10.2.3)."""
    if seconds is None or not math.isfinite(seconds):
        return ()
    return (("retry-after", str(max(1, math.ceil(seconds)))), ("retry-after-ms", str(max(1, math.ceil(seconds * 1e3)))))
