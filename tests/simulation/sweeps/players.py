"""Small scenarios, and players with planted faults: functions that worker processes can find by name."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import attrs

from actorrouter.actors import quota
from actorrouter.messages import Reserve
from actorrouter.simulation.sweeps import Job, Line, Staged, play
from actorrouter.turns import CONSENT

CALM = """
title = "Calm"
duration_s = 20
[router]
cold_start = "empty"
[router.providers.north]
[router.providers.south]
[router.pools.org]
limits = [{dimension = "requests", amount = 20, window_s = 10, shape = "bucket", burst = 5}]
[router.keys.n1]
provider = "north"
pools = ["org"]
[router.keys.n2]
provider = "north"
pools = ["org"]
[router.keys.s1]
provider = "south"
limits = [{dimension = "requests", amount = 30, window_s = 10, shape = "fixed"}]
[router.routes.chat]
candidates = [{provider = "north", model = "big"}, {provider = "south", model = "small"}]
[workload.people]
kind = "poisson"
rate_per_s = 3
models = {chat = 1}
stream_share = 0.4
input = {kind = "lognormal", median = 40, sigma = 1.0, most = 800}
output = {kind = "lognormal", median = 20, sigma = 0.8, most = 200}
[workload.robots]
kind = "closed"
clients = 2
think_s = 1
models = {chat = 1}
input = {kind = "constant", tokens = 10}
output = {kind = "constant", tokens = 10}
[[trouble]]
kind = "crash"
every_s = 4
target = "key:*"
[[trouble]]
kind = "stall"
at_s = 5
[expect]
provider_429_ours = 0
served_share = ">= 50 %"
"""
STRICT = """
[upstream.south.scopes.s1-own]
limits = [{dimension = "requests", amount = 8, window_s = 10, shape = "fixed"}]
[upstream.north]
faults = [{kind = "throttle", at_s = 5, for_s = 2, probability = 0.5}]
"""

SMALL = """
title = "Small"
duration_s = 8
[router]
cold_start = "empty"
[router.providers.north]
[router.providers.south]
[router.keys.n1]
provider = "north"
limits = [{dimension = "requests", amount = 6, shape = "sliding"}]
[router.keys.s1]
provider = "south"
limits = [{dimension = "requests", amount = 100, shape = "fixed"}]
[router.routes.chat]
policy = "ordered"
candidates = [{provider = "north", model = "big"}, {provider = "south", model = "small"}]
[workload.people]
kind = "poisson"
rate_per_s = 3
wait_s = 1
models = {chat = 1}
input = {kind = "constant", tokens = 10}
output = {kind = "constant", tokens = 10}
[workload.robots]
kind = "once"
calls = 16
models = {chat = 1}
input = {kind = "constant", tokens = 10}
output = {kind = "constant", tokens = 10}
[[trouble]]
kind = "stall"
at_s = 1
amount = 0.1
[expect]
provider_429_ours = 0
served_share = ">= 80 %"
"""
STRICTER = """
[upstream.south.scopes.s1-own]
limits = [{dimension = "requests", amount = 5, shape = "fixed"}]
"""


def staged(text: str = CALM, name: str = "calm") -> Staged:
    """A scenario that is no file."""
    return Staged(name, text, f"{name}.toml", Path())


def generous(job: Job) -> Line:
    """Quota pools that say yes to everyone."""
    quota.BEHAVIOUR = attrs.evolve(  # type: ignore[misc] # it is one, behind `value`
        quota.BEHAVIOUR, decide={**quota.BEHAVIOUR.decide, Reserve: lambda *_: CONSENT}
    )
    return play(job)


def needing(job: Job) -> Line:
    """Fails, without being played, while there is the south key and at least 8 robots."""
    scenario = job.staged.scenario()
    robots = scenario.workloads.get("robots")
    fails = "s1" in scenario.router.keys and robots is not None and (robots.calls or 0) >= 8
    return Line(job, ("law 3",) if fails else (), figures={"offered": robots.calls or 0 if robots else 0})


def mortal(job: Job) -> Line:
    """The process dies at the second seed, and is killed at the third."""
    if job.seed == 2:
        os._exit(7)
    if job.seed == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return play(job)


def stuck(job: Job) -> Line:
    """The first seed never ends."""
    if job.seed == 1:
        threading.Event().wait()
    return play(job)
