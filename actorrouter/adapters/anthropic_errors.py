"""What Anthropic's errors mean, at its own API and where others serve its dialect.

Sources, read 2026-11-23: anthropic SDK 2.12.0 (`error.details.error_code` is what to branch on; an unknown one falls
back to the type) and the errors page; where a message decides, who has seen it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from actorrouter.adapters.headers import delay_s, retry_after_s
from actorrouter.adapters.resets import MONTH, spent_until
from actorrouter.adapters.rules import ErrorBody, Rule, error_body, failure, failure_inside
from actorrouter.dialects.documents import decode_json, dig
from actorrouter.values import Outcome, OutcomeClass, Usage

_OF_THE_MONTH: Final = ("enforced_spend_limit_reached", "contract_spend_limit_reached")
"""Until 00:00 UTC on the first; no `retry-after` comes with them."""

_OF_A_LINKED_ORGANIZATION: Final = (
    "linked_organization_spend_limit_reached",
    "linked_organization_billing_unavailable",
)

_REGAINED: Final = re.compile(r"regain access on (\d{4}-\d\d-\d\d) at (\d\d:\d\d) UTC", re.ASCII)

_BY_TYPE: Final = {
    "authentication_error": OutcomeClass.KEY_FATAL,
    "billing_error": OutcomeClass.QUOTA_SPENT,
    "permission_error": OutcomeClass.MODEL_SCOPE,
    "not_found_error": OutcomeClass.MODEL_SCOPE,
    "rate_limit_error": OutcomeClass.RATE_LIMITED,
    "timeout_error": OutcomeClass.TRANSIENT,
    "conflict_error": OutcomeClass.TRANSIENT,
    "api_error": OutcomeClass.TRANSIENT,
    "overloaded_error": OutcomeClass.CAPACITY,
}

RULES: Final = (
    Rule(OutcomeClass.KEY_FATAL, code="organization_on_hold"),
    *(Rule(OutcomeClass.QUOTA_SPENT, code=code, until=MONTH) for code in _OF_THE_MONTH),
    *(Rule(OutcomeClass.QUOTA_SPENT, code=code) for code in _OF_A_LINKED_ORGANIZATION),
    Rule(OutcomeClass.RATE_LIMITED, code="ramp_limit_exceeded"),
    # A limit the organization or workspace has set itself, known by its message only: anthropics/claude-code#38035.
    Rule(OutcomeClass.QUOTA_SPENT, status=400, begins="You have reached your specified"),
    Rule(OutcomeClass.QUOTA_SPENT, status=400, begins="Your credit balance is too low"),
    Rule(OutcomeClass.CONTEXT, status=400, contains="prompt is too long"),  # anthropics/claude-code#59696
    # Larger than this organization may send at all: waiting never helps. anthropics/claude-code#44863.
    Rule(OutcomeClass.CONTEXT, status=429, contains="required for long context requests"),
    Rule(OutcomeClass.CONTEXT, status=413),
    *(Rule(outcome, type=kind) for kind, outcome in _BY_TYPE.items()),
    Rule(OutcomeClass.MODEL_SCOPE, status=403),
    Rule(OutcomeClass.REQUEST_BAD, type="invalid_request_error"),
)


def error_inside(document: Any) -> bool:
    """Whether an answer of status 200 is an error."""
    return isinstance(document, Mapping) and (document.get("type") == "error" or bool(document.get("error")))


def refused(status: int, body: bytes, headers: Mapping[str, str], wall: float) -> Outcome:
    """What an answer whose status says no means."""
    error = _said(decode_json(body), body)
    return _regained(failure(RULES, status, error, retry_after_s(headers, wall), wall), error, wall)


def refused_inside(status: int, document: Any, body: bytes, wall: float, usage: Usage | None = None) -> Outcome:
    """What an error inside an answer of status 200 means."""
    error = _said(document, body)
    return _regained(failure_inside(RULES, status, error, usage, wall=wall), error, wall)


def _said(document: Any, body: bytes) -> ErrorBody:
    error = error_body(document, body)
    code = dig(document, "error.details.error_code")
    return ErrorBody(error.type, code if isinstance(code, str) else "", error.message, error.text)


def _regained(outcome: Outcome, error: ErrorBody, wall: float) -> Outcome:
    """A limit the organization has set itself names its own end."""
    named = _REGAINED.search(error.message)
    ends_in_s = delay_s(f"{named[1]}T{named[2]}:00Z", wall) if named else None
    return outcome if ends_in_s is None else spent_until(outcome, ends_in_s)
