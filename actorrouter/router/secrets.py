"""Where a key's secret comes from: fixed, or fetched by the user's async callable, outside every turn."""

from __future__ import annotations

import json
from typing import Final

import anyio

from actorrouter.values import Secret, SecretSource

HIDDEN: Final = "***"
_TRACE: Final = 4
"""A secret's first letters that still count as a part of it where a text was cut."""


class SecretKeeper:
    """One key's secret. Concurrent fetches are one; a rejected secret is fetched anew before the key is blamed."""

    __slots__ = ("_cached", "_lock", "_renewed", "_source")

    def __init__(self, source: SecretSource) -> None:
        self._source = source
        self._cached: Secret | None = source if isinstance(source, Secret) else None
        self._renewed = False
        self._lock: anyio.Lock | None = None

    async def get(self) -> Secret:
        """The secret to send now. Raises whatever the user's callable raises."""
        if self._cached is not None:
            return self._cached
        self._lock = self._lock or anyio.Lock()
        async with self._lock:
            if self._cached is None:
                self._cached = await self._fetch()
            return self._cached

    async def _fetch(self) -> Secret:
        assert not isinstance(self._source, Secret)
        secret = await self._source()
        if not isinstance(secret, Secret):
            raise TypeError("a secret source must return a Secret")
        return secret

    def accepted(self, secret: Secret) -> None:
        """The provider took this secret."""
        if secret is self._cached:
            self._renewed = False

    def rejected(self, secret: Secret) -> bool:
        """The provider refused this secret. True: another one can be had, so the key is not to blame yet."""
        if isinstance(self._source, Secret):
            return False
        if secret is not self._cached:
            return True  # it has been replaced since this one was sent
        blame, self._renewed = self._renewed, not self._renewed
        self._cached = None
        return not blame


def without(secret: Secret, text: str) -> str:
    """Text that may leave: the secret's own letters are masked wherever they stand, also where the text was cut."""
    for form in _forms(secret):
        text = text.replace(form, HIDDEN)
        shown = text.rstrip(".…")
        cut = next((n for n in range(len(form) - 1, _TRACE - 1, -1) if shown.endswith(form[:n])), 0)
        text = text[: len(shown) - cut] + HIDDEN if cut else text
    return text


def _forms(secret: Secret) -> tuple[str, ...]:
    """As it is, and as JSON may spell it."""
    text = secret.reveal()
    quoted = json.dumps(text)[1:-1]
    return tuple(dict.fromkeys((text, quoted, quoted.replace("/", r"\/"))))


def bytes_without(secret: Secret, content: bytes) -> bytes:
    """The same for bytes."""
    return without(secret, content.decode("latin-1")).encode("latin-1")
