"""Any JSON API over HTTP, described by data (`config.GenericConfig`). Sans-IO."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from actorrouter.adapters.generic_stream import READERS, DescribedStream, news_of
from actorrouter.adapters.headers import delay_s, media_type, retry_after_s
from actorrouter.adapters.port import Reading
from actorrouter.adapters.reading import Held, Relayed, held_failure
from actorrouter.adapters.rules import ErrorBody, Rule, broken, error_text, failure, judged, match, read_error
from actorrouter.adapters.streaming import EventReader
from actorrouter.adapters.wire import (
    USER_AGENT,
    SecretUrl,
    amount,
    exact,
    exact_units,
    header_list,
    join_url,
    path_fault,
    units_fault,
    with_query,
)
from actorrouter.config import Charge, ErrorRuleConfig, GenericConfig, ProviderConfig
from actorrouter.dialects.documents import decode_json, dig, encode_json, not_json
from actorrouter.errors import InvalidConfig
from actorrouter.values import (
    CONCURRENCY,
    COST,
    REQUESTS,
    Amount,
    Amounts,
    Call,
    HttpRequest,
    Outcome,
    OutcomeClass,
    Scope,
    Secret,
    Usage,
)

_HEADER: Final = "header:"
_QUERY: Final = "query:"
_BODILESS: Final = frozenset({"GET", "DELETE"})
_NOT_THERE: Final = Rule(OutcomeClass.REQUEST_BAD, status=404)
"""Where requests name no model, what is missing is no model."""


class GenericHttp:
    """One JSON API. A GET or DELETE carries the body's fields as query parameters.

    Answers may be anything when no `usage` is configured, else JSON. A streamed answer is relayed untouched; where its
    events, or its lines, are JSON they may tell usage and errors as a whole answer would, else it counts as what was
    reserved for it.
    """

    dialects: tuple[str, ...] = ()

    def __init__(self, name: str, provider: ProviderConfig) -> None:
        if provider.generic is None:
            raise InvalidConfig([f"providers.{name}.generic: missing; the generic adapter is described there"])
        if faults := _faults(provider.generic):
            raise InvalidConfig([f"providers.{name}.generic.{fault}" for fault in faults])
        self._provider = provider
        self.base_url = provider.base_url
        self._generic = provider.generic
        self._rules = tuple(_rule(rule) for rule in provider.generic.errors)
        told = [*provider.generic.usage.values(), *([provider.generic.error_code] if self._rules else [])]
        self._news = news_of(told) if told else None
        self.default_charge = _default_charge(provider.generic)

    def check(self, call: Call) -> str | None:
        """See the port."""
        body: object = call.body
        if not isinstance(body, Mapping):
            return "body must be a JSON object"
        return self._sent_fault(call) or units_fault(call.units) or self._counted_fault(call) or not_json(dict(body))

    def _sent_fault(self, call: Call) -> str | None:
        if call.path and (fault := path_fault(call.path)):
            return fault
        if self._generic.method in _BODILESS and not all(_is_scalar(field) for field in call.body.values()):
            return f"a {self._generic.method} carries only plain values: no lists, no objects"
        return None

    def _counted_fault(self, call: Call) -> str | None:
        for dimension, path in self._generic.units.items():
            found = dig(call.body, path)
            if found is not None and measure(found) is None and dimension not in call.units:
                return f"{path} counts as {dimension}: it must be a number of at least 0, a list or a text"
        return None

    def estimate(self, call: Call) -> Amounts:
        """One request, and what the configured paths measure in the body. An amount that `call.units` names wins."""
        measured = {dimension: measure(dig(call.body, path)) for dimension, path in self._generic.units.items()}
        known = {dimension: exact(dimension, size) for dimension, size in measured.items() if size is not None}
        return {REQUESTS: 1, CONCURRENCY: 1, **known, **exact_units(call.units)}

    def prepare(self, call: Call, upstream_model: str, secret: Secret) -> HttpRequest:
        """See the port. With the secret in the query the URL is secret too."""
        generic = self._generic
        fields = dict(call.body)
        if generic.model_in is not None:
            fields[generic.model_in] = upstream_model
        bodiless = generic.method in _BODILESS
        query = urlencode(_texts(fields)) if bodiless else ""
        url = join_url(self._provider.base_url, call.path or generic.path, query)
        own = {"accept": "*/*"} if bodiless else {"accept": "*/*", "content-type": "application/json"}
        return self._request(generic.method, url, secret, own, b"" if bodiless else encode_json(fields))

    def probe(self, secret: Secret) -> HttpRequest:
        """GET of `probe_path`, or of the root when there is none."""
        url = join_url(self._provider.base_url, self._generic.probe_path or "/")
        return self._request("GET", url, secret, {"accept": "*/*"}, b"")

    def _request(self, method: str, url: str, secret: Secret, own: Mapping[str, str], body: bytes) -> HttpRequest:
        shown = self._generic.secret_format.replace("{secret}", secret.reveal())
        place = self._generic.secret_in
        placed: dict[str, str] = {}
        if place.startswith(_QUERY):
            url = SecretUrl(with_query(url, f"{quote(place.removeprefix(_QUERY), safe='')}={quote(shown, safe='')}"))
        elif place.startswith(_HEADER):
            placed[place.removeprefix(_HEADER)] = shown
        else:
            placed["authorization"] = f"Bearer {shown}"
        headers = header_list({"user-agent": USER_AGENT}, own, self._provider.headers, self._generic.headers, placed)
        return HttpRequest(method, url, headers, body)

    def read(self, call: Call, status: int, headers: Mapping[str, str], now: float, wall: float) -> Reading:
        """See the port. Nothing is known of such an API's limit headers."""
        del now
        if not 200 <= status < 300:
            return held_failure(lambda body: self._refused(status, body, headers, wall))
        if call.stream:
            return self._streamed(call, status, READERS.get(media_type(headers)))
        return Held(lambda body, whole: self._answered(call, status, body, whole=whole))

    def _streamed(self, call: Call, status: int, reader: Callable[[], EventReader] | None) -> Reading:
        if reader is None or self._news is None:
            return Relayed(status)
        return DescribedStream(
            status,
            reader(),
            news=self._news,
            error_inside=self._error_of_200,
            said=self._said,
            settled=lambda said: self._usage(call, said),
        )

    def _refused(self, status: int, body: bytes, headers: Mapping[str, str], wall: float) -> Outcome:
        document, generic = decode_json(body), self._generic
        place = generic.retry_after
        if place.lower() == "header:retry-after":
            wait = retry_after_s(headers, wall)
        elif place.startswith(_HEADER):
            wait = delay_s(headers.get(place.removeprefix(_HEADER).lower()), wall)
        else:
            wait = delay_s(_word(dig(document, place)), wall)
        usual = read_error(body)
        code = _word(dig(document, generic.error_code)) or usual.code
        message = _word(dig(document, generic.error_message)) or usual.message
        rules = self._rules if generic.model_in else (*self._rules, _NOT_THERE)
        return failure(rules, status, ErrorBody(usual.type, code, message, usual.text), wait)

    def _answered(self, call: Call, status: int, body: bytes, *, whole: bool) -> Outcome:
        if not whole:
            return broken(status, "the answer was cut off or is too large")
        document = decode_json(body) if self._generic.usage or self._rules else None
        if error := self._error_of_200(document, status, body):
            return error
        if self._generic.usage and document is None:
            return broken(status, "the answer is not JSON")
        usage = self._usage(call, self._said(document)) if self._generic.usage else None
        return Outcome(OutcomeClass.SUCCEEDED, Scope.NONE, status, usage=usage)

    def _error_of_200(self, document: Any, status: int, body: bytes) -> Outcome | None:
        """An error inside a success: only a rule that names the status or a code may say so."""
        rules = [rule for rule in self._rules if rule.status == status or (rule.status is None and rule.code)]
        if not rules:
            return None
        code, message = (_word(dig(document, path)) for path in (self._generic.error_code, self._generic.error_message))
        error = ErrorBody("", code, message, error_text(body))
        rule = match(rules, None, error)
        return judged(rule, status, error) if rule else None

    def _said(self, document: Any) -> dict[str, Amount]:
        told = {dimension: amount(dig(document, path)) for dimension, path in self._generic.usage.items()}
        return {dimension: exact(dimension, size) for dimension, size in told.items() if size is not None}

    def _usage(self, call: Call, said: Mapping[str, Amount]) -> Usage:
        """What the answer states. A dimension it does not state stands as estimated."""
        known = self._generic.usage
        guessed = {name: size for name, size in self.estimate(call).items() if name in known and name not in said}
        return Usage({**guessed, **said}, estimated=len(said) < len(known))


