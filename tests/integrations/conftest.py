"""Every async test of this room runs on asyncio and on trio, in real time: SDKs talk to real loopback sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integrations.foreign import serving
from tests.integrations.upstream import Upstream, running


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with running(Upstream()) as upstream:
        yield upstream


@pytest.fixture(scope="session")
def foreign() -> Iterator[str]:
    with serving() as url:
        yield url
