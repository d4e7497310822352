"""Anthropic's Messages API, plain and streaming, and any other path of it passed through. Sans-IO.

Sources, read 2026-11-23: anthropic SDK 2.12.0 and 0.121.0; platform.claude.com rate-limits page.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar, Final

from actorrouter.adapters.anthropic_errors import error_inside, refused, refused_inside
from actorrouter.adapters.anthropic_stream import MessagesStream
from actorrouter.adapters.anthropic_usage import message_used
from actorrouter.adapters.limit_headers import LimitHeaders, observations
from actorrouter.adapters.native import NativeApi, Work
from actorrouter.adapters.port import Reading
from actorrouter.adapters.wire import positive
from actorrouter.config import Charge, ProviderConfig
from actorrouter.dialects import ANTHROPIC_MESSAGES
from actorrouter.errors import InvalidConfig
from actorrouter.values import (
    CONCURRENCY,
    COST,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    REQUESTS,
    TOKENS,
    Call,
    Outcome,
    QuotaObservation,
    Secret,
    Usage,
)

BASE_URL: Final = "https://api.anthropic.com"
PATH: Final = "/v1/messages"
_WORK: Final = {PATH: Work.GENERATE, f"{PATH}/count_tokens": Work.COUNT}

# Each SDK's own pair of header and version: nobody has said that they may be mixed (limits.md section D).
_VERSIONS: Final = {"x-api-key": "2023-06-01", "bearer": "2026-10-21"}

# Rate-limits page: input is estimated at the start and corrected, output is counted as it is produced.
DEFAULT_CHARGE: Final[Mapping[str, Charge]] = {
    REQUESTS: Charge.UP_FRONT,
    INPUT_TOKENS: Charge.UP_FRONT_THEN_SETTLE,
    OUTPUT_TOKENS: Charge.LIVE,
    TOKENS: Charge.UP_FRONT_THEN_SETTLE,
    CONCURRENCY: Charge.HELD,
    COST: Charge.HELD,
    "*": Charge.UP_FRONT,
}


_DIMENSIONS: Final = {
    "requests": REQUESTS,
    "tokens": TOKENS,  # the tightest token limit in force
    "input-tokens": INPUT_TOKENS,
    "output-tokens": OUTPUT_TOKENS,
}

# Of the priority and fast tiers' headers nothing is taken: they are limits of other pools.
LIMITS: Final = tuple(
    LimitHeaders(
        dimension,
        f"anthropic-ratelimit-{word}-limit",
        f"anthropic-ratelimit-{word}-remaining",
        f"anthropic-ratelimit-{word}-reset",
        rounded_to=0 if dimension == REQUESTS else 1000,
    )
    for word, dimension in _DIMENSIONS.items()
)


class Anthropic(NativeApi):
    """POST /v1/messages. Options: `auth` ("x-api-key" or "bearer"), `version` (of the header `anthropic-version`)."""

    dialects = (ANTHROPIC_MESSAGES,)
    default_charge = DEFAULT_CHARGE
    options: ClassVar[frozenset[str]] = frozenset({"auth", "version"})

    def __init__(self, name: str, provider: ProviderConfig) -> None:
        super().__init__(name, provider, BASE_URL)
        self._base_url = self._base_url.rstrip("/").removesuffix("/v1")
        self._auth = provider.options.get("auth", "x-api-key")
        if self._auth not in _VERSIONS:
            raise InvalidConfig([f"providers.{name}.options.auth: expected one of {', '.join(_VERSIONS)}"])
        self._version = provider.options.get("version", _VERSIONS[self._auth])

    def _work(self, call: Call) -> Work:
        return _WORK.get(below_v1(call.path).partition("?")[0], Work.OTHER)

    def _fault(self, call: Call) -> str | None:
        return messages_fault(call.body)

    def _most_output(self, call: Call) -> int:
        said: int | None = call.body.get("max_tokens")
        return self._provider.default_output_tokens if said is None else said

    def _path(self, call: Call, upstream_model: str) -> str:
        del upstream_model  # which stands in the body
        return below_v1(call.path)

    def _body(self, call: Call, upstream_model: str) -> Mapping[str, Any]:
        return {**call.body, "model": upstream_model, **({"stream": True} if call.stream else {})}

    def _defaults(self) -> Mapping[str, str]:
        return {**super()._defaults(), "anthropic-version": self._version}

    def _credentials(self, secret: Secret) -> Mapping[str, str]:
        if self._auth == "bearer":
            return {"authorization": f"Bearer {secret.reveal()}"}
        return {"x-api-key": secret.reveal()}

    def _probe_path(self) -> str:
        return "/v1/models?limit=1"

    def _observations(self, headers: Mapping[str, str], now: float, wall: float) -> tuple[QuotaObservation, ...]:
        return observations(LIMITS, headers, now, wall)

    def _refused(self, status: int, body: bytes, headers: Mapping[str, str], wall: float) -> Outcome:
        return refused(status, body, headers, wall)

    def _error_inside(self, status: int, document: Any, body: bytes, wall: float) -> Outcome | None:
        return refused_inside(status, document, body, wall) if error_inside(document) else None

    def _used(self, call: Call, document: dict[str, Any]) -> Usage | str:
        return message_used(document, partial(self._input_tokens, call))

    def _stream(self, call: Call, status: int, seen: tuple[QuotaObservation, ...], wall: float) -> Reading:
        return MessagesStream(status, seen, partial(self._input_tokens, call), wall)


def below_v1(path: str) -> str:
    """A caller's path, written with its version or without."""
    if not path:
        return PATH
    return path if path.startswith("/v1/") else f"/v1{path}"


def messages_fault(body: Mapping[str, Any]) -> str | None:
    """Why this is no request for a message, or None."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, Mapping) for message in messages):
        return "messages must be a list of objects"
    if body.get("max_tokens") is not None and not positive(body["max_tokens"]):
        return "max_tokens must be a whole number of at least 1"
    return None
