"""Every async test of this room runs on asyncio and on trio.

In real time, unlike elsewhere: what comes through a real loopback socket takes some, and a clock that jumps as soon as
every task waits would be past every timeout before it arrives.
"""

import pytest


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)