def _default_charge(generic: GenericConfig) -> Mapping[str, Charge]:
    """Charged when sent; corrected where the answer tells the truth; only at the end where nothing is known before."""
    charge = dict.fromkeys((REQUESTS, *generic.units, "*"), Charge.UP_FRONT)
    for dimension in generic.usage:
        charge[dimension] = Charge.UP_FRONT_THEN_SETTLE if dimension in charge else Charge.ACTUAL
    return {**charge, CONCURRENCY: Charge.HELD, COST: Charge.HELD}


def measure(found: object) -> Amount | None:
    """How much a field of the request counts: a number itself, a list its items, a text its characters."""
    return len(found) if isinstance(found, list | str) else amount(found)


def _is_scalar(field: object) -> bool:
    return field is None or isinstance(field, str | int | float)


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    """Query parameters: booleans as JSON writes them, None left out."""
    return {
        name: str(field).lower() if isinstance(field, bool) else str(field)
        for name, field in fields.items()
        if field is not None
    }


def _word(said: object) -> str:
    return str(said) if isinstance(said, str | int | float) else ""


def _faults(generic: GenericConfig) -> list[str]:
    """What the configuration's own checks would also refuse; here for those who build an adapter by hand."""
    faults = []
    if generic.secret_in != "bearer" and not generic.secret_in.startswith((_HEADER, _QUERY)):  # noqa: S105 - a place
        faults.append("secret_in: expected bearer, header:NAME or query:NAME")
    if "{secret}" not in generic.secret_format:
        faults.append("secret_format: expected text that holds {secret}")
    for index, rule in enumerate(generic.errors):
        if rule.outcome not in set(OutcomeClass) or rule.outcome == OutcomeClass.SUCCEEDED:
            faults.append(f"errors[{index}].outcome: expected a class of failure")
        if rule.scope is not None and rule.scope not in set(Scope):
            faults.append(f"errors[{index}].scope: expected one of {', '.join(Scope)}")
    return faults


def _rule(rule: ErrorRuleConfig) -> Rule:
    scope = None if rule.scope is None else Scope(rule.scope)
    return Rule(OutcomeClass(rule.outcome), rule.status, code=rule.code, contains=rule.contains, scope=scope)
