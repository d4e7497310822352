"""What a client's transport needs of a router, and the two things it can come to: an answer, or a fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypedDict

import attrs

from actorrouter.config import RouterConfig
from actorrouter.values import Amounts, Call, value

Headers = tuple[tuple[str, str], ...]


class Reply(Protocol):
    """A provider's answer, iterated for its bytes."""

    status: int
    headers: dict[str, str]

    @property
    def key_id(self) -> str:
        """The key that answered."""

    @property
    def decision_id(self) -> int:
        """For `router.explain`."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The bytes as they come. Raises StreamInterrupted."""

    async def read(self) -> bytes:
        """Everything that is still to come, at once."""


class Hub(Protocol):
    """A running router."""

    @property
    def config(self) -> RouterConfig:
        """Its routes and how long each lets a call wait."""

    def stream(self, call: Call) -> AbstractAsyncContextManager[Reply]:
        """Entered when there is an answer; leaving it settles. Raises RouterError."""


class Options(TypedDict, total=False):
    """What may be said of all requests of a client, or of one by its extension `actorrouter`; see `Call`."""

    deadline_s: float
    wait_s: float
    max_attempts: int
    repeat_unknown: bool
    units: Amounts
    keys: frozenset[str]
    exclude_keys: frozenset[str]
    tenant: str
    priority: int
    losses: frozenset[str]
    hedge_s: float
    continue_stream: bool


@value
class Asked:
    """A client's request. `path`: with its query, as on the wire. `read_s`, `pool_s`: its timeouts (None: none).
    `options`: of this request, unchecked."""

    method: str
    path: str
    headers: Headers
    content: bytes
    read_s: float | None = None
    pool_s: float | None = None
    options: object = attrs.field(factory=dict)


class Fault(Exception):
    """There is no answer. `kind`: the name of the exception that HTTP clients raise for it."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
