"""The router's tests run on both event loops; time is virtual on both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.runtime.backends import BACKENDS


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """A fresh clock for each test."""
    return BACKENDS[request.param]()
