"""Small scenarios for tests, as the text of a file."""

from __future__ import annotations

from actorrouter.simulation.world.scenario import Scenario, loads_scenario

FLEET = """
title = "Two providers"
duration_s = 120
settle_s = 600

[router]
cold_start = "empty"
lease_s = 20.0
[router.providers.north]
[router.providers.south]
[router.pools.org]
limits = [
    {dimension = "requests", amount = 60, window_s = 60, shape = "bucket", burst = 10},
    {dimension = "tokens", amount = 90000, window_s = 60, shape = "sliding", charge = "up_front_then_settle"},
]
[router.keys.n1]
provider = "north"
pools = ["org"]
[router.keys.n2]
provider = "north"
pools = ["org"]
[router.keys.s1]
provider = "south"
limits = [
    {dimension = "requests", amount = 40, window_s = 60, shape = "fixed"},
    {dimension = "concurrency", amount = 4},
]
[router.budgets.all]
usd = 100
[router.routes.chat]
candidates = [
    {provider = "north", model = "big", price = {input_usd_per_mtok = 1, output_usd_per_mtok = 2}},
    {provider = "south", model = "small", price = {input_usd_per_mtok = 1, output_usd_per_mtok = 2}},
]

[workload.people]
kind = "poisson"
rate_per_s = 1.5
models = {chat = 1}
tenants = {a = 3, b = 1}
stream_share = 0.5
input = {kind = "lognormal", median = 300, sigma = 0.8, most = 4000}
output = {kind = "lognormal", median = 100, sigma = 0.8, most = 1000}
"""

TROUBLE = """
[[upstream.north.faults]]
kind = "outage"
at_s = 30
for_s = 20
[[upstream.south.faults]]
kind = "truncate"
probability = 0.1
how = "drop"
[[upstream.south.faults]]
kind = "throttle"
probability = 0.05
retry_after_s = 3
[[trouble]]
kind = "crash"
at_s = 5
every_s = 5
[[trouble]]
kind = "poison"
probability = 0.005
[[trouble]]
kind = "tear"
probability = 0.003
[[trouble]]
kind = "cancel"
probability = 0.1
amount = 3
[[trouble]]
kind = "abandon"
probability = 0.1
[[trouble]]
kind = "slow_consumer"
probability = 0.1
amount = 0.5
[[trouble]]
kind = "clock_jump"
at_s = 20
every_s = 30
amount = 40
[[trouble]]
kind = "stall"
at_s = 45
amount = 2.5
[[trouble]]
kind = "rotate_keys"
at_s = 50
every_s = 15
[[trouble]]
kind = "journal_outage"
at_s = 80
for_s = 5
probability = 0.05
[[upstream.north.faults]]
kind = "dial"
how = "refused"
probability = 0.02
[[upstream.south.faults]]
kind = "dial"
how = "silent"
probability = 0.01
[[trouble]]
kind = "cut"
probability = 0.02
[[trouble]]
kind = "revive"
at_s = 10
every_s = 10
"""


def fleet(more: str = "", **changes: str) -> Scenario:
    """The small fleet. `more`: further tables. `changes`: text in the file -> what stands there instead."""
    text = FLEET
    for name, told in changes.items():
        line = next(line for line in FLEET.splitlines() if line.startswith(f"{name} = "))
        text = text.replace(line, f"{name} = {told}", 1)
    return loads_scenario(text + more, "fleet.toml")
