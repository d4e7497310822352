"""Words every room shares: values without behaviour of their own. Pure; imports nothing of the project."""

from __future__ import annotations

import hmac
import os
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NoReturn, TypeAlias, TypeVar, dataclass_transform

import attrs

INF: Final = float("inf")
"""As an instant: only a settlement can tell when."""

Amount: TypeAlias = int | float | Decimal
"""Units of one dimension: `cost` is a Decimal in US dollars, everything else a count."""

Amounts: TypeAlias = Mapping[str, Any]
"""Dimension name -> Amount. A dimension that is missing is not used."""

REQUESTS: Final = "requests"
INPUT_TOKENS: Final = "input_tokens"
OUTPUT_TOKENS: Final = "output_tokens"
TOKENS: Final = "tokens"
CONCURRENCY: Final = "concurrency"
COST: Final = "cost"

_T = TypeVar("_T")
_TRULY_FROZEN: Final = os.environ.get("ACTORROUTER_FROZEN_VALUES") == "1"


@dataclass_transform(frozen_default=True, field_specifiers=(attrs.field,))
def value(cls: type[_T]) -> type[_T]:
    """Make `cls` a value: frozen for the type checker, slotted and cheap at run time, truly frozen in tests.

    A truly frozen constructor costs three times a slotted one, so only the test run pays for it
    (`ACTORROUTER_FROZEN_VALUES=1`). All values share one `__repr__` and one `__eq__`: writing them for each is most of
    what a class costs to import.
    """
    made = attrs.define(cls, frozen=_TRULY_FROZEN, weakref_slot=False, repr=False, eq=False)
    if "__repr__" not in cls.__dict__:
        made.__repr__ = _told  # type: ignore[method-assign]
    made.__eq__ = _same  # type: ignore[method-assign]
    made.__hash__ = None  # type: ignore[assignment]
    return made


@dataclass_transform(field_specifiers=(attrs.field,))
def record(cls: type[_T]) -> type[_T]:
    """Make `cls` a slotted class of fields that change, with the `__repr__` and `__eq__` of values; cheap to import."""
    made = attrs.define(cls, weakref_slot=False, repr=False, eq=False)
    made.__repr__ = _told  # type: ignore[method-assign]
    made.__eq__ = _same  # type: ignore[method-assign]
    made.__hash__ = None  # type: ignore[assignment]
    return made


def _same(self: Any, other: Any) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return all(getattr(self, field.name) == getattr(other, field.name) for field in attrs.fields(type(self)))


def _told(self: Any) -> str:
    shown = (f"{field.name}={getattr(self, field.name)!r}" for field in attrs.fields(type(self)) if field.repr)
    return f"{type(self).__name__}({', '.join(shown)})"


class Secret:
    """A credential's text, which prints as nothing. Only `reveal` gives it out.

    Not an attrs class: `attrs.asdict` would walk into it. Refuses to be pickled or copied into a log.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        if not text or not text.isascii() or not text.isprintable() or text != text.strip():
            raise ValueError("a secret must be non-empty printable ASCII without surrounding white space")
        self._text = text

    def reveal(self) -> str:
        """The credential's text, for the one place that puts it on the wire."""
        return self._text

    def __repr__(self) -> str:
        return "Secret()"

    def __str__(self) -> str:
        return ""

    def __format__(self, spec: str) -> str:
        return ""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text, other._text)

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never pickled or copied")


SecretSource: TypeAlias = Secret | Callable[[], Awaitable[Secret]]
"""A fixed secret, or an async callable that fetches a fresh one."""


class Scope(StrEnum):
    """Who is to blame for an outcome."""

    NONE = "none"
    REQUEST = "request"
    KEY = "key"
    KEY_MODEL = "key_model"
    POOL = "pool"
    PROVIDER = "provider"
    EGRESS = "egress"


class OutcomeClass(StrEnum):
    """What became of one attempt. The provider's own words are mapped onto these (facts: providers.toml)."""

    SUCCEEDED = "succeeded"
    KEY_FATAL = "key_fatal"
    QUOTA_SPENT = "quota_spent"
    RATE_LIMITED = "rate_limited"
    CAPACITY = "capacity"
    TRANSIENT = "transient"
    MODEL_SCOPE = "model_scope"
    CONTEXT = "context"
    CONTENT = "content"
    REQUEST_BAD = "request_bad"
    BROKEN = "broken"  # an answer began and was garbage or cut off
    NOT_SENT = "not_sent"  # nothing left the process
    UNKNOWN = "unknown"  # written, no response: may have been executed
    CANCELLED = "cancelled"  # the caller went away; says nothing about the provider


