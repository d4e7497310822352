"""Fleets and workloads whose edge is known by arithmetic."""

from __future__ import annotations

ONE_LIMIT = """
cold_start = "empty"
[providers.north]
base_url = "https://north.example/v1"
[pools.org]
limits = [{ dimension = "requests", amount = 60, window_s = 60, shape = "sliding" }]
[keys.n1]
provider = "north"
secret = "env:PLANNED_KEY_THAT_NOBODY_SET"
pools = ["org"]
[routes.chat]
wait_s = 10
candidates = [{ provider = "north", model = "big" }]
"""
"""One account with 60 requests a minute: 1 call per second."""


SATURATED = """
title = "Twice what the fleet carries"
duration_s = 180
[router]
cold_start = "empty"
[router.providers.north]
[router.keys.n1]
provider = "north"
limits = [{ dimension = "requests", amount = 60, window_s = 60, shape = "sliding" }]
[router.keys.n2]
provider = "north"
limits = [{ dimension = "requests", amount = 60, window_s = 60, shape = "sliding" }]
[router.routes.chat]
wait_s = 10
candidates = [{ provider = "north", model = "big" }]
[workload.people]
kind = "poisson"
rate_per_s = 4
models = { chat = 1 }
stream_share = 0.5
input = { kind = "constant", tokens = 50 }
output = { kind = "constant", tokens = 20 }
"""
"""Two keys of 60 requests a minute each, four calls per second."""


def calls_csv(calls: int, every_s: float, columns: str = "") -> str:
    """A trace of evenly spaced calls of 100 tokens in and 20 out."""
    rows = [f"{number * every_s},100,20" for number in range(calls)]
    return "\n".join([f"at_s,input_tokens,output_tokens{columns}", *rows]) + "\n"
