"""Providers' dialects, sans-IO. `build` is the way in."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Final, cast

from actorrouter.adapters.port import Adapter, Reading
from actorrouter.adapters.translating import translating
from actorrouter.config import OWN_TABLE, ProviderConfig
from actorrouter.errors import InvalidConfig

TABLES: Final = (
    "openai", "groq", "mistral", "deepseek", "xai", "openrouter", "together", "fireworks", "cohere", "vllm", "ollama",
    "gemini-openai",
)  # fmt: skip
"""Adapters that are nothing but a table."""


def _later(module: str, kind: str) -> Callable[[str, ProviderConfig], Adapter]:
    """An adapter that is imported when the first provider wants it."""

    def make(name: str, provider: ProviderConfig) -> Adapter:
        found = getattr(importlib.import_module(f"{__name__}.{module}"), kind)
        return cast("Adapter", found(name, provider))

    return make


_openai: Final = _later("openai", "OpenAI")

ADAPTERS: Final[Mapping[str, Callable[[str, ProviderConfig], Adapter]]] = {
    **dict.fromkeys(TABLES, _openai),
    "azure": _later("azure", "AzureOpenAI"),
    "anthropic": _later("anthropic", "Anthropic"),
    "gemini": _later("gemini", "Gemini"),
    "bedrock": _later("bedrock", "Bedrock"),
    "generic": _later("generic", "GenericHttp"),
}
"""By the word a configuration has for it; besides, `file:PATH` is a table of one's own."""

__all__ = ["ADAPTERS", "Adapter", "Reading", "build", "build_all"]


def build(name: str, provider: ProviderConfig) -> Adapter:
    """The adapter of the provider called `name`; it takes calls in other dialects too.

    Raises InvalidConfig for an unknown kind, or what the kind lacks.
    """
    if provider.adapter.startswith(OWN_TABLE):
        return translating(_openai(name, provider))
    if provider.adapter not in ADAPTERS:
        known = ", ".join(sorted(ADAPTERS))
        raise InvalidConfig([f"providers.{name}.adapter: unknown; known: {known}, {OWN_TABLE}PATH"])
    return translating(ADAPTERS[provider.adapter](name, provider))


def build_all(providers: Mapping[str, ProviderConfig], source: str = "config") -> dict[str, Adapter]:
    """The adapters of all providers. Raises InvalidConfig with the faults of all of them."""
    made: dict[str, Adapter] = {}
    faults: list[str] = []
    for name, provider in providers.items():
        try:
            made[name] = build(name, provider)
        except InvalidConfig as error:
            faults += error.faults
    if faults:
        raise InvalidConfig(faults, source)
    return made
