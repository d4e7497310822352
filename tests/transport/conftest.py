"""Every test of this room runs with each client, on each event loop."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme
import uvloop

from actorrouter.transport import connect
from actorrouter.transport.port import Transport


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {}), id="asyncio"),
        pytest.param(("asyncio", {"loop_factory": uvloop.new_event_loop}), id="uvloop"),
        pytest.param(("trio", {}), id="trio"),
    ]
)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["httpx", "httpx2", "lean"])
def client(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["httpx", "httpx2"])
def family(request: pytest.FixtureRequest) -> str:
    """The clients that know proxies."""
    return str(request.param)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture
async def transport(client: str, trusting: ssl.SSLContext, anyio_backend: Any) -> AsyncIterator[Transport]:
    made = connect(client, ssl_context=trusting)
    yield made
    await made.aclose()
