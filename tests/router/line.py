"""Callers that stand in line."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import anyio
import anyio.lowlevel

from actorrouter.router.grants import Grant


class Line:
    """Callers that reserve, and the order in which they were served."""

    def __init__(self, router: Any, group: Any) -> None:
        self.router, self.group = router, group
        self.order: list[Any] = []
        self.at: dict[Any, float] = {}
        self.errors: dict[Any, BaseException] = {}
        self.grants: dict[Any, Grant] = {}
        self.scopes: dict[Any, anyio.CancelScope] = {}

    async def join(
        self,
        name: Any,
        amounts: Mapping[str, Any] | None = None,
        *,
        model: str = "m",
        wait_s: float = 100,
        **options: Any,
    ) -> None:
        """Come to stand in line, or be served, or refused, before this returns."""
        self.group.start_soon(partial(self._one, name, amounts or {}, model, wait_s, options))
        await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()

    async def _one(self, name: Any, amounts: Any, model: str, wait_s: float, options: Any) -> None:
        with anyio.CancelScope() as self.scopes[name]:
            try:
                self.grants[name] = await self.router.reserve(model, amounts, wait_s=wait_s, **options)
                self.order.append(name)
            except Exception as error:
                self.errors[name] = error
            self.at[name] = anyio.current_time()

    async def done(self, name: Any, used: Any = None) -> None:
        self.grants.pop(name).settle(used)
        await anyio.wait_all_tasks_blocked()

    async def back(self, name: Any) -> None:
        self.grants.pop(name).release()
        await anyio.wait_all_tasks_blocked()

    def cancel(self, name: Any) -> None:
        self.scopes[name].cancel()


ONE = {"a1": ("p",)}
