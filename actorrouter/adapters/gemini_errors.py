"""What Gemini's errors mean, and its answers that withhold what was asked for.

Sources, read 2026-11-23: google-genai SDK 3.4.0 `errors.py`, `types.py`; ai.google.dev troubleshooting and rate-limits
pages; sample bodies. There are no limit headers: a 429 tells which quota it was in its details alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from actorrouter.adapters.headers import delay_s, retry_after_s
from actorrouter.adapters.native import only
from actorrouter.adapters.rules import ErrorBody, Rule, error_body, failure, failure_inside, shown
from actorrouter.dialects.documents import decode_json, dig, listed
from actorrouter.values import SCOPE_OF, Outcome, OutcomeClass, Usage

_DAY: Final = "PerDay"
_BAD_KEY: Final = "API_KEY_INVALID"

RULES: Final = (
    Rule(OutcomeClass.KEY_FATAL, code=_BAD_KEY),
    Rule(OutcomeClass.KEY_FATAL, status=400, begins="API key not valid"),
    # Requests per day start anew at midnight Pacific (rate-limits page).
    Rule(OutcomeClass.QUOTA_SPENT, status=429, code=_DAY, until="midnight America/Los_Angeles"),
    Rule(
        OutcomeClass.CONTEXT, status=400, contains="exceeds the maximum number of tokens"
    ),  # google-gemini/gemini-cli#4231
    Rule(OutcomeClass.RATE_LIMITED, type="RESOURCE_EXHAUSTED"),
    Rule(OutcomeClass.KEY_FATAL, type="PERMISSION_DENIED"),
    Rule(OutcomeClass.KEY_FATAL, type="UNAUTHENTICATED"),
    Rule(OutcomeClass.MODEL_SCOPE, type="NOT_FOUND"),
    Rule(OutcomeClass.CAPACITY, type="UNAVAILABLE"),
    Rule(OutcomeClass.TRANSIENT, type="DEADLINE_EXCEEDED"),
    Rule(OutcomeClass.TRANSIENT, type="INTERNAL"),
    Rule(OutcomeClass.REQUEST_BAD, type="INVALID_ARGUMENT"),
)

_WITHHELD: Final = re.compile(
    "(?:IMAGE_)?(?:SAFETY|RECITATION|PROHIBITED_CONTENT)|BLOCKLIST|SPII|LANGUAGE|MODEL_ARMOR|ESCALATION"
)
"""Reasons to end an answer because of what it says (`types.FinishReason`)."""


def error_inside(document: Any) -> bool:
    """Whether an answer of status 200 is an error."""
    return isinstance(document, Mapping) and bool(document.get("error"))


def refused(status: int, body: bytes, headers: Mapping[str, str], wall: float) -> Outcome:
    """What an answer whose status says no means. The details know better than the headers when to come back."""
    document = only(decode_json(body))
    error, wait = _said(document, body, numbered=False), _retry_delay_s(document, wall)
    wait = retry_after_s(headers, wall) if wait is None else wait
    return failure(RULES, status, error, wait, wall)


def refused_inside(status: int, document: Any, body: bytes, wall: float, usage: Usage | None = None) -> Outcome:
    """What an error inside an answer of status 200 means: it names a status of its own."""
    error = _said(document, body, numbered=True)
    return failure_inside(RULES, status, error, usage, retry_after=_retry_delay_s(document, wall), wall=wall)


def _said(document: Any, body: bytes, *, numbered: bool) -> ErrorBody:
    """`type` is Google's status; `code` what the details say of the key or of a day's quota, else the number if it is
    wanted. Only details are believed: a message may repeat the caller's own words."""
    error = error_body(document, body)
    kind = dig(document, "error.status")
    told = _detail(document) or (error.code if numbered else "")
    return ErrorBody(kind if isinstance(kind, str) else "", told, error.message, error.text)


def _detail(document: Any) -> str:
    if any(dig(detail, "reason") == _BAD_KEY for detail in _details(document)):
        return _BAD_KEY
    return _DAY if any(_DAY in quota_id for quota_id in _quota_ids(document)) else ""


def _details(document: Any) -> list[Any]:
    return listed(dig(document, "error"), "details")


def _quota_ids(document: Any) -> list[str]:
    violations = [each for detail in _details(document) for each in listed(detail, "violations")]
    return [said for each in violations if isinstance(said := dig(each, "quotaId"), str)]


def _retry_delay_s(document: Any, wall: float) -> float | None:
    delays = [dig(detail, "retryDelay") for detail in _details(document)]
    return next((wait for said in delays if (wait := delay_s(said if isinstance(said, str) else None, wall))), None)


def blocked(status: int, document: Any, usage: Usage | None) -> Outcome | None:
    """The outcome of an answer that gives nothing because of what was asked or would have been said, or None.

    One that was cut short after it had begun is an answer.
    """
    candidates = listed(document, "candidates")
    reason = dig(document, "promptFeedback.blockReason") if not candidates else _withheld(candidates)
    if not isinstance(reason, str) or not reason:
        return None
    message = dig(document, "promptFeedback.blockReasonMessage") or dig(document, "candidates.0.finishMessage")
    why = shown(message) if isinstance(message, str) else "the provider withheld the answer"
    content = OutcomeClass.CONTENT
    return Outcome(content, SCOPE_OF[content], status, code=shown(reason), message=why, usage=usage)


def _withheld(candidates: list[Any]) -> str | None:
    """Why no candidate says anything, if it is because of what it would say."""
    reasons = [dig(candidate, "finishReason") for candidate in candidates]
    if any(says_something(candidate) for candidate in candidates):
        return None
    return next((said for said in reasons if isinstance(said, str) and _WITHHELD.fullmatch(said)), None)


def says_something(candidate: Any) -> bool:
    """Whether a candidate has a part that is more than a mark."""
    parts = listed(dig(candidate, "content"), "parts")
    return any(
        isinstance(part, dict) and any(said for name, said in part.items() if name != "thought") for part in parts
    )
