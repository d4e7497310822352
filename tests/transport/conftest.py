"""Every test of this room runs with each client, on each event loop."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trustme
import uvloop

from actorrouter.transport import connect
from actorrouter.transport.httpx_family import HttpxTransport


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {}), id="asyncio"),
        pytest.param(("asyncio", {"loop_factory": uvloop.new_event_loop}), id="uvloop"),
        pytest.param(("trio", {}), id="trio"),
    ]
)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(params=["httpx", "httpx2"])
def client(request: pytest.FixtureRequest) -> str:
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
async def transport(client: str, trusting: ssl.SSLContext, anyio_backend: Any) -> AsyncIterator[HttpxTransport]:
    made = connect(client, ssl_context=trusting)
    assert isinstance(made, HttpxTransport)
    yield made
    await made.aclose()
