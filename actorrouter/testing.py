"""For your own tests: your router, unchanged, against simulated providers, in virtual time, with every law watched.

    pytest_plugins = ["actorrouter.testing"]

    @pytest.mark.anyio
    async def test_a_burst_waits_and_is_served(rehearse):
        async with rehearse("router.toml", upstream={"openai": {"retry_after": "none"}}) as world:
            reply = await world.router.send(world.call("chat", output_tokens=20))
            assert world.books("openai")["rejected"]["limit"] == 0

On trio with `virtual_time()` as the backend hours pass in no time; on asyncio time is real. Nothing leaves the process:
base URLs and secrets of the configuration are replaced. Leaving the block raises LawsBroken if any law was broken.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from actorrouter import Call, Router, RouterConfig, Secret, open_router
from actorrouter.observe.laws import LawBook
from actorrouter.simulation.providers.config import FaultConfig, structure
from actorrouter.simulation.providers.endpoints import Site
from actorrouter.simulation.providers.provider import ProviderModel
from actorrouter.simulation.world.network import Network
from actorrouter.simulation.world.scenario import Scenario, router_of
from actorrouter.simulation.world.stage import Wall
from actorrouter.simulation.world.truth import host_of, providers_of, secret_for
from actorrouter.simulation.world.upstream import Upstream
from actorrouter.transport import connect

__all__ = ["LawsBroken", "World", "rehearsal", "rehearse", "virtual_time"]

_EPOCH = 1_795_000_000.0


class LawsBroken(AssertionError):
    """What the law checkers found."""


@attrs.define(eq=False)
class World:
    """A running router and the providers it talks to."""

    router: Router
    laws: LawBook
    wall: Wall
    _upstream: Upstream

    def call(self, model: str, *, input_tokens: int = 10, output_tokens: int = 10, **options: Any) -> Call:
        """A chat call whose answer has so many tokens. `options`: of `Call`."""
        body = {
            "messages": [{"role": "user", "content": "word" * input_tokens}],
            "max_tokens": max(1, output_tokens),
            "metadata": {"input_tokens": str(input_tokens), "output_tokens": str(output_tokens)},
        }
        return Call(model, body, **options)

    def books(self, provider: str) -> dict[str, Any]:
        """The provider's own account: arrived, accepted, rejected by cause, in flight, by scope and by key."""
        return self._model(provider).books(anyio.current_time())

    def trouble(self, provider: str, kind: str, **about: Any) -> None:
        """Let a fault begin now: "outage", "throttle", "truncate", "hang" and the others of `FaultConfig`.

        Raises ValueError where it is none.
        """
        fault = structure({"kind": kind, **about}, FaultConfig)
        self._model(provider).add_fault(fault, anyio.current_time())

    def _model(self, provider: str) -> ProviderModel:
        model = self._upstream.models.get(provider)
        if model is None:
            raise ValueError(f"no provider {provider!r}; there are {sorted(self._upstream.models)}")
        return model


@asynccontextmanager
async def rehearsal(
    config: RouterConfig | Mapping[str, Any] | str | Path,
    *,
    upstream: Mapping[str, Any] | None = None,
    seed: int = 1,
    transit_s: tuple[float, float] = (0.01, 0.06),
) -> AsyncIterator[World]:
    """Run a router against simulated providers for the length of the block.

    `config`: a file, its tables, or a RouterConfig; the environment is not read. `upstream`: by provider, where it
    differs from what the router is told of it; see the page on rehearsals. Raises InvalidConfig, and LawsBroken at the
    end. What the block raises leaves it as it is.
    """
    told = _simulated(config)
    started = anyio.current_time()
    scenario = Scenario("", told, providers_of(told, upstream or {}, _EPOCH), {}, transit_s=transit_s)
    wire = Upstream.of(scenario, seed, started)
    wall = Wall(_EPOCH, anyio.current_time)
    failed: BaseException | None = None
    async with anyio.create_task_group() as group:
        network = Network(wire, {name: Site.of(model) for name, model in wire.models.items()}, group)
        dialling = partial(connect, dial=network.dial)
        try:
            async with open_router(told, wall=wall, rng=random.Random(seed), connect=dialling) as router:
                world = World(router, LawBook(router), wall, wire)
                yield world
                if router.open_reservations:
                    world.laws.check()
                else:  # all calls are over: what is still held has leaked
                    world.laws.close()
        except (anyio.get_cancelled_exc_class(), GeneratorExit):
            raise
        except BaseException as error:
            failed = error  # the group would wrap it; whoever tests wants their own
        group.cancel_scope.cancel()
    if failed is not None:
        raise failed
    if world.laws.violations:
        raise LawsBroken(str(world.laws))


def _simulated(config: RouterConfig | Mapping[str, Any] | str | Path) -> RouterConfig:
    """The configuration with addresses and secrets that are nobody's."""
    if not isinstance(config, RouterConfig):
        return router_of(config if isinstance(config, Mapping) else str(config), Path())
    providers = {
        name: attrs.evolve(each, base_url=f"http://{host_of(name)}/v1", headers={})
        for name, each in config.providers.items()
    }
    keys = {
        key_id: attrs.evolve(key, secret=Secret(secret_for(key_id)), proxy=None) for key_id, key in config.keys.items()
    }
    return attrs.evolve(config, providers=providers, keys=keys, control=None)


def virtual_time() -> tuple[str, dict[str, Any]]:
    """An `anyio_backend` on which time jumps as soon as every task waits: trio with its MockClock."""
    import trio.testing

    return "trio", {"clock": trio.testing.MockClock(autojump_threshold=0)}


@pytest.fixture
def rehearse() -> Callable[..., AbstractAsyncContextManager[World]]:
    """`async with rehearse(config) as world`: see `rehearsal`."""
    return rehearsal
