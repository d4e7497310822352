"""Where a client's request goes: the path of its URL tells the dialect, and for some APIs the model. Pure.

Paths: openai SDK 3.54.0, anthropic 2.12.0, google-genai 3.4.0, mistralai 3.7.0, read 2026-11-23.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import parse_qsl, unquote, urlencode

from actorrouter.dialects import ANTHROPIC_MESSAGES, GEMINI, OPENAI_CHAT, OPENAI_RESPONSES
from actorrouter.integrations.port import Headers
from actorrouter.values import value

_VERSION: Final = re.compile(r"^(?:/[\w.-]+){0,2}?/v\d+(?:(?:alpha|beta)\d*)?(?:/openai(?=/))?(?=/)")
"""What providers' base URLs end with: /v1, /v1beta, /api/v1, /openai/v1, /v1beta/openai."""

_ENDPOINTS: Final = (
    (re.compile(r"/chat/completions$"), OPENAI_CHAT),
    (re.compile(r"/responses$"), OPENAI_RESPONSES),
    (re.compile(r"/messages$"), ANTHROPIC_MESSAGES),
    (re.compile(r"/models/(?P<model>.+):(?:generateContent|(?P<stream>streamGenerateContent))$"), GEMINI),
)
_LANGUAGES: Final = (
    (re.compile(r"/messages/"), ANTHROPIC_MESSAGES),
    (re.compile(r"/models/(?P<model>.+):\w+$"), GEMINI),
)
_TELLING: Final = (("anthropic-version", ANTHROPIC_MESSAGES), ("x-goog-api-key", GEMINI))
"""Headers that only one API's clients send."""

_CREDENTIALS: Final = ("key", "access_token")
"""Query parameters of Google's APIs."""

_MODEL: Final = "{model}"
"""For the upstream's model, which the adapter puts in its place."""


@value
class Place:
    """`dialect`: "" where the request is passed through to `path`, as it is. `language`: the dialect of its errors.
    `model`: what the path names. `stream`: the path asks for a stream."""

    dialect: str
    language: str
    path: str = ""
    model: str = ""
    stream: bool = False


def place_of(path: str, method: str = "POST", headers: Headers = ()) -> Place:
    """The place that a request's path, with its query, means. `headers`: tell the language where the path does not."""
    plain, _, query = path.partition("?")
    below = _VERSION.sub("", plain, count=1)
    for pattern, dialect in _ENDPOINTS if method == "POST" else ():
        if found := pattern.search(below):
            named = found.groupdict()
            return Place(dialect, dialect, model=unquote(named.get("model") or ""), stream=bool(named.get("stream")))
    for pattern, dialect in _LANGUAGES:
        if found := pattern.search(below):
            return _passed(found, dialect, query)
    names = {name for name, _ in headers}
    language = next((dialect for name, dialect in _TELLING if name in names), OPENAI_CHAT)
    return Place("", language, _with(below, query))


def _passed(found: re.Match[str], dialect: str, query: str) -> Place:
    """A path of an API that names the model in it, or has it in the body."""
    path, model = found.string, found.groupdict().get("model") or ""
    if model:
        path = f"{path[: found.start('model')]}{_MODEL}{path[found.end('model') :]}"
    return Place("", dialect, _with(path, query), unquote(model))


def _with(path: str, query: str) -> str:
    kept = [(name, text) for name, text in parse_qsl(query, keep_blank_values=True) if name not in _CREDENTIALS]
    return f"{path}?{urlencode(kept)}" if kept else path
