"""What a plain answer of a provider of OpenAI's family means: the answer, an error inside a success, or neither."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from actorrouter.adapters.openai_call import Kind
from actorrouter.adapters.openai_usage import text_bytes_of, usage_said
from actorrouter.adapters.profiles import Profile
from actorrouter.adapters.rules import broken, error_in, failure_inside
from actorrouter.adapters.tokens import text_tokens, usage_of
from actorrouter.adapters.wire import EVENTS, JSON
from actorrouter.dialects.documents import decode_json, dig, listed
from actorrouter.values import INPUT_TOKENS, OUTPUT_TOKENS, Outcome, OutcomeClass, Scope, Usage, value


@value
class Awaited:
    """What an answer should be. `counted_input`: the input's tokens, asked when the answer does not tell.

    `media`: its content type. `streamed`: events were asked for.
    """

    kind: Kind
    status: int
    media: str
    streamed: bool
    profile: Profile
    counted_input: Callable[[], int]


def judge(awaited: Awaited, body: bytes, *, whole: bool) -> Outcome:
    """The outcome of an answer of status 2xx that is one of the kinds that are understood."""
    document = unwrapped(decode_json(body))
    said = usage_said(document, awaited.profile.usage)
    error = _ERROR[awaited.kind](document)
    if error:
        usage = usage_of(said, awaited.counted_input(), 0) if said else None
        return failure_inside(awaited.profile.errors, awaited.status, error_in(error), usage)
    why = "the answer was cut off or is too large" if not whole else _unanswered(awaited, document)
    if why:
        return broken(awaited.status, why)
    return _succeeded(awaited.status, _usage(awaited, document, said))


def judge_other(awaited: Awaited, body: bytes, *, whole: bool) -> Outcome:
    """The same for any other path: whatever came whole is an answer, unless it is nothing but an error."""
    document = decode_json(body) if not awaited.media or "json" in awaited.media else None
    error = document.get("error") if isinstance(document, dict) and "id" not in document else None
    if error:
        return failure_inside(awaited.profile.errors, awaited.status, error_in(error))
    if not whole:
        return broken(awaited.status, "the answer was cut off or is too large")
    said = usage_said(document, awaited.profile.usage)
    return _succeeded(
        awaited.status, usage_of({OUTPUT_TOKENS: 0, **said}, awaited.counted_input(), 0) if said else None
    )


def _succeeded(status: int, usage: Usage | None) -> Outcome:
    return Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, status, usage=usage)


def _unanswered(awaited: Awaited, document: Any) -> str:
    """Why this is no answer to what was asked, or ""."""
    if awaited.streamed or (awaited.media and "json" not in awaited.media):
        return f"the answer is {awaited.media or 'of no type'}, not {EVENTS if awaited.streamed else JSON}"
    if not isinstance(document, dict):
        return "the answer is not a JSON object"
    return _LACKS[awaited.kind](document)


def _usage(awaited: Awaited, document: Mapping[str, Any], said: Mapping[str, int]) -> Usage | None:
    """What was said, and counted here what was not. Of a response that runs on in the background nothing is known."""
    if awaited.kind is Kind.RESPONSES and document.get("status") in ("queued", "in_progress"):
        return None
    if awaited.kind is Kind.EMBEDDINGS:
        said = {**said, OUTPUT_TOKENS: 0}
    counted = 0 if INPUT_TOKENS in said else awaited.counted_input()
    written = 0 if OUTPUT_TOKENS in said else text_tokens(text_bytes_of(_written(document)))
    return usage_of(said, counted, written)


def _written(document: Mapping[str, Any]) -> list[Any]:
    return [dig(choice, "message") for choice in listed(document, "choices")] + listed(document, "output")


def unwrapped(document: Any) -> Any:
    """The only element of a list: Gemini's OpenAI endpoint wraps its errors so."""
    return document[0] if isinstance(document, list) and document else document


def error_inside(document: Any) -> Any:
    """The error a chat of status 200 carries: on top, under `x_groq` (groq 1.7.0) or in a choice (OpenRouter)."""
    if not isinstance(document, dict):
        return None
    error = document.get("error") or dig(document.get("x_groq"), "error")
    choices = [choice for choice in listed(document, "choices") if isinstance(choice, dict)]
    for choice in choices:
        error = error or choice.get("error")
    for choice in choices:
        error = error or (choice.get("finish_reason") == "error" and "the provider ended with an error")
    return error or None


def response_error(document: Any) -> Any:
    """The error a response of status 200 carries: its `error`, or its status alone."""
    if not isinstance(document, dict):
        return None
    return document.get("error") or (document.get("status") == "failed" and "the response failed") or None


def _error_on_top(document: Any) -> Any:
    return document.get("error") if isinstance(document, dict) else None


_ERROR: Final[Mapping[Kind, Callable[[Any], Any]]] = {
    Kind.CHAT: error_inside,
    Kind.RESPONSES: response_error,
    Kind.EMBEDDINGS: _error_on_top,
}


def _lacks_choices(document: dict[str, Any]) -> str:
    return "" if listed(document, "choices") else "the answer has no choices"


def _lacks_output(document: dict[str, Any]) -> str:
    return "" if isinstance(document.get("output"), list) else "the answer has no output"


def _lacks_data(document: dict[str, Any]) -> str:
    return "" if listed(document, "data") else "the answer has no embeddings"


_LACKS: Final[Mapping[Kind, Callable[[dict[str, Any]], str]]] = {
    Kind.CHAT: _lacks_choices,
    Kind.RESPONSES: _lacks_output,
    Kind.EMBEDDINGS: _lacks_data,
}
