"""The same from a program without an event loop. `python examples/synchronous.py docs/fleet.toml`."""

import sys

from actorrouter import Call, NoCapacity, open_router_blocking

with open_router_blocking(sys.argv[1]) as router:
    call = Call("chat", {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 20}, wait_s=5)
    print("first free in", router.quote(call).wait_s, "s")
    try:
        print("answered", router.send(call).status)
    except NoCapacity as error:
        print(f"nobody has room; the first could in {error.available_in_s} s")
