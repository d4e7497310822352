"""Google's Gemini API: generateContent plain and streaming, embeddings, and any other path passed through. Sans-IO.

Sources, read 2026-11-23: google-genai SDK 3.4.0; ai.google.dev rate-limits page.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode

from actorrouter.adapters.gemini_errors import blocked, error_inside, refused, refused_inside
from actorrouter.adapters.gemini_stream import GeminiStream
from actorrouter.adapters.gemini_usage import usage_said
from actorrouter.adapters.native import NativeApi, Work
from actorrouter.adapters.openai_usage import text_bytes_of
from actorrouter.adapters.port import Reading
from actorrouter.adapters.tokens import text_tokens, usage_of
from actorrouter.adapters.wire import positive
from actorrouter.config import Charge, ProviderConfig
from actorrouter.dialects import GEMINI
from actorrouter.dialects.documents import dig, listed
from actorrouter.values import (
    CONCURRENCY,
    COST,
    OUTPUT_TOKENS,
    Call,
    Outcome,
    QuotaObservation,
    Secret,
    Usage,
)

BASE_URL: Final = "https://generativelanguage.googleapis.com"
_VERSION: Final = "/v1beta"
MODEL: Final = "{model}"
"""Stands in a caller's path for the upstream's model."""

_VERSIONED: Final = re.compile(r"(?P<before>.*?)(?P<version>/v\d+(?:(?:alpha|beta)\d*)?)(?P<after>/.*)?")
_VERB: Final = re.compile(r"/models/[^/:]+:(\w+)")
_STREAM: Final = "streamGenerateContent"
_WORK: Final = {
    "generateContent": Work.GENERATE,
    _STREAM: Work.GENERATE,
    "embedContent": Work.EMBED,
    "batchEmbedContents": Work.EMBED,
    "countTokens": Work.COUNT,
}

# The rate-limits page says what is counted, not when: nothing is taken back.
DEFAULT_CHARGE: Final[Mapping[str, Charge]] = {CONCURRENCY: Charge.HELD, COST: Charge.HELD, "*": Charge.UP_FRONT}


class Gemini(NativeApi):
    """POST /models/{model}:generateContent, or :streamGenerateContent as server-sent events.

    The API's version is the one a caller's path begins with, else the one the base URL ends with, else v1beta.
    """

    dialects = (GEMINI,)
    default_charge = DEFAULT_CHARGE

    def __init__(self, name: str, provider: ProviderConfig) -> None:
        super().__init__(name, provider, BASE_URL)
        found = _VERSIONED.fullmatch(self._base_url.rstrip("/"))
        self._version = _VERSION
        if found is not None and found["after"] is None:
            self._base_url, self._version = found["before"], found["version"]

    def _work(self, call: Call) -> Work:
        if not call.path:
            return Work.GENERATE
        found = _VERB.fullmatch(_unversioned(call.path.partition("?")[0])[1])
        return _WORK.get(found[1], Work.OTHER) if found else Work.OTHER

    def _fault(self, call: Call) -> str | None:
        if self._work(call) is not Work.GENERATE:
            return None
        contents = call.body.get("contents")
        if not isinstance(contents, list) or not all(isinstance(content, Mapping) for content in contents):
            return "contents must be a list of objects"
        for name in ("maxOutputTokens", "candidateCount"):
            said = dig(call.body, f"generationConfig.{name}")
            if said is not None and not positive(said):
                return f"generationConfig.{name} must be a whole number of at least 1"
        if call.path and call.stream != (f":{_STREAM}" in call.path):
            return f"a stream has the path :{_STREAM}, and only a stream"
        return None

    def _most_output(self, call: Call) -> int:
        said: int | None = dig(call.body, "generationConfig.maxOutputTokens")
        return (self._provider.default_output_tokens if said is None else said) * _choices(call)

    def _path(self, call: Call, upstream_model: str) -> str:
        """A stream is always asked for as events; a key in the caller's query is its own, and is dropped."""
        verb = _STREAM if call.stream else "generateContent"
        whole, _, query = (call.path or f"/models/{MODEL}:{verb}").partition("?")
        version, path = _unversioned(whole)
        told = {name: text for name, text in parse_qsl(query, keep_blank_values=True) if name != "key"}
        if call.stream and self._work(call) is Work.GENERATE:
            told["alt"] = "sse"
        named = (version or self._version) + path.replace(MODEL, quote(_bare(upstream_model), safe=""))
        return f"{named}?{urlencode(told)}" if told else named

    def _body(self, call: Call, upstream_model: str) -> Mapping[str, Any]:
        """Embeddings and counts name the model in their parts too; generateContent has it in the path alone."""
        model = f"models/{_bare(upstream_model)}"
        body = dict(call.body)
        if self._work(call) is Work.GENERATE:
            return {name: said for name, said in body.items() if name not in ("model", "stream")}
        if "model" in body:
            body["model"] = model
        if isinstance(body.get("generateContentRequest"), Mapping):
            body["generateContentRequest"] = {**body["generateContentRequest"], "model": model}
        if isinstance(body.get("requests"), list):
            body["requests"] = [{**each, "model": model} for each in body["requests"] if isinstance(each, Mapping)]
        return body

    def _credentials(self, secret: Secret) -> Mapping[str, str]:
        return {"x-goog-api-key": secret.reveal()}

    def _probe_path(self) -> str:
        return f"{self._version}/models?pageSize=1"

    def _refused(self, status: int, body: bytes, headers: Mapping[str, str], wall: float) -> Outcome:
        return refused(status, body, headers, wall)

    def _error_inside(self, status: int, document: Any, body: bytes, wall: float) -> Outcome | None:
        if error_inside(document):
            return refused_inside(status, document, body, wall)
        said = usage_said(document)
        return blocked(status, document, usage_of(said, 0, 0) if said else None)

    def _used(self, call: Call, document: dict[str, Any]) -> Usage | str:
        said = usage_said(document)
        if self._work(call) is Work.EMBED:
            return usage_of({OUTPUT_TOKENS: 0, **said}, self._input_tokens(call), 0)
        candidates = listed(document, "candidates")
        if not candidates:
            return "the answer has no candidates"
        text_bytes = text_bytes_of([{"message": dig(candidate, "content")} for candidate in candidates])
        return usage_of(said, self._input_tokens(call), text_tokens(text_bytes))

    def _stream(self, call: Call, status: int, seen: tuple[QuotaObservation, ...], wall: float) -> Reading:
        return GeminiStream(status, seen, partial(self._input_tokens, call), wall, choices=_choices(call))


def _choices(call: Call) -> int:
    said: int | None = dig(call.body, "generationConfig.candidateCount")
    return 1 if said is None else said


def _unversioned(path: str) -> tuple[str, str]:
    """The version a path begins with, or "", and the rest."""
    found = _VERSIONED.fullmatch(path)
    return (found["version"], found["after"] or "") if found and not found["before"] else ("", path)


def _bare(model: str) -> str:
    """The model without the collection that some name it with."""
    return model.removeprefix("models/")
