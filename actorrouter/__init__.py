"""actorrouter: every request lands on an API key that really has room.

Public names; everything else is a room's own and may change. See ARCHITECTURE.md for how it hangs together.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from actorrouter.runtime.collector import uncollected
from actorrouter.version import __version__

if TYPE_CHECKING:
    from actorrouter.config import (
        BudgetConfig,
        CandidateConfig,
        Charge,
        CircuitConfig,
        ColdStart,
        GenericConfig,
        KeyConfig,
        LimitConfig,
        PoolConfig,
        PriceConfig,
        ProviderConfig,
        RouteConfig,
        RouterConfig,
        Shape,
    )
    from actorrouter.errors import (
        InvalidCall,
        InvalidConfig,
        NoCapacity,
        NotSent,
        OutcomeUnknown,
        Refused,
        RouterError,
        RouterStopped,
        StreamInterrupted,
        WaitingRoomFull,
    )
    from actorrouter.router.grants import Grant
    from actorrouter.router.opening import BlockingRouter, open_router, open_router_blocking
    from actorrouter.router.reply import Reply
    from actorrouter.router.router import Quote, Router
    from actorrouter.values import Call, Secret, Usage


__all__ = [
    "BlockingRouter",
    "BudgetConfig",
    "Call",
    "CandidateConfig",
    "Charge",
    "CircuitConfig",
    "ColdStart",
    "GenericConfig",
    "Grant",
    "InvalidCall",
    "InvalidConfig",
    "KeyConfig",
    "LimitConfig",
    "NoCapacity",
    "NotSent",
    "OutcomeUnknown",
    "PoolConfig",
    "PriceConfig",
    "ProviderConfig",
    "Quote",
    "Refused",
    "Reply",
    "RouteConfig",
    "Router",
    "RouterConfig",
    "RouterError",
    "RouterStopped",
    "Secret",
    "Shape",
    "StreamInterrupted",
    "Usage",
    "WaitingRoomFull",
    "__version__",
    "open_router",
    "open_router_blocking",
]

_ROOMS = ("values", "errors", "config", "router.grants", "router.journey", "router.router", "router.opening")
"""Where the names come from, the cheapest room first: each is imported when one of its names is first used."""


def __getattr__(name: str) -> Any:
    if name in __all__:
        for room in _ROOMS:
            with uncollected():  # what is imported stays
                found = vars(import_module(f"actorrouter.{room}")).get(name)
            if found is not None:
                globals()[name] = found
                return found
    raise AttributeError(f"module 'actorrouter' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
