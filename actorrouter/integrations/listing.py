"""The models a client may ask for: the routes, told in its own API's words. Pure.

Shapes: openai 3.54.0 `types/model.py`, anthropic 2.12.0 `types/model_info.py`, google-genai 3.4.0 `types.Model`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final
from urllib.parse import unquote

from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI
from actorrouter.integrations.answers import Answer, found, refused
from actorrouter.integrations.paths import Place

_PATH: Final = re.compile(r"/models(?:/(?P<model>[^?]+))?(?:\?.*)?")


def listing(place: Place, routes: Collection[str]) -> Answer | None:
    """The answer to a GET of models or of one model; None of any other path."""
    asked = _PATH.fullmatch(place.path)
    if asked is None:
        return None
    told, listed = _WORDS.get(place.language, (_openai, _openai_list))
    if asked["model"] is None:
        return found(listed([told(name) for name in sorted(routes)]))
    name = unquote(asked["model"])
    return found(told(name)) if name in routes else unknown(place, name, routes)


def unknown(place: Place, model: str, routes: Collection[str]) -> Answer:
    """The no to a model that is no route."""
    known = ", ".join(sorted(routes)[:10])
    return refused(404, place.language, "model_not_found", f"unknown model {model[:80]!r}; routes are: {known}")


def _openai(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "actorrouter"}


def _openai_list(models: list[dict[str, Any]]) -> dict[str, Any]:
    return {"object": "list", "data": models}


def _anthropic(name: str) -> dict[str, Any]:
    """An epoch value stands for a date nobody knows."""
    born = "1970-01-01T00:00:00Z"
    return {"type": "model", "id": name, "display_name": name, "created_at": born, "lifecycle": "active"}


def _anthropic_list(models: list[dict[str, Any]]) -> dict[str, Any]:
    ends = (models[0]["id"], models[-1]["id"]) if models else (None, None)
    return {"data": models, "has_more": False, "first_id": ends[0], "last_id": ends[1]}


def _gemini(name: str) -> dict[str, Any]:
    return {"name": f"models/{name}", "displayName": name}


def _gemini_list(models: list[dict[str, Any]]) -> dict[str, Any]:
    return {"models": models}


_Words = tuple[Callable[[str], dict[str, Any]], Callable[[list[dict[str, Any]]], dict[str, Any]]]

_WORDS: Final[Mapping[str, _Words]] = {
    ANTHROPIC_MESSAGES: (_anthropic, _anthropic_list),
    GEMINI: (_gemini, _gemini_list),
}
