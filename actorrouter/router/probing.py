"""Proving a key's secret with the provider's cheapest request. Changes no state; told to a person."""

from __future__ import annotations

from collections.abc import Callable

from actorrouter.adapters.port import ERROR_BYTES_MAX
from actorrouter.router.entries import KeyEntry
from actorrouter.router.secrets import without
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
        secret = await entry.secret.get()
    except Exception as error:  # the user's callable
        return KeyTest(entry.key_id, None, 0, f"secret source failed: {type(error).__name__}")
    try:
        async with transport.open(adapter.probe(secret), timeouts, lambda: None) as response:
            if 200 <= response.status < 300:
                return KeyTest(entry.key_id, True, response.status, "accepted")
            reading = adapter.read(Call(""), response.status, response.headers, runtime.clock(), wall())
            kept = 0
            async for received in response:
                reading.feed(received)
                kept += len(received)
                if kept > ERROR_BYTES_MAX:
                    break
            outcome = reading.end(complete=True)
            detail = without(secret, f"{outcome.outcome}: {outcome.message}")
            return KeyTest(entry.key_id, _tells(response.status), response.status, detail)
    except TransportError as error:
        return KeyTest(entry.key_id, None, 0, without(secret, f"no answer: {error}"))


def _tells(status: int) -> bool | None:
    """Trouble of the provider, or too many requests, says nothing about the secret."""
    return None if status == 429 or status >= 500 else False
