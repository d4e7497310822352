"""Where a key's secret comes from: fixed, or fetched by the user's async callable, outside every turn."""

from __future__ import annotations

import anyio

from actorrouter.values import Secret, SecretSource


class SecretKeeper:
    """One key's secret. Concurrent fetches are one fetch; a rejected secret is fetched anew before it is blamed."""

    __slots__ = ("_cached", "_lock", "_source")

    def __init__(self, source: SecretSource) -> None:
        self._source = source
        self._cached: Secret | None = source if isinstance(source, Secret) else None
        self._lock: anyio.Lock | None = None

    @property
    def refreshes(self) -> bool:
        """Whether another secret could be had."""
        return not isinstance(self._source, Secret)

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

    def reject(self, secret: Secret) -> bool:
        """The provider refused this secret. True: another one will be fetched."""
        if not self.refreshes:
            return False
        if self._cached is secret:
            self._cached = None
        return True
