"""Providers that speak OpenAI's dialects: chat, responses, embeddings, and any other path as it is. Sans-IO.

Source: openai SDK 3.54.0 and developers.openai.com, read 2026-11-23. How a provider differs from OpenAI is a table
(`profiles`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from actorrouter.adapters import profiles
from actorrouter.adapters.headers import delay_s, media_type, retry_after_s
from actorrouter.adapters.limit_headers import is_day_spent, observations
from actorrouter.adapters.openai_answer import Awaited, judge, judge_other
from actorrouter.adapters.openai_call import (
    Kind,
    asks_usage,
    body_fault,
    call_fault,
    choices_of,
    content_of,
    document_of,
    is_object,
    kind_of,
    names_model,
    output_max,
    place_of,
)
from actorrouter.adapters.openai_relayed import RelayedEvents
from actorrouter.adapters.openai_responses_stream import ResponsesStream
from actorrouter.adapters.openai_stream import ChatStream
from actorrouter.adapters.port import Reading
from actorrouter.adapters.reading import Held, Relayed, held_failure
from actorrouter.adapters.rules import Rule, failure, field_in, judged, match, of_no_model, read_error
from actorrouter.adapters.tokens import input_tokens
from actorrouter.adapters.wire import EVENTS, JSON, USER_AGENT, exact_units, header_list, join_url, passed_on
from actorrouter.config import ProviderConfig
from actorrouter.dialects import OPENAI_CHAT, OPENAI_RESPONSES
from actorrouter.dialects.documents import encode_json, not_json
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
    Secret,
)

_DAY_SPENT: Final = Rule(OutcomeClass.QUOTA_SPENT)


class OpenAI:
    """One provider of the family, as its profile describes it."""

    def __init__(self, name: str, provider: ProviderConfig) -> None:
        self._name = name
        self._provider = provider
        self._profile = profiles.find(name, provider.adapter)
        self.base_url = provider.base_url or self._profile.base_url
        if not self.base_url:
            why = f"required and missing: adapter {provider.adapter} has no address of its own"
            raise InvalidConfig([f"providers.{name}.base_url: {why}"])
        self.dialects: tuple[str, ...] = (
            (OPENAI_CHAT, OPENAI_RESPONSES) if self._profile.responses_path else (OPENAI_CHAT,)
        )
        self.default_charge = self._profile.charge
        unasked = {} if self._profile.include_usage else {"stream_options": ""}
        self.renames: Mapping[str, str] = {**self._profile.renames, **unasked}
        self._standing = dict(header_list(self._profile.headers, provider.headers))
        self._counted: tuple[Call, int] | None = None
        """The call checked last with its input tokens: it is estimated next, most often in the same step."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._name!r})"

    # ------------------------------------------------------------------------------------------------- before sending

    def check(self, call: Call) -> str | None:
        """See the port."""
        kind, document = kind_of(call, self._profile), document_of(call)
        return (
            call_fault(call, kind, self._profile)
            or body_fault(call, kind, document, self._profile)
            or self._count(call, document)
        )

    def _count(self, call: Call, document: Any) -> str | None:
        """Why the body is not JSON, or None."""
        self._counted = None
        try:
            self._counted = call, _tokens_of(document)
        except (TypeError, ValueError, RecursionError):
            return not_json(dict(document) if is_object(document) else document)
        return None

    def estimate(self, call: Call) -> Amounts:
        """One request; of JSON also input from its bytes and output the named maximum, for each choice.

        A chat or response that names no maximum counts with the provider's default. An amount that `call.units` names
        wins.
        """
        counted = self._measured(call, kind_of(call, self._profile), document_of(call))
        amounts: dict[str, Any] = {**counted, **exact_units(call.units)} if call.units else counted
        if INPUT_TOKENS in amounts and OUTPUT_TOKENS in amounts:
            return {REQUESTS: 1, CONCURRENCY: 1, TOKENS: amounts[INPUT_TOKENS] + amounts[OUTPUT_TOKENS], **amounts}
        return {REQUESTS: 1, CONCURRENCY: 1, **amounts}

    def _measured(self, call: Call, kind: Kind, document: Any) -> dict[str, Any]:
        known, self._counted = self._counted, None
        if kind is Kind.OTHER and not document:
            return {}
        given = known[1] if known is not None and known[0] is call else _tokens_of(document)
        if kind is Kind.EMBEDDINGS or not is_object(document):
            return {INPUT_TOKENS: given, OUTPUT_TOKENS: 0}
        usual = 0 if kind is Kind.OTHER else self._provider.default_output_tokens
        return {INPUT_TOKENS: given, OUTPUT_TOKENS: output_max(document, self._profile, usual) * choices_of(document)}

    def prepare(self, call: Call, upstream_model: str, secret: Secret) -> HttpRequest:
        """See the port. A streamed chat is asked for its usage where it does not come unasked."""
        kind = kind_of(call, self._profile)
        content = content_of(call, kind, upstream_model, ask_usage=self._asks_usage(call, kind))
        url = self._url(kind, call.path, upstream_model)
        return HttpRequest(call.method, url, self._headers(secret, call, kind, content), content)

    def _asks_usage(self, call: Call, kind: Kind) -> bool:
        return call.stream and kind is Kind.CHAT and self._profile.include_usage

    def _url(self, kind: Kind, path: str, upstream_model: str) -> str:
        """Where a call goes. Not every provider has the model in it."""
        del upstream_model
        above, _, query = path.partition("?")
        return join_url(self.base_url, place_of(kind, self._profile) or above, query)

    def _headers(self, secret: Secret, call: Call, kind: Kind, content: bytes) -> tuple[tuple[str, str], ...]:
        """The provider's own headers may replace ours and the caller's, but never the secret or the content type."""
        passed = passed_on(call.headers)
        if kind is Kind.OTHER:
            own = {"accept": "*/*"}
            typed = passed.get("content-type") or (JSON if content else "")
        else:
            own = {"accept": EVENTS if call.stream else JSON}
            typed = JSON
            passed.pop("content-encoding", None)  # it was readable, so it is not encoded
        fixed = {"content-type": typed} if typed else {}
        return self._layered(secret, own, passed, self._standing, fixed)

    def _layered(self, secret: Secret, *layers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
        """Each once, the last layer's; all names are in lower case."""
        merged = {"user-agent": USER_AGENT}
        for layer in layers:
            merged.update(layer)
        merged.update(self._credential(secret))
        return tuple(merged.items())

    def _credential(self, secret: Secret) -> Mapping[str, str]:
        """The header that carries the secret."""
        return {self._profile.secret_header: self._profile.secret_format.replace("{secret}", secret.reveal())}

    def probe(self, secret: Secret) -> HttpRequest:
        """The list of models, or what else costs nothing."""
        url = self._url(Kind.OTHER, self._profile.probe_path, "")
        return HttpRequest("GET", url, self._layered(secret, {"accept": JSON}, self._standing), b"")

    # ------------------------------------------------------------------------------------------------------ the answer

    def read(self, call: Call, status: int, headers: Mapping[str, str], now: float, wall: float) -> Reading:
        """See the port."""
        seen = observations(self._profile.limits, headers, now, wall)
        if not 200 <= status < 300:
            refused = partial(self._refused, status, headers, seen, wall)
            return held_failure(lambda body: self._blamed(call, status, body, refused(body)), seen)
        kind, media = kind_of(call, self._profile), media_type(headers)
        if call.stream and kind is Kind.OTHER:
            return self._relayed(call, status, media, seen)
        if call.stream and media in ("", EVENTS) and kind is not Kind.EMBEDDINGS:
            return self._stream(call, kind, status, seen)
        awaited = Awaited(kind, status, media, call.stream, self._profile, lambda: _tokens_of(document_of(call)))
        reads = judge_other if kind is Kind.OTHER else judge
        return Held(lambda body, whole: reads(awaited, body, whole=whole), observations=seen)

    def _stream(self, call: Call, kind: Kind, status: int, seen: tuple[QuotaObservation, ...]) -> Reading:
        profile, document = self._profile, document_of(call)
        if kind is Kind.RESPONSES:
            return ResponsesStream(status, seen, profile, lambda: _tokens_of(document))
        strip_usage = profile.include_usage and not asks_usage(document)
        choices = choices_of(document)
        return ChatStream(status, seen, profile, lambda: _tokens_of(document), choices=choices, strip_usage=strip_usage)

    def _relayed(self, call: Call, status: int, media: str, seen: tuple[QuotaObservation, ...]) -> Reading:
        if media in ("", EVENTS):
            return RelayedEvents(status, seen, self._profile, lambda: _tokens_of(document_of(call)))
        return Relayed(status, seen)

    def _blamed(self, call: Call, status: int, body: bytes, outcome: Outcome) -> Outcome:
        """A refusal as it is to be understood. Of a path that is not known it may be the path that is not found, or not
        for this caller, whatever model is named."""
        unknown = status in (403, 404) and kind_of(call, self._profile) is Kind.OTHER
        if unknown and match(self._profile.errors, status, read_error(body)) is None:
            return of_no_model(outcome)
        return outcome if names_model(call, self._profile) else of_no_model(outcome)

    def _refused(
        self, status: int, headers: Mapping[str, str], seen: tuple[QuotaObservation, ...], wall: float, body: bytes
    ) -> Outcome:
        """A refusal, by the profile's rules. A 429 while nothing remains of a day's limit is a spent quota (Groq)."""
        error = read_error(body)
        outcome = failure(self._profile.errors, status, error, self._wait_s(headers, wall, error.text), wall)
        if outcome.outcome is OutcomeClass.RATE_LIMITED and is_day_spent(seen):
            return judged(_DAY_SPENT, status, error)
        return outcome

    def _wait_s(self, headers: Mapping[str, str], wall: float, text: str) -> float | None:
        """How long it says to wait: `retry-after` first, then where this provider says it."""
        wait = retry_after_s(headers, wall)
        places = [headers.get(name) for name in self._profile.wait_headers]
        places += [field_in(text, name) for name in self._profile.wait_fields]
        return (
            wait if wait is not None else next((s for place in places if (s := delay_s(place, wall)) is not None), None)
        )


def _tokens_of(document: Any) -> int:
    """Input tokens of a JSON document; none of what is no JSON."""
    if document is None:
        return 0
    return input_tokens(encode_json(dict(document) if is_object(document) else document))
