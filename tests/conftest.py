"""Every async test runs on both event loops: asyncio, and trio on virtual time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest
import trio.testing
from hypothesis import HealthCheck, settings

# A busy machine is no fault of the code; what failed can be replayed.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("unhurried")


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """A fresh clock for each test: under trio time jumps as soon as every task waits."""
    if request.param == "asyncio":
        return "asyncio", {}
    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


@pytest.fixture
def collector() -> Iterator[None]:
    """The garbage collector may be set within the test: it is put back as it was, see `pytest_collection_finish`."""
    enabled, threshold = gc.isenabled(), gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    (gc.enable if enabled else gc.disable)()


def pytest_collection_finish() -> None:
    """Full collections need not walk over the SDKs that some tests import: a rehearsal has dozens of them."""
    gc.collect()
    gc.freeze()
