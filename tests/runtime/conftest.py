"""The runtime's tests run on three event loops; time is virtual on trio and plain asyncio, real on uvloop."""

from __future__ import annotations

from typing import Any

import pytest

from .backends import BACKENDS


@pytest.fixture(params=list(BACKENDS))
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """A fresh clock for each test."""
    return BACKENDS[request.param]()
