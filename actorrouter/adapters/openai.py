"""OpenAI's chat completions dialect, plain and streaming. Sans-IO.

Source: openai SDK 3.54.0 and developers.openai.com, read 2026-11-23. Also spoken by Azure OpenAI, Groq, Mistral,
DeepSeek, xAI, OpenRouter, Together, Fireworks, vLLM, Ollama and Gemini's compatible endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from actorrouter.adapters.headers import count, delay_s, media_type, retry_after_s
from actorrouter.adapters.openai_errors import CHAT_RULES
from actorrouter.adapters.openai_stream import ChatStream, error_inside, unwrapped
from actorrouter.adapters.openai_usage import text_bytes_of, usage_said
from actorrouter.adapters.port import Reading
from actorrouter.adapters.reading import Held, held_failure
from actorrouter.adapters.rules import broken, error_body, failure, failure_inside, read_error
from actorrouter.adapters.tokens import input_tokens, text_tokens, usage_of
from actorrouter.adapters.wire import USER_AGENT, exact_units, header_list, join_url, units_fault
from actorrouter.config import Charge, ProviderConfig
from actorrouter.dialects import OPENAI_CHAT
from actorrouter.dialects.documents import decode_json, encode_json, listed, not_json
from actorrouter.values import (
    CONCURRENCY,
    COST,
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
)

PATH: Final = "/chat/completions"
_MAXIMA: Final = ("max_completion_tokens", "max_tokens")
_JSON: Final = "application/json"
_EVENTS: Final = "text/event-stream"

# Rate-limits page: a request is charged max(max_tokens, estimate from its characters); no refund is documented.
DEFAULT_CHARGE: Final[Mapping[str, Charge]] = {
    REQUESTS: Charge.UP_FRONT,
    TOKENS: Charge.UP_FRONT,
    INPUT_TOKENS: Charge.UP_FRONT,
    OUTPUT_TOKENS: Charge.UP_FRONT,
    CONCURRENCY: Charge.HELD,
    COST: Charge.HELD,
    "*": Charge.UP_FRONT,
}


class OpenAIChat:
    """POST {base_url}/chat/completions."""

    dialects = (OPENAI_CHAT,)
    default_charge = DEFAULT_CHARGE

    def __init__(self, name: str, provider: ProviderConfig) -> None:
        self._name = name
        self._provider = provider
        self._counted: tuple[Call, int] | None = None
        """The call checked last with its input tokens: it is estimated next, most often in the same step."""

    def __repr__(self) -> str:
        return f"OpenAIChat({self._name!r})"

    def check(self, call: Call) -> str | None:
        """See the port."""
        body: object = call.body
        if not isinstance(body, Mapping):
            return "body must be a JSON object"
        return _path_fault(call) or _body_fault(body, call.stream) or units_fault(call.units) or self._count(call)

    def _count(self, call: Call) -> str | None:
        """Why the body is not JSON, or None."""
        self._counted = None
        try:
            self._counted = call, self._input_tokens(call)
        except (TypeError, ValueError, RecursionError):
            return not_json(dict(call.body))
        return None

    def estimate(self, call: Call) -> Amounts:
        """Input from the body's bytes; output the named maximum or the provider's default, for each choice.

        An amount that `call.units` names wins.
        """
        body = call.body
        said = [body.get(name) for name in _MAXIMA]
        most = next((maximum for maximum in said if maximum is not None), self._provider.default_output_tokens)
        known, self._counted = self._counted, None
        given = known[1] if known is not None and known[0] is call else self._input_tokens(call)
        counted = {INPUT_TOKENS: given, OUTPUT_TOKENS: most * _choices(call)}
        amounts: dict[str, Any] = {**counted, **exact_units(call.units)}
        return {REQUESTS: 1, CONCURRENCY: 1, TOKENS: amounts[INPUT_TOKENS] + amounts[OUTPUT_TOKENS], **amounts}

    def prepare(self, call: Call, upstream_model: str, secret: Secret) -> HttpRequest:
        """See the port. A stream is always asked for its usage."""
        body: dict[str, Any] = {**call.body, "model": upstream_model}
        if call.stream:
            body["stream"] = True
            body["stream_options"] = {**(body.get("stream_options") or {}), "include_usage": True}
        headers = self._headers(secret, {"content-type": _JSON, "accept": _EVENTS if call.stream else _JSON})
        return HttpRequest("POST", join_url(self._provider.base_url, PATH), headers, encode_json(body))

    def probe(self, secret: Secret) -> HttpRequest:
        """The list of models, which costs nothing."""
        url = join_url(self._provider.base_url, "/models")
        return HttpRequest("GET", url, self._headers(secret, {"accept": _JSON}), b"")

    def _headers(self, secret: Secret, own: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """The provider's headers may replace ours, but never the secret or the content type."""
        fixed = {name: text for name, text in own.items() if name == "content-type"}
        bearer = {"authorization": f"Bearer {secret.reveal()}"}
        return header_list({"user-agent": USER_AGENT}, own, self._provider.headers, fixed, bearer)

    def read(self, call: Call, status: int, headers: Mapping[str, str], now: float, wall: float) -> Reading:
        """See the port."""
        seen = observations(headers, now, wall)
        if not 200 <= status < 300:
            wait = retry_after_s(headers, wall)
            return held_failure(lambda body: failure(CHAT_RULES, status, read_error(body), wait), seen)
        kind = media_type(headers)
        if call.stream and kind in ("", _EVENTS):
            return self._stream(call, status, seen)
        return Held(lambda body, whole: self._judge(call, status, kind, body, whole=whole), observations=seen)

    def _stream(self, call: Call, status: int, seen: tuple[QuotaObservation, ...]) -> Reading:
        options = call.body.get("stream_options")
        asked = isinstance(options, Mapping) and options.get("include_usage") is True
        return ChatStream(status, seen, lambda: self._input_tokens(call), choices=_choices(call), strip_usage=not asked)

    def _judge(self, call: Call, status: int, kind: str, body: bytes, *, whole: bool) -> Outcome:
        """What a whole answer of status 200 means."""
        document = unwrapped(decode_json(body))
        said = usage_said(document)
        error = error_inside(document)
        if error:
            usage = usage_of(said, self._input_tokens(call), 0) if said else None
            return failure_inside(CHAT_RULES, status, error_body(error, body), usage)
        choices = listed(document, "choices")
        if not whole:
            return broken(status, "the answer was cut off or is too large")
        if call.stream or (kind and "json" not in kind):
            return broken(status, f"the answer is {kind or 'of no type'}, not {_EVENTS if call.stream else _JSON}")
        if not choices:
            what = "has no choices" if isinstance(document, dict) else "is not a JSON object"
            return broken(status, f"the answer {what}")
        counted = 0 if INPUT_TOKENS in said else self._input_tokens(call)
        written = 0 if OUTPUT_TOKENS in said else text_tokens(text_bytes_of(choices))
        usage = usage_of(said, counted, written)
        return Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, status, usage=usage)

    def _input_tokens(self, call: Call) -> int:
        return input_tokens(encode_json(dict(call.body)))


