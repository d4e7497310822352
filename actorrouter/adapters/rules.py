"""What a provider's refusal means: a table of rules, defaults by status, and text that is safe to show. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from actorrouter.dialects.documents import decode_json
from actorrouter.values import SCOPE_OF, Outcome, OutcomeClass, Scope, Usage, value

MESSAGE_MAX: Final = 300
CODE_MAX: Final = 100
TEXT_MAX: Final = 64 * 1024

BY_STATUS: Final[Mapping[int, OutcomeClass]] = {
    401: OutcomeClass.KEY_FATAL,
    402: OutcomeClass.QUOTA_SPENT,
    403: OutcomeClass.KEY_FATAL,
    404: OutcomeClass.MODEL_SCOPE,
    408: OutcomeClass.TRANSIENT,
    409: OutcomeClass.TRANSIENT,
    413: OutcomeClass.CONTEXT,
    429: OutcomeClass.RATE_LIMITED,
    503: OutcomeClass.CAPACITY,
    529: OutcomeClass.CAPACITY,
}


@value
class Rule:
    """The first rule whose given fields all match decides. `contains`: text anywhere in the body, any case.

    `scope`: who is to blame (default: the class's own).
    """

    outcome: OutcomeClass
    status: int | None = None
    type: str | None = None
    code: str | None = None
    contains: str | None = None
    scope: Scope | None = None


@value
class ErrorBody:
    """What an error body says, as far as it says it; `text`: all of it in lower case. Not yet safe to show."""

    type: str = ""
    code: str = ""
    message: str = ""
    text: str = ""


def failure(rules: Iterable[Rule], status: int, error: ErrorBody, retry_after: float | None) -> Outcome:
    """The outcome of an answer whose status says no. `retry_after`: the seconds it asks to wait."""
    return judged(match(rules, status, error) or _default(status), status, error, retry_after)


def failure_inside(
    rules: Iterable[Rule],
    status: int,
    error: ErrorBody,
    usage: Usage | None = None,
    retry_after: float | None = None,
) -> Outcome:
    """The outcome of an error inside an answer whose status said yes: its words decide, or a status it names."""
    inner = int(error.code) if re.fullmatch(r"[45]\d\d", error.code, re.ASCII) else None
    rule = match(rules, inner, error) or (_default(inner) if inner else Rule(OutcomeClass.TRANSIENT))
    return judged(rule, status, error, retry_after, usage=usage)


def broken(status: int, why: str, usage: Usage | None = None) -> Outcome:
    """The outcome of an answer that cannot be understood or did not end."""
    return Outcome(OutcomeClass.BROKEN, SCOPE_OF[OutcomeClass.BROKEN], status, message=why, usage=usage)


def blameless(outcome: Outcome) -> Outcome:
    """The same for what names no model: a 403 or 404 says that something else is missing, not the key or its model."""
    if outcome.status not in (403, 404):
        return outcome
    return Outcome(OutcomeClass.REQUEST_BAD, Scope.REQUEST, outcome.status, code=outcome.code, message=outcome.message)


def match(rules: Iterable[Rule], status: int | None, error: ErrorBody) -> Rule | None:
    """The first rule that matches. `status` None: unknown, so that the rule's own words must."""
    return next((rule for rule in rules if _matches(rule, status, error)), None)


def _matches(rule: Rule, status: int | None, error: ErrorBody) -> bool:
    if status is None and rule.type is None and rule.code is None and rule.contains is None:
        return False
    return (
        (rule.status is None or status is None or rule.status == status)
        and (rule.type is None or rule.type == error.type)
        and (rule.code is None or rule.code == error.code)
        and (rule.contains is None or rule.contains.lower() in error.text)
    )


def _default(status: int) -> Rule:
    if status in BY_STATUS:
        return Rule(BY_STATUS[status])
    if 500 <= status < 600:
        return Rule(OutcomeClass.TRANSIENT)
    return Rule(OutcomeClass.REQUEST_BAD if 400 <= status < 500 else OutcomeClass.BROKEN)


def judged(
    rule: Rule, status: int, error: ErrorBody, retry_after: float | None = None, *, usage: Usage | None = None
) -> Outcome:
    """The outcome a rule gives."""
    spent = rule.outcome is OutcomeClass.QUOTA_SPENT  # a day's quota may come with a retry of 1 s (limits.md A3)
    return Outcome(
        rule.outcome,
        rule.scope or SCOPE_OF[rule.outcome],
        status,
        code=shown(error.code or error.type, CODE_MAX),
        message=shown(error.message),
        retry_after_s=None if spent else retry_after,
        usage=usage,
    )


def read_error(body: bytes) -> ErrorBody:
    """What a body of any kind says of an error: JSON of several shapes, HTML, text, nothing."""
    return error_body(decode_json(body), body)


def error_body(document: Any, body: bytes) -> ErrorBody:
    """The same for the decoded document.

    Shapes: {error: {message, type, code}}, {error: "text"}, {message, type, code}, {detail: "text"}, or a list of one.
    """
    said = document[0] if isinstance(document, list) and document else document
    if isinstance(said, Mapping):
        said = said.get("error") or said
    if not isinstance(said, Mapping):
        return ErrorBody(message=_word(said) or _plain(body), text=error_text(body))
    message = _word(said.get("message")) or _word(said.get("detail")) or _plain(body)
    return ErrorBody(_word(said.get("type")), _word(said.get("code")), message, error_text(body))


def error_text(body: bytes) -> str:
    """A body's beginning as rules search it."""
    return body[:TEXT_MAX].decode("utf-8", "replace").lower()


def field_in(text: str, name: str) -> str | None:
    """What the first field of this name holds, wherever it stands in a body as rules search it."""
    found = re.search(rf'"{re.escape(name.lower())}"\s*:\s*"?([^",}}\]]{{1,64}})', text)
    return found[1].strip() if found else None


def _plain(body: bytes) -> str:
    """A page's title, or the text as it is."""
    text = body[:TEXT_MAX].decode("utf-8", "replace")
    title = re.search(r"<title[^>]{0,100}>([^<]{0,300})", text, re.IGNORECASE)
    return title[1] if title else text


def _word(said: object) -> str:
    return str(said) if isinstance(said, str | int | float) else ""


_NAMED: Final = re.compile(r"(?i)\b(bearer\s+|(?:provided|api[ _-]?key|bearer|token)\s*[:=]\s*)[^\s\"',\\]+")
_RUN: Final = re.compile(r"[A-Za-z0-9_*-]{8,}", re.ASCII)
_SOLID: Final = re.compile(r"[A-Za-z0-9]{20,}", re.ASCII)
_KEY_STARTS: Final = ("sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "gsk_", "xai-", "hf_", "r8_", "AIza")
MASK: Final = "***"


def redact(text: str) -> str:
    """The text with everything that looks like a secret masked, whole or partly shown (`sk-ab***yz`)."""
    return _RUN.sub(_masked_run, _NAMED.sub(rf"\g<1>{MASK}", text))


def _masked_run(found: re.Match[str]) -> str:
    run = found[0]
    if "**" in run or run.startswith(_KEY_STARTS) or (len(run) >= 32 and _mixed(run)):
        return MASK
    return MASK if any(_mixed(solid) for solid in _SOLID.findall(run)) else run


def _mixed(run: str) -> bool:
    return any(letter.isdigit() for letter in run) and any(letter.isalpha() for letter in run)


def shown(text: str, most: int = MESSAGE_MAX) -> str:
    """Provider text made safe to show: redacted, printable, on one line, bounded."""
    short = redact(text)[:most]
    return "".join(letter if letter.isprintable() else " " for letter in short).strip()


def mask(body: bytes) -> bytes:
    """An error's body with everything that looks like a secret masked."""
    return redact(body.decode("latin-1")).encode("latin-1")
