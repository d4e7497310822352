"""A busy run against a simulated provider with a revoked key, throttling and outages: no secret in what is emitted."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import anyio
import httpx2
import pytest
import structlog

from actorrouter import (
    CandidateConfig,
    ColdStart,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    ProviderConfig,
    RouteConfig,
    RouterConfig,
    RouterError,
    Secret,
    Shape,
    open_router,
)
from actorrouter.config import CircuitConfig, RecoveryConfig
from actorrouter.errors import Attempt
from actorrouter.observe.laws import LawBook, SecretScan
from actorrouter.observe.log import log_reader
from actorrouter.simulation.providers.config import read_config
from actorrouter.simulation.providers.server import serve
from tests.scenarios.world import chat

pytestmark = pytest.mark.anyio

SECRETS = {"a1": "correct.horse/battery=1", "a2": "sk-sim/9f+3Qz:77&2", "a3": "plainwords-of-three", "a4": "sk-none"}
FAULTS = [
    {"kind": "revoke", "target": "a2"},
    {"kind": "throttle", "retry_after_s": 0.05},
    {"kind": "outage"},
    {"kind": "outage", "how": "drop"},
    {"kind": "truncate", "how": "drop"},
    {"kind": "garbage"},
]
DESCRIBED = {
    "retry_after": "exact",
    "service": {"first_token_s": 0.005, "per_token_s": 0.0005},
    "scopes": {"org": {"limits": [{"dimension": "requests", "amount": 300, "window_s": 1}]}},
    "keys": {  # a4 was never known
        key: {"secret": SECRETS[key], "scopes": ["org"]} for key in ("a1", "a2", "a3")
    },
}


def fleet(port: int) -> RouterConfig:
    """Four keys on one pool, quick to come back from trouble."""
    quick = CircuitConfig(open_s=0.05, open_max_s=0.1)
    return RouterConfig(
        providers={"sim": ProviderConfig(f"http://127.0.0.1:{port}/v1", circuit=quick)},
        pools={"org": PoolConfig((LimitConfig("requests", 300, 1, Shape.BUCKET),))},
        keys={key: KeyConfig("sim", Secret(secret), ("org",)) for key, secret in SECRETS.items()},
        routes={"m": RouteConfig((CandidateConfig("sim", "sim-model"),), wait_s=0.05)},
        recovery=RecoveryConfig(throttle_s=0.05, throttle_max_s=0.1),
        cold_start=ColdStart.EMPTY,
    )


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """Every line that any logger writes, from DEBUG up, and every line of structlog."""
    text = io.StringIO()
    handler, root = logging.StreamHandler(text), logging.getLogger()
    level, configured = root.level, structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG),
        logger_factory=structlog.PrintLoggerFactory(text),
        processors=[structlog.processors.JSONRenderer()],
        cache_logger_on_first_use=False,
    )
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(level)
    structlog.configure(**configured)


async def test_a_busy_day_shows_no_secret(written: io.StringIO) -> None:
    """Whole or encoded, in logs, events, decisions, explanations, the status, reprs, and errors with tracebacks; and
    when it is over nothing is held and every law was kept."""
    scan = SecretScan(SECRETS.values())
    events: list[Any] = []
    errors: list[RouterError] = []
    attempts: list[Attempt] = []
    async with anyio.create_task_group() as tasks:
        ports = await tasks.start(serve, read_config(json.dumps({"providers": {"sim": DESCRIBED}})))
        config = fleet(ports["sim"])
        with anyio.fail_after(10):
            async with (
                httpx2.AsyncClient(base_url=f"http://127.0.0.1:{ports['sim']}") as provider,
                open_router(config, observers=[events.append, log_reader("debug")]) as router,
            ):
                laws = LawBook(router)

                async def caller(number: int) -> None:
                    for _ in range(2):
                        call = chat(stream=number % 2 == 0, max_attempts=1 + number % 3, deadline_s=0.5)
                        try:
                            reply = await router.send(call)
                            laws.answered(reply, call)
                            attempts.extend(reply.attempts)
                        except RouterError as error:
                            errors.append(error)
                            laws.failed(error, call)
                            attempts.extend(error.attempts)

                for fault in FAULTS:
                    await provider.post("/__fault", json=fault)
                    async with anyio.create_task_group() as callers:
                        for number in range(6):
                            callers.start_soon(caller, number)
                    await provider.post("/__reset")
                    router.reset_circuit("sim")
                    for key in ("a1", "a3"):
                        router.clear_key(key)
                status = router.status()
                laws.close()
                scan.look(json.dumps(status, default=str), "the status")
                for each in (config, router, router.config, laws):
                    scan.look(repr(each), f"the repr of {type(each).__name__}")
                for decision in router.decisions.last(10_000):
                    scan.look([repr(decision), router.explain(decision.decision_id)], "a decision")
        tasks.cancel_scope.cancel()
    for found in (*errors, *attempts, *events):
        scan.look(found, f"a {type(found).__name__}")
    scan.look(written.getvalue(), "the log")
    assert scan.found == []
    assert not laws.violations, str(laws)
    assert status["open"] == 0
    assert {status["keys"][key]["state"] for key in ("a2", "a4")} == {"disabled"}
    seen = {str(attempt.outcome.outcome) for attempt in attempts}
    assert {"succeeded", "key_fatal", "rate_limited", "capacity", "unknown", "broken"} <= seen
    assert "request_dispatched" in written.getvalue()
    assert "send_request_headers" in written.getvalue()
