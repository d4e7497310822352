"""A client's request as a call: what its path, its body, its headers and its timeouts mean. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from actorrouter.config import RouterConfig
from actorrouter.dialects.documents import decode_json
from actorrouter.errors import InvalidCall
from actorrouter.integrations.answers import Answer, refused
from actorrouter.integrations.paths import Place, place_of
from actorrouter.integrations.port import Asked, Options
from actorrouter.values import Call

# Credentials and who pays, whatever a client's SDK put there; then what belongs to its connection (RFC 9110, 7.6.1)
# and to the bytes as it would have sent them: the router's own transport says which encodings it can unpack.
_NOT_PASSED: Final = frozenset(
    ["authorization", "proxy-authorization", "x-api-key", "api-key", "x-goog-api-key", "x-goog-user-project", "cookie",
     "openai-organization", "openai-project", "x-amz-security-token",
     "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
     "host", "content-length", "accept-encoding"]
)  # fmt: skip


def options_of(said: Mapping[str, Any]) -> Options:
    """What a client's options mean. Raises InvalidCall for one that nobody knows."""
    unknown = sorted(set(map(str, said)) - Options.__optional_keys__)
    if unknown:
        known = ", ".join(sorted(Options.__optional_keys__))
        raise InvalidCall(f"unknown option {unknown[0][:80]!r}; options are: {known}")
    sets = {name: frozenset(said[name]) for name in ("keys", "exclude_keys", "losses") if name in said}
    return cast("Options", {**said, **sets})


def call_of(asked: Asked, config: RouterConfig, route: str, options: Options) -> Call | Answer:
    """The call, or why it cannot be made. `route`: where requests go that name no model."""
    place = place_of(asked.path, asked.method)
    body = _body(asked)
    named = body.get("model")
    model = place.model or (named if isinstance(named, str) else "") or route
    if not model:
        why = 'this request names no model, so no route: say which, http_client(route="...")'
        return refused(400, place.language, "invalid_call", why)
    if model not in config.routes:
        known = ", ".join(sorted(config.routes)[:10])
        return refused(404, place.language, "model_not_found", f"unknown model {model[:80]!r}; routes are: {known}")
    try:
        chosen: Options = {**options, **options_of(asked.options)}
    except InvalidCall as fault:
        return refused(400, place.language, "invalid_call", str(fault))
    if "wait_s" not in chosen and asked.pool_s is not None:
        chosen["wait_s"] = min(asked.pool_s, config.routes[model].wait_s)
    return _call(asked, place, model, body, chosen)


def _call(asked: Asked, place: Place, model: str, body: dict[str, Any], chosen: Options) -> Call:
    return Call(
        model,
        body,
        stream=place.stream or body.get("stream") is True,
        path=place.path,
        dialect=place.dialect,
        content=asked.content,
        method=asked.method,
        headers={name: text for name, text in asked.headers if name not in _NOT_PASSED},
        **chosen,
    )


def _body(asked: Asked) -> dict[str, Any]:
    """The JSON object in it; an empty one for anything else, which goes on as the bytes it is."""
    document = decode_json(asked.content) if asked.content[:1] in (b"{", b" ", b"\n", b"\r", b"\t") else None
    return document if isinstance(document, dict) else {}
