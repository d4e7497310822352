"""Providers' dialects, sans-IO. `build` is the way in."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, cast

from actorrouter.adapters.port import Adapter, Reading
from actorrouter.adapters.translating import translating
from actorrouter.config import OWN_TABLE, ProviderConfig
from actorrouter.errors import InvalidConfig

TABLES: Final = (
    "openai", "groq", "mistral", "deepseek", "xai", "openrouter", "together", "fireworks", "cohere", "vllm", "ollama",
    "gemini-openai",
)  # fmt: skip
"""Adapters that are nothing but a table."""

Clock: TypeAlias = Callable[[], float]
Maker: TypeAlias = Callable[[str, ProviderConfig, Clock | None], Adapter]


def _later(module: str, kind: str) -> Callable[..., Adapter]:
    """An adapter that is imported when the first provider wants it."""
    return lambda *given: cast("Adapter", getattr(importlib.import_module(f"{__name__}.{module}"), kind)(*given))


def _timeless(module: str, kind: str) -> Maker:
    """One that writes no instant into what it sends."""
    make = _later(module, kind)
    return lambda name, provider, _: make(name, provider)


_openai: Final = _timeless("openai", "OpenAI")

ADAPTERS: Final[Mapping[str, Maker]] = {
    **dict.fromkeys(TABLES, _openai),
    "azure": _timeless("azure", "AzureOpenAI"),
    "anthropic": _timeless("anthropic", "Anthropic"),
    "gemini": _timeless("gemini", "Gemini"),
    "bedrock": _later("bedrock", "Bedrock"),
    "generic": _timeless("generic", "GenericHttp"),
}
"""By the word a configuration has for it; besides, `file:PATH` is a table of one's own."""

__all__ = ["ADAPTERS", "Adapter", "Reading", "build", "build_all"]


def build(name: str, provider: ProviderConfig, wall: Clock | None = None) -> Adapter:
    """The adapter of the provider called `name`; it takes calls in other dialects too. `wall`: epoch seconds, for those
    that sign requests.

    Raises InvalidConfig for an unknown kind, or what the kind lacks.
    """
    if provider.adapter.startswith(OWN_TABLE):
        return translating(_openai(name, provider, wall))
    if provider.adapter not in ADAPTERS:
        known = ", ".join(sorted(ADAPTERS))
        raise InvalidConfig([f"providers.{name}.adapter: unknown; known: {known}, {OWN_TABLE}PATH"])
    return translating(ADAPTERS[provider.adapter](name, provider, wall))


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
