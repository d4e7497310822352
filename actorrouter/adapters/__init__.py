"""Providers' dialects, sans-IO. `build` is the way in."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Final, cast

from actorrouter.adapters.generic import GenericHttp
from actorrouter.adapters.openai import OpenAIChat
from actorrouter.adapters.port import Adapter, Reading
from actorrouter.adapters.translating import translating
from actorrouter.config import ProviderConfig
from actorrouter.errors import InvalidConfig


def _later(module: str, kind: str) -> Callable[[str, ProviderConfig], Adapter]:
    """An adapter that is imported when the first provider wants it."""

    def make(name: str, provider: ProviderConfig) -> Adapter:
        found = getattr(importlib.import_module(f"{__name__}.{module}"), kind)
        return cast("Adapter", found(name, provider))

    return make


ADAPTERS: Final[Mapping[str, Callable[[str, ProviderConfig], Adapter]]] = {
    "openai": OpenAIChat,
    "generic": GenericHttp,
    "anthropic": _later("anthropic", "Anthropic"),
    "gemini": _later("gemini", "Gemini"),
    "bedrock": _later("bedrock", "Bedrock"),
}

__all__ = ["ADAPTERS", "Adapter", "Reading", "build"]


def build(name: str, provider: ProviderConfig) -> Adapter:
    """The adapter of the provider called `name`; it takes calls in other dialects too. Raises InvalidConfig."""
    if provider.adapter not in ADAPTERS:
        known = ", ".join(sorted(ADAPTERS))
        raise InvalidConfig([f"providers.{name}.adapter: unknown; known: {known}"])
    return translating(ADAPTERS[provider.adapter](name, provider))
