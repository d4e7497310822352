"""A provider that is spoken to in other dialects than its own. Sans-IO.

Calls in a dialect the provider speaks go through as they are. Others are told in its own, and its answers told back.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING

from actorrouter.adapters.port import Adapter, Reading
from actorrouter.config import Charge
from actorrouter.dialects import TRANSLATED
from actorrouter.values import Amounts, Call, HttpRequest, Secret

if TYPE_CHECKING:
    from actorrouter.adapters.translated import Interpreter


class Translating:
    """An adapter that also takes calls in every dialect that can be told in `own`, one that it speaks itself."""

    def __init__(self, inner: Adapter, own: str) -> None:
        self._inner, self._own = inner, own

    def __repr__(self) -> str:
        return repr(self._inner)

    @property
    def dialects(self) -> tuple[str, ...]:
        """See the port."""
        return self._inner.dialects

    @property
    def base_url(self) -> str:
        """See the port."""
        return self._inner.base_url

    @property
    def default_charge(self) -> Mapping[str, Charge]:
        """See the port."""
        return self._inner.default_charge

    def check(self, call: Call) -> str | None:
        """See the port."""
        return self._fitting(call).check(call)

    def estimate(self, call: Call) -> Amounts:
        """See the port."""
        return self._fitting(call).estimate(call)

    def prepare(self, call: Call, upstream_model: str, secret: Secret) -> HttpRequest:
        """See the port."""
        return self._fitting(call).prepare(call, upstream_model, secret)

    def probe(self, secret: Secret) -> HttpRequest:
        """See the port."""
        return self._inner.probe(secret)

    def read(self, call: Call, status: int, headers: Mapping[str, str], now: float, wall: float) -> Reading:
        """See the port."""
        return self._fitting(call).read(call, status, headers, now, wall)

    def _fitting(self, call: Call) -> Adapter | Interpreter:
        return self._inner if not call.dialect or call.dialect in self._inner.dialects else self._interpreter

    @functools.cached_property
    def _interpreter(self) -> Interpreter:
        from actorrouter.adapters.translated import Interpreter

        return Interpreter(self._inner, self._own)


def translating(inner: Adapter) -> Adapter:
    """The adapter, taking calls in other dialects too if it speaks one that is translated."""
    own = next((name for name in inner.dialects if name in TRANSLATED), "")
    return Translating(inner, own) if own else inner
