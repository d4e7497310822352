"""What Bedrock's exceptions mean, as an answer and inside a stream.

Sources, read 2026-11-23: botocore 1.44.5 `data/bedrock-runtime`; where a message decides, who has seen it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.adapters.headers import milliseconds_s, retry_after_s
from actorrouter.adapters.rules import ErrorBody, Rule, error_body, failure, failure_inside
from actorrouter.dialects.documents import decode_json
from actorrouter.values import Outcome, OutcomeClass, Usage

_BY_CODE: Final = {
    "ValidationException": OutcomeClass.REQUEST_BAD,
    "ServiceQuotaExceededException": OutcomeClass.QUOTA_SPENT,
    "AccessDeniedException": OutcomeClass.KEY_FATAL,
    "ResourceNotFoundException": OutcomeClass.MODEL_SCOPE,
    "ModelTimeoutException": OutcomeClass.TRANSIENT,
    "ModelErrorException": OutcomeClass.TRANSIENT,
    "ModelStreamErrorException": OutcomeClass.TRANSIENT,
    "ThrottlingException": OutcomeClass.RATE_LIMITED,
    "ModelNotReadyException": OutcomeClass.CAPACITY,  # status 429 too, but no limit: an imported model is being loaded
    "InternalServerException": OutcomeClass.TRANSIENT,
    "ServiceUnavailableException": OutcomeClass.CAPACITY,
}

RULES: Final = (
    # aws-samples/bedrock-chat#95, langgenius/dify#2829, minorun365/agent-book#29
    Rule(OutcomeClass.CONTEXT, code="ValidationException", contains="input is too long"),
    Rule(OutcomeClass.MODEL_SCOPE, code="AccessDeniedException", contains="access to the model"),
    Rule(OutcomeClass.QUOTA_SPENT, code="ThrottlingException", contains="tokens per day"),
    *(Rule(outcome, code=code) for code, outcome in _BY_CODE.items()),
    Rule(OutcomeClass.TRANSIENT, status=424),
)


def refused(status: int, body: bytes, headers: Mapping[str, str], wall: float) -> Outcome:
    """What an answer whose status says no means. Its code stands in a header, some say it in the body."""
    document = decode_json(body)
    named = headers.get("x-amzn-errortype") or _word(document, "__type")
    wait = milliseconds_s(headers.get("x-amz-retry-after"))
    return failure(RULES, status, _error(named, document, body), retry_after_s(headers, wall) if wait is None else wait)


def error_inside(document: Any) -> bool:
    """Whether an answer of status 200 is an exception."""
    return bool(_word(document, "__type"))


def refused_inside(status: int, document: Any, body: bytes, usage: Usage | None = None) -> Outcome:
    """What an exception inside an answer of status 200 means."""
    said = document.get("error") if isinstance(document, Mapping) else None
    named = _word(document, "__type") or _word(said, "type")
    return failure_inside(RULES, status, _error(named, document, body), usage)


def _error(named: str, document: Any, body: bytes) -> ErrorBody:
    said = error_body(document, body)
    return ErrorBody(said.type, code_of(named), said.message, said.text)


def code_of(named: str) -> str:
    """An exception's name, of `ns#Name:http://...`; in streams it begins with a small letter."""
    name = named.partition(":")[0].rpartition("#")[2].strip()
    return name[:1].upper() + name[1:]


def _word(document: Any, name: str) -> str:
    said = document.get(name) if isinstance(document, Mapping) else None
    return said if isinstance(said, str) else ""
