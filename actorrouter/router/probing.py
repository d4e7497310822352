"""Proving a key's secret with the provider's cheapest request. Changes no state; told to a person."""

from __future__ import annotations

from collections.abc import Callable

from actorrouter.router.board import KeyEntry
from actorrouter.runtime.runtime import Runtime
from actorrouter.transport.port import Timeouts, Transport, TransportError
from actorrouter.values import Call, value


@value
class KeyTest:
    """`works`: the provider accepted the secret; None: nobody can tell (no answer). `detail` holds no secret."""

    key_id: str
    works: bool | None
    status: int
    detail: str


async def probe(entry: KeyEntry, transport: Transport, runtime: Runtime, wall: Callable[[], float]) -> KeyTest:
    """Send the adapter's probe through the key's own connections."""
    adapter, limits = entry.provider.adapter, entry.provider.config.timeouts
    timeouts = Timeouts(limits.connect_s, limits.write_s, limits.first_byte_s, limits.idle_s)
    try:
        request = adapter.probe(await entry.secret.get())
        async with transport.open(request, timeouts, lambda: None) as response:
            if 200 <= response.status < 300:
                return KeyTest(entry.key_id, True, response.status, "accepted")
            reading = adapter.read(Call(""), response.status, response.headers, runtime.clock(), wall())
            async for received in response:
                reading.feed(received)
            outcome = reading.end(complete=True)
            return KeyTest(entry.key_id, False, response.status, f"{outcome.outcome}: {outcome.message}")
    except TransportError as error:
        return KeyTest(entry.key_id, None, 0, f"no answer: {error}")
    except Exception as error:  # the user's secret source
        return KeyTest(entry.key_id, None, 0, f"secret source failed: {type(error).__name__}")
