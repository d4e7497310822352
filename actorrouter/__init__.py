"""actorrouter: every request lands on an API key that really has room.

Public names; everything else is a room's own and may change. See ARCHITECTURE.md for how it hangs together.
"""

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
from actorrouter.router.journey import Reply
from actorrouter.router.opening import BlockingRouter, open_router, open_router_blocking
from actorrouter.router.router import Quote, Router
from actorrouter.values import Call, Secret, Usage

__version__ = "0.1.0"

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
