"""Amazon Bedrock: the Converse API, and Anthropic's messages through InvokeModel. Sans-IO.

Sources, read 2026-11-23: botocore 1.44.5 `data/bedrock-runtime`; docs.aws.amazon.com quota pages; anthropic SDK 2.12.0
`lib/bedrock`.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar, Final
from urllib.parse import quote

from actorrouter.adapters import anthropic_errors, bedrock_errors
from actorrouter.adapters.anthropic import PATH as MESSAGES_PATH
from actorrouter.adapters.anthropic import messages_fault
from actorrouter.adapters.anthropic_stream import MessagesStream
from actorrouter.adapters.anthropic_usage import message_used
from actorrouter.adapters.aws_frames import FrameReader
from actorrouter.adapters.bedrock_signing import signed
from actorrouter.adapters.bedrock_stream import STREAM_TYPE, ConverseStream, as_message_event, usage_said
from actorrouter.adapters.cached_usage import side_by_side
from actorrouter.adapters.headers import count
from actorrouter.adapters.native import NativeApi, Work
from actorrouter.adapters.openai_usage import text_bytes_of
from actorrouter.adapters.port import Reading
from actorrouter.adapters.tokens import text_tokens
from actorrouter.adapters.wire import EVENTS, JSON, positive
from actorrouter.config import Charge, ProviderConfig
from actorrouter.dialects import ANTHROPIC_MESSAGES, BEDROCK_CONVERSE
from actorrouter.dialects.documents import dig
from actorrouter.errors import InvalidConfig
from actorrouter.values import (
    CONCURRENCY,
    COST,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    TOKENS,
    Call,
    HttpRequest,
    Outcome,
    QuotaObservation,
    Secret,
    Usage,
)

MODEL: Final = "{model}"
"""Stands in a caller's path for the upstream's model."""

_PATH: Final = re.compile(r"/model/[^/]+/(converse|converse-stream|count-tokens)")
_REGION: Final = re.compile(r"[a-z0-9-]{1,40}")
_OUTPUT_BURNDOWN: Final = 5.0
_PLAIN_BURNDOWN: Final = re.compile(r"claude-(?:instant|v?[12]\b|3-(?!7))")
"""Models before Claude 3.7, whose output counts once (quota pages)."""

# Quota pages: input, cache and the most output are reserved at the start, and what was not used is given back.
DEFAULT_CHARGE: Final[Mapping[str, Charge]] = {
    INPUT_TOKENS: Charge.UP_FRONT_THEN_SETTLE,
    OUTPUT_TOKENS: Charge.UP_FRONT_THEN_SETTLE,
    TOKENS: Charge.UP_FRONT_THEN_SETTLE,
    CONCURRENCY: Charge.HELD,
    COST: Charge.HELD,
    "*": Charge.UP_FRONT,
}


class Bedrock(NativeApi):
    """POST /model/{model}/converse, or /model/{model}/invoke for calls in Anthropic's dialect.

    A streamed message is handed on as server-sent events, a streamed Converse answer as the frames it came in. Options:
    `region` (part of the base URL and of signatures), `auth` ("bearer" or "sigv4"), `output_burndown` (how many times
    output counts; 5 if not given, but 1 for messages of models before Claude 3.7). Without a maximum Bedrock reserves
    the model's own: set `default_output_tokens` near it where callers name none. `wall`: epoch seconds, for signatures.
    """

    dialects = (BEDROCK_CONVERSE, ANTHROPIC_MESSAGES)
    default_charge = DEFAULT_CHARGE
    options: ClassVar[frozenset[str]] = frozenset({"region", "auth", "output_burndown"})
    stream_types: ClassVar[frozenset[str]] = frozenset({"", STREAM_TYPE})

    def __init__(self, name: str, provider: ProviderConfig, wall: Callable[[], float] | None = None) -> None:
        self._wall = wall
        if faults := _option_faults(provider):
            raise InvalidConfig([f"providers.{name}.options.{fault}" for fault in faults])
        self._region = provider.options.get("region", "")
        super().__init__(name, provider, f"https://bedrock-runtime.{self._region}.amazonaws.com")
        self._signs = provider.options.get("auth") == "sigv4"
        said = provider.options.get("output_burndown")
        self._burndown = None if said is None else float(said)

    def _work(self, call: Call) -> Work:
        path = call.path.partition("?")[0]
        if not path or (_is_messages(call) and path == MESSAGES_PATH):
            return Work.GENERATE
        found = _PATH.fullmatch(path)
        if found is None or _is_messages(call):
            return Work.OTHER
        return Work.COUNT if found[1] == "count-tokens" else Work.GENERATE

    def check(self, call: Call) -> str | None:
        """See the port."""
        fault = super().check(call)
        if fault is None and _is_messages(call) and self._work(call) is not Work.GENERATE:
            return f"of {ANTHROPIC_MESSAGES} only {MESSAGES_PATH} is served here"
        return fault

    def _fault(self, call: Call) -> str | None:
        if _is_messages(call):
            return messages_fault(call.body)
        if self._work(call) is not Work.GENERATE:
            return None
        messages, most = call.body.get("messages"), dig(call.body, "inferenceConfig.maxTokens")
        if not isinstance(messages, list) or not all(isinstance(message, Mapping) for message in messages):
            return "messages must be a list of objects"
        if most is not None and not positive(most):
            return "inferenceConfig.maxTokens must be a whole number of at least 1"
        if call.path and call.stream != call.path.endswith("-stream"):
            return "a stream has the path of converse-stream, and only a stream"
        return None

    def _most_output(self, call: Call) -> int:
        said: int | None = dig(call.body, "max_tokens" if _is_messages(call) else "inferenceConfig.maxTokens")
        return self._provider.default_output_tokens if said is None else said

    def _path(self, call: Call, upstream_model: str) -> str:
        model = quote(upstream_model, safe="")
        if self._work(call) is not Work.GENERATE:
            return call.path.replace(MODEL, model)
        plain, streamed = ("invoke", "invoke-with-response-stream") if _is_messages(call) else _CONVERSE
        return f"/model/{model}/{streamed if call.stream else plain}"

    def _body(self, call: Call, upstream_model: str) -> Mapping[str, Any]:
        """The model stands in the path; betas, in Anthropic's own API a header, stand in the body."""
        del upstream_model
        body = {name: said for name, said in call.body.items() if name not in ("model", "modelId", "stream")}
        if not _is_messages(call):
            return body
        betas = next((text for name, text in call.headers.items() if name.lower() == "anthropic-beta"), "")
        named = {"anthropic_beta": [beta.strip() for beta in betas.split(",")]} if betas else {}
        return {"anthropic_version": "bedrock-2023-05-31", **named, **body}

    def _accepted(self, call: Call) -> str:
        return STREAM_TYPE if call.stream else JSON

    def _credentials(self, secret: Secret) -> Mapping[str, str]:
        return {} if self._signs else {"authorization": f"Bearer {secret.reveal()}"}

    def _request(
        self,
        method: str,
        url: str,
        secret: Secret,
        content: bytes,
        *layers: Mapping[str, str],
        fixed: Mapping[str, str] | None = None,
    ) -> HttpRequest:
        request = super()._request(method, url, secret, content, *layers, fixed=fixed)
        if not self._signs:
            return request
        assert self._wall is not None, "signing needs a clock: name one when building the adapter"
        return signed(request, secret, self._region, self._wall())

    def probe(self, secret: Secret) -> HttpRequest:
        """The list of models, which the control plane has: the same host without `-runtime`."""
        url = f"{self._base_url.rstrip('/').replace('//bedrock-runtime.', '//bedrock.')}{self._probe_path()}"
        return self._request("GET", url, secret, b"", {**self._defaults(), "accept": JSON})

    def _probe_path(self) -> str:
        return "/foundation-models"

    def _refused(self, status: int, body: bytes, headers: Mapping[str, str], wall: float) -> Outcome:
        return bedrock_errors.refused(status, body, headers, wall)

    def _error_inside(self, status: int, document: Any, body: bytes, wall: float) -> Outcome | None:
        del wall
        if bedrock_errors.error_inside(document) or anthropic_errors.error_inside(document):
            return bedrock_errors.refused_inside(status, document, body)
        return None

    def _used(self, call: Call, document: dict[str, Any]) -> Usage | str:
        if _is_messages(call):
            return message_used(document, partial(self._input_tokens, call), self._settle_message)
        content = dig(document, "output.message.content")
        if not isinstance(content, list):
            return "the answer has no message"
        written = text_tokens(text_bytes_of([{"message": content}]))
        return self._settle(usage_said(document.get("usage")), self._input_tokens(call), written)

    def _stream(self, call: Call, status: int, seen: tuple[QuotaObservation, ...], wall: float) -> Reading:
        counted = partial(self._input_tokens, call)
        if not _is_messages(call):
            return ConverseStream(status, seen, counted, self._settle)
        reader = FrameReader(as_message_event)
        read = MessagesStream(status, seen, counted, wall, reader=reader, settle=self._settle_message, refuse=_refuse)
        read.content_type = EVENTS
        return read

    def _settle(self, said: Mapping[str, int], counted_input: int, counted_output: int) -> Usage:
        burndown = _OUTPUT_BURNDOWN if self._burndown is None else self._burndown
        return side_by_side(said, counted_input, counted_output, burndown=burndown)

    def _settle_message(self, said: Mapping[str, int], model: object, counted_input: int, counted_output: int) -> Usage:
        plain = self._burndown is None and isinstance(model, str) and _PLAIN_BURNDOWN.search(model)
        if plain:
            return side_by_side(said, counted_input, counted_output)
        return self._settle(said, counted_input, counted_output)


_CONVERSE: Final = ("converse", "converse-stream")


def _is_messages(call: Call) -> bool:
    return call.dialect == ANTHROPIC_MESSAGES


def _refuse(status: int, document: Any, body: bytes, wall: float, usage: Usage | None) -> Outcome:
    del wall
    return bedrock_errors.refused_inside(status, document, body, usage)


def _option_faults(provider: ProviderConfig) -> list[str]:
    """What the options lack for this address and this kind of secret."""
    options = provider.options
    region, auth = options.get("region", ""), options.get("auth", "bearer")
    faults = []
    if (region or not provider.base_url or auth == "sigv4") and not _REGION.fullmatch(region):
        faults.append("region: expected an AWS region, e.g. us-east-1")
    if auth not in ("bearer", "sigv4"):
        faults.append("auth: expected one of bearer, sigv4")
    elif auth == "sigv4" and importlib.util.find_spec("botocore") is None:
        faults.append("auth: sigv4 needs botocore: install actorrouter[bedrock]")
    burndown = count(options.get("output_burndown", "1"))
    if burndown is None or not 1 <= burndown <= 100:
        faults.append("output_burndown: expected a number from 1 to 100")
    return faults