def _path_fault(call: Call) -> str | None:
    return None if call.path in ("", PATH) else f"path must be empty or {PATH}: this adapter speaks nothing else"


def _body_fault(body: Mapping[str, Any], stream: bool) -> str | None:
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, Mapping) for message in messages):
        return "messages must be a list of objects"
    for name in ("n", *_MAXIMA):
        if body.get(name) is not None and not _positive(body[name]):
            return f"{name} must be a whole number of at least 1"
    if not isinstance(body.get("stream_options") or {}, Mapping):
        return "stream_options must be an object"
    if bool(body.get("stream")) and not stream:
        return "body asks for a stream and the call does not: set Call.stream"
    return None


def _positive(said: object) -> bool:
    return type(said) is int and said >= 1


def _choices(call: Call) -> int:
    said = call.body.get("n")
    return said if type(said) is int and said >= 1 else 1


def observations(headers: Mapping[str, str], now: float, wall: float) -> tuple[QuotaObservation, ...]:
    """What `x-ratelimit-*` says of requests and tokens. Any part, or all, may be missing (forum thread 935514)."""
    return tuple([seen for names in _SAID if (seen := _observation(names, headers, now, wall))])


_SAID: Final = tuple(
    (dimension, *(f"x-ratelimit-{what}-{dimension}" for what in ("limit", "remaining", "reset")))
    for dimension in (REQUESTS, TOKENS)
)


def _observation(
    names: tuple[str, ...], headers: Mapping[str, str], now: float, wall: float
) -> QuotaObservation | None:
    dimension, at_most, left, reset = names
    if at_most not in headers and left not in headers:
        return None
    limit, remaining = count(headers.get(at_most)), count(headers.get(left))
    if limit is None and remaining is None:
        return None
    full_in_s = delay_s(headers.get(reset), wall)  # until full, not until the next slot
    return QuotaObservation(dimension, now, limit, remaining, None if full_in_s is None else now + full_in_s)
