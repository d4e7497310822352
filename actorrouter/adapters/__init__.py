"""Providers' dialects, sans-IO. `build` is the way in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from actorrouter.adapters.generic import GenericHttp
from actorrouter.adapters.openai import OpenAIChat
from actorrouter.adapters.port import Adapter, Reading
from actorrouter.config import ProviderConfig
from actorrouter.errors import InvalidConfig

ADAPTERS: Final[Mapping[str, Callable[[str, ProviderConfig], Adapter]]] = {"openai": OpenAIChat, "generic": GenericHttp}

__all__ = ["ADAPTERS", "Adapter", "Reading", "build"]


def build(name: str, provider: ProviderConfig) -> Adapter:
    """The adapter of the provider called `name`. Raises InvalidConfig for an unknown kind."""
    if provider.adapter not in ADAPTERS:
        known = ", ".join(sorted(ADAPTERS))
        raise InvalidConfig([f"providers.{name}.adapter: unknown; known: {known}"])
    return ADAPTERS[provider.adapter](name, provider)
