"""A stream, byte for byte as the provider sends it. `python examples/stream.py docs/fleet.toml`."""

import sys

import anyio

from actorrouter import Call, StreamInterrupted, open_router


async def main() -> None:
    """Read a stream to its end; a truncated one raises."""
    call = Call("chat", {"messages": [{"role": "user", "content": "Count"}], "max_tokens": 30}, stream=True)
    async with open_router(sys.argv[1]) as router:
        try:
            async with router.stream(call) as reply:
                async for chunk in reply:
                    sys.stdout.buffer.write(chunk)
        except StreamInterrupted as broken:
            sys.exit(f"broke after {broken.delivered_bytes} bytes")
        sys.stdout.flush()
        print("used:", dict(reply.usage.amounts))


anyio.run(main, backend="trio")
