"""A client's request as a call: what its path, its body, its headers and its timeouts mean. Pure."""

from __future__ import annotations

from typing import Any, Final

from actorrouter.adapters.headers import is_json, media_type
from actorrouter.adapters.wire import passed_on
from actorrouter.config import RouterConfig
from actorrouter.dialects.documents import decode_json
from actorrouter.errors import InvalidCall
from actorrouter.integrations.answers import Answer, refused
from actorrouter.integrations.listing import listing, unknown
from actorrouter.integrations.options import options_of
from actorrouter.integrations.paths import Place, place_of
from actorrouter.integrations.port import Asked, Options
from actorrouter.values import Call

_BEFORE_AN_OBJECT: Final = (b"{", b" ", b"\n", b"\r", b"\t")


def call_of(asked: Asked, config: RouterConfig, route: str, options: Options) -> Call | Answer:
    """The call, or why it cannot be made. `route`: where requests go that name no model."""
    place = place_of(asked.path, asked.method, asked.headers)
    models = listing(place, config.routes) if asked.method == "GET" else None
    if models is not None:
        return models
    body = _body(asked, place)
    named = body.get("model")
    model = place.model or (named if isinstance(named, str) else "") or route
    if not model:
        why = 'this request names no model, so no route: say which, http_client(route="...")'
        return refused(400, place.language, "invalid_call", why)
    if model not in config.routes:
        return unknown(place, model, config.routes)
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
        headers=passed_on(dict(asked.headers)),
        **chosen,
    )


def _body(asked: Asked, place: Place) -> dict[str, Any]:
    """The JSON object in it; an empty one for anything else, which goes on as the bytes it is."""
    readable = place.dialect or is_json(media_type(dict(asked.headers)))
    if not readable or asked.content[:1] not in _BEFORE_AN_OBJECT:
        return {}
    document = decode_json(asked.content)
    return document if isinstance(document, dict) else {}
