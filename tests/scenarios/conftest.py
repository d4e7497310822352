"""Every async test of this room runs on asyncio and on trio, in real time: real loopback sockets take some."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)
