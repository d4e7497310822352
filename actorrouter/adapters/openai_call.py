"""What a call to a provider of OpenAI's family asks for, and what of its body has to change. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from actorrouter.adapters.headers import is_json, media_type
from actorrouter.adapters.profiles import Profile
from actorrouter.adapters.wire import headers_fault, path_fault, positive, units_fault
from actorrouter.dialects import OPENAI_CHAT, OPENAI_RESPONSES
from actorrouter.dialects.documents import decode_json, encode_json
from actorrouter.values import Call


class Kind(StrEnum):
    """What is understood of a call. Of `other` paths only what their JSON says by the same names."""

    CHAT = "chat"
    RESPONSES = "responses"
    EMBEDDINGS = "embeddings"
    OTHER = "other"


_OF_DIALECT: Final = {OPENAI_CHAT: Kind.CHAT, OPENAI_RESPONSES: Kind.RESPONSES}
_OF_PATH: Final = {
    "": Kind.CHAT,
    "/chat/completions": Kind.CHAT,
    "/responses": Kind.RESPONSES,
    "/embeddings": Kind.EMBEDDINGS,
}
"""As callers write them, wherever a provider has them."""

_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
_CHOICES: Final = ("n", "best_of")


def place_of(kind: Kind, profile: Profile) -> str:
    """The provider's path for a kind; "": it does not speak it."""
    if kind is Kind.CHAT:
        return profile.chat_path
    if kind is Kind.RESPONSES:
        return profile.responses_path
    return profile.embeddings_path if kind is Kind.EMBEDDINGS else ""


def kind_of(call: Call, profile: Profile) -> Kind:
    """The dialect decides, else the path. What the provider does not speak is passed through as any other path."""
    if call.dialect:
        return _OF_DIALECT.get(call.dialect, Kind.OTHER)
    if call.method != "POST":
        return Kind.OTHER
    kind = _kind_of_path(call.path) if call.path else Kind.CHAT
    return kind if kind is Kind.OTHER or place_of(kind, profile) else Kind.OTHER


def _kind_of_path(path: str) -> Kind:
    return _OF_PATH.get(path.partition("?")[0], Kind.OTHER)


def document_of(call: Call) -> Any:
    """The call's JSON: its body, or what its content holds; None when that is no JSON."""
    if call.content is None or call.body:
        return call.body
    named = media_type({name.lower(): text for name, text in call.headers.items()})
    return decode_json(call.content) if is_json(named) else None


def is_object(document: Any) -> bool:
    """Whether it is a JSON object; asked often, and most are dicts."""
    return type(document) is dict or isinstance(document, Mapping)


def names_model(call: Call, profile: Profile) -> bool:
    """Whether it asks for a model, so that a no may be about that."""
    document = document_of(call)
    return kind_of(call, profile) is not Kind.OTHER or (is_object(document) and "model" in document)


def content_of(call: Call, kind: Kind, upstream_model: str, *, ask_usage: bool) -> bytes:
    """The bytes to send: the caller's own where nothing has to change."""
    document = document_of(call)
    if kind is Kind.OTHER and not (document and is_object(document)):
        return call.content or b""
    changes = _changes(call, kind, document, upstream_model, ask_usage=ask_usage)
    if call.content is not None and not changes:
        return call.content
    return encode_json({**document, **changes})


def _changes(
    call: Call, kind: Kind, document: Mapping[str, Any], upstream_model: str, *, ask_usage: bool
) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if document.get("model") != upstream_model and (kind is not Kind.OTHER or "model" in document):
        changes["model"] = upstream_model
    if call.stream and document.get("stream") is not True:
        changes["stream"] = True
    if ask_usage and not asks_usage(document):
        changes["stream_options"] = {**(document.get("stream_options") or {}), "include_usage": True}
    return changes


def asks_usage(document: Mapping[str, Any]) -> bool:
    """Whether the caller wants the usage chunk at the end of a streamed chat."""
    options = document.get("stream_options")
    return isinstance(options, Mapping) and options.get("include_usage") is True


# ------------------------------------------------------------------------------------------------------------- faults


def call_fault(call: Call, kind: Kind, profile: Profile) -> str | None:
    """Why a call can never be sent as it is, its body aside; or None."""
    if call.units and (fault := units_fault(call.units)):
        return fault
    if not (call.dialect or call.path or call.headers) and call.method == "POST":
        return None  # nearly always
    return _dialect_fault(call, kind, profile) or _path_fault(call, kind) or headers_fault(call.headers)


def _dialect_fault(call: Call, kind: Kind, profile: Profile) -> str | None:
    if call.dialect and (call.dialect not in _OF_DIALECT or not place_of(kind, profile)):
        return f"dialect {call.dialect[:40]!r} is not spoken by this provider"
    return None


def _path_fault(call: Call, kind: Kind) -> str | None:
    if call.path and (fault := path_fault(call.path)):
        return fault
    if call.dialect and call.path and _kind_of_path(call.path) is not kind:
        return f"path is not one of dialect {call.dialect}: leave it empty"
    if call.method not in _METHODS:
        return "method must be GET, POST, PUT, PATCH or DELETE"
    if call.method != "POST" and (call.dialect or not call.path):
        return f"a {call.method} needs a path of its own and no dialect"
    return None


def body_fault(call: Call, kind: Kind, document: Any, profile: Profile) -> str | None:
    """Why the body can never be sent, or None. Of other paths it may be anything."""
    if not is_object(document):
        readable = kind is Kind.OTHER and call.content is not None
        return None if readable else "body must be a JSON object; any other bytes are content of another path"
    return _shape_fault(kind, document, profile) or _stream_fault(call, kind, document)


def _shape_fault(kind: Kind, document: Mapping[str, Any], profile: Profile) -> str | None:
    if kind is Kind.CHAT:
        messages = document.get("messages")
        if not isinstance(messages, list) or not all(map(is_object, messages)):
            return "messages must be a list of objects"
    if kind is Kind.EMBEDDINGS and not isinstance(document.get("input"), str | list):
        return "input must be a text or a list"
    if kind is not Kind.OTHER:
        for name in (*_CHOICES, *profile.output_maxima):
            if name in document and document[name] is not None and not positive(document[name]):
                return f"{name} must be a whole number of at least 1"
    return None


def _stream_fault(call: Call, kind: Kind, document: Mapping[str, Any]) -> str | None:
    if kind is Kind.CHAT and not isinstance(document.get("stream_options") or {}, Mapping):
        return "stream_options must be an object"
    if kind is not Kind.OTHER and document.get("stream") and not call.stream:
        return "body asks for a stream and the call does not: set Call.stream"
    return None


# ------------------------------------------------------------------------------------------------------------ measures


def choices_of(document: Any) -> int:
    """How many answers are asked for; each may be of the most output (Azure: times best_of)."""
    if not is_object(document):
        return 1
    if "n" not in document and "best_of" not in document:
        return 1
    return max(1, *(int(document[name]) if positive(document.get(name)) else 1 for name in _CHOICES))


def output_max(document: Mapping[str, Any], profile: Profile, usual: int) -> int:
    """The most output one answer may have: the first maximum that is named, or the usual."""
    for name in profile.output_maxima:
        most = document.get(name)
        if type(most) is int and most >= 1:
            return most
    return usual