SCOPE_OF: Final[Mapping[OutcomeClass, Scope]] = {
    OutcomeClass.SUCCEEDED: Scope.NONE,
    OutcomeClass.KEY_FATAL: Scope.KEY,
    OutcomeClass.QUOTA_SPENT: Scope.POOL,
    OutcomeClass.RATE_LIMITED: Scope.POOL,
    OutcomeClass.CAPACITY: Scope.PROVIDER,
    OutcomeClass.TRANSIENT: Scope.PROVIDER,
    OutcomeClass.MODEL_SCOPE: Scope.KEY_MODEL,
    OutcomeClass.CONTEXT: Scope.REQUEST,
    OutcomeClass.CONTENT: Scope.REQUEST,
    OutcomeClass.REQUEST_BAD: Scope.REQUEST,
    OutcomeClass.BROKEN: Scope.PROVIDER,
    OutcomeClass.NOT_SENT: Scope.PROVIDER,
    OutcomeClass.UNKNOWN: Scope.PROVIDER,
    OutcomeClass.CANCELLED: Scope.NONE,
}
"""The blame a class carries unless an adapter knows better."""


class Basis(StrEnum):
    """How an `available_at` is known."""

    EXACT = "exact"  # from declared refilling or calendar limits
    LEARNED = "learned"  # from what the provider said
    UNKNOWN = "unknown"  # only a settlement can tell; `latest` bounds it


@value
class QuotaObservation:
    """What a provider said of one limit. `at`, `resets_at` (when it is full again): monotonic seconds. `window_s`: of
    the limit it speaks of (None: the shortest declared). `None` = not said."""

    dimension: str
    at: float
    limit: float | None = None
    remaining: float | None = None
    resets_at: float | None = None
    window_s: float | None = None


@value
class Usage:
    """What one attempt really used, by dimension; `estimated` when counted here instead of told by the provider.

    `charged`: what the provider's limits are charged, of those dimensions where it is not what was used."""

    amounts: Amounts
    cached_input_tokens: int = 0
    estimated: bool = False
    charged: Amounts = attrs.field(factory=dict)


NO_USAGE: Final = Usage({})


@value
class Outcome:
    """An adapter's judgement of one attempt.

    `retry_after_s`: the provider's wish, seconds from the answer. `message`: the provider's own text, bounded, never
    containing a secret.
    """

    outcome: OutcomeClass
    scope: Scope
    status: int | None = None
    code: str = ""
    message: str = ""
    retry_after_s: float | None = None
    usage: Usage | None = None


@value
class Refusal:
    """One holder's no: who, why, and when it could. `available_at`, `latest`: monotonic seconds.

    `final`: waiting cannot help (larger than the limit, disabled). `firm`: exact and no settlement can make it earlier.
    """

    holder: str
    reason: str
    available_at: float = INF
    basis: Basis = Basis.EXACT
    dimension: str = ""
    requested: Amount = 0
    available: Amount = 0
    latest: float = INF
    final: bool = False
    firm: bool = False


@value
class HttpRequest:
    """What goes on the wire. `headers`, for some APIs also `url`, hold the secret: never printed."""

    method: str
    url: str = attrs.field(repr=False)
    headers: tuple[tuple[str, str], ...] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False)


@value
class Call:
    """One request as the caller means it.

    `model`: the route alias. `body`: a JSON object in the language `dialect` names (`dialects.NAMES`; "": the
    provider's own); its `model` is replaced by the upstream's. `content`: the same as the caller wrote it, sent
    untouched where nothing has to change, or bytes that are no JSON for a `path` of the provider's that no dialect
    covers. `method`, `headers`: of that request; a header that would carry a credential is not sent.
    `deadline_s`: seconds for everything, waiting included. `wait_s`: most seconds to wait for capacity (None: the
    route's). `max_attempts`: sends of the same work; passing over keys that cannot do it does not count.
    `repeat_unknown`: allow a repeat after an outcome nobody can know.
    `units`: amounts of named dimensions the adapter cannot see. `priority`: lower goes first.
    `losses`: what a translation to another dialect may leave out, by name ("*": anything).
    `hedge_s`: seconds without content after which a second key, of other pools, is asked as well (None: never).
    `continue_stream`: after a break in mid-stream, ask another key to go on from there.
    """

    model: str
    body: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    stream: bool = False
    path: str = ""
    deadline_s: float | None = None
    wait_s: float | None = None
    max_attempts: int = 4
    repeat_unknown: bool = False
    units: Amounts = attrs.field(factory=dict)
    keys: frozenset[str] = frozenset()
    exclude_keys: frozenset[str] = frozenset()
    tenant: str = ""
    priority: int = 0
    dialect: str = ""
    content: bytes | None = attrs.field(default=None, repr=False)
    method: str = "POST"
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    losses: frozenset[str] = frozenset()
    hedge_s: float | None = None
    continue_stream: bool = False
