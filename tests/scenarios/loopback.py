"""A router before a scripted upstream on loopback, and a look at what its errors show."""

from __future__ import annotations

import traceback
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
import attrs

from actorrouter import Call, KeyConfig, ProviderConfig, Router, RouterConfig, Secret, open_router
from actorrouter.config import TimeoutsConfig
from actorrouter.observe.laws import SecretScan
from tests.router.world import assert_idle
from tests.transport import server as scripted

FAST = TimeoutsConfig(connect_s=0.5, write_s=0.5, first_byte_s=0.3, idle_s=0.3)


def at(config: RouterConfig, **urls: str) -> RouterConfig:
    """The same fleet with its providers at these addresses."""
    found = {name: _at(provider, urls.get(name)) for name, provider in config.providers.items()}
    return attrs.evolve(config, providers=found)


def _at(provider: ProviderConfig, url: str | None) -> ProviderConfig:
    return attrs.evolve(provider, base_url=url or provider.base_url, timeouts=FAST)


@asynccontextmanager
async def facing(config: RouterConfig, script: scripted.Script, **options: Any) -> AsyncIterator[Router]:
    """A router whose provider `a` is a scripted server. At the end nothing may be open."""
    async with (
        scripted.serve(script) as server,
        open_router(at(config, a=f"http://127.0.0.1:{server.port}/v1"), **options) as router,
    ):
        yield router
        assert_idle(router)


def shown(error: BaseException) -> str:
    """Everything a log could show of an error, the locals of every frame included."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join([str(error), repr(error), repr(vars(error)), *whole.format()])


def keeps_secret(error: BaseException, *secrets: str) -> None:
    """No secret shows in the error, in any form."""
    scan = SecretScan(secrets)
    scan.look(error, "the error")
    scan.look(shown(error), "its traceback")
    assert scan.found == []


def keys_of(keys: Mapping[str, Any] | Iterable[str]) -> dict[str, str]:
    """Secrets as a provider would hand them out."""
    return {key: f"sk-proj-4f9Qw8{key}Zt71LmXb" for key in keys}


def keyed(secrets: Mapping[str, str], *pools: str) -> dict[str, KeyConfig]:
    return {key: KeyConfig(key[0], Secret(secret), pools=pools) for key, secret in secrets.items()}


async def errors_of(router: Router, call: Call) -> BaseException:
    """The error this call ends with; fails if it does not end, or ends well."""
    with anyio.fail_after(5):
        try:
            await router.send(call)
        except Exception as error:
            return error
    raise AssertionError("the call succeeded")
