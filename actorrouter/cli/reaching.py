"""Which router a command is for: the one behind a control socket, or one that is started only to answer."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import anyio
import attrs
from cyclopts import Parameter

from actorrouter import RouterConfig, RouterError, open_router
from actorrouter.config.file import control_of, load
from actorrouter.router.control import ask_control, perform
from actorrouter.router.control_socket import alive

Socket: TypeAlias = Annotated[
    Path | None, Parameter(name="--socket", help="The control socket of a running router, in the place of CONFIG.")
]
"""The option of every command for a running router."""


class UsageError(Exception):
    """The command line asks for nothing that could be done."""


@attrs.frozen
class Target:
    """A router: its file, the path of its control socket, or both."""

    config: Path | None
    socket: str | None


def target(config: str | Path | None, socket: Path | None) -> Target:
    """The router that CONFIG or --socket names. Raises UsageError, InvalidConfig."""
    if socket is not None:
        return Target(None if config is None else Path(config), str(socket))
    if config is None:
        raise UsageError("which router? give its CONFIG file, or --socket PATH")
    return Target(Path(config), control_of(config))


def target_and_word(config: str, word: str | None, socket: Path | None, name: str) -> tuple[Target, str]:
    """For commands that take CONFIG and one word more, or --socket and only the word."""
    if word is not None:
        return target(config, socket), word
    if socket is None:
        raise UsageError(f"{name} is missing: give CONFIG {name}, or --socket PATH {name}")
    return target(None, socket), config


def ask(whom: Target, do: str, **asked: Any) -> Any:
    """Ask the running router. Raises RouterError when it says no or there is none."""
    if whom.socket is None:
        raise UsageError(
            f'{whom.config} names no control socket: add control = "run/actorrouter.sock" at its top, or give --socket'
        )
    try:
        return anyio.run(partial(ask_control, whom.socket, do, **asked))
    except (FileNotFoundError, ConnectionRefusedError):
        raise RouterError(f"no router is running behind {whom.socket}") from None
    except OSError as error:
        raise RouterError(f"{whom.socket}: {(error.strerror or str(error)).lower()}") from None


def ask_or_start(whom: Target, do: str, **asked: Any) -> tuple[Any, bool]:
    """The answer of the running router and True, or that of one that is started from the file now and False."""
    if whom.config is None or (whom.socket is not None and alive(Path(whom.socket))):
        return ask(whom, do, **asked), True
    return anyio.run(_start_and_ask, whom.config, do, asked), False


async def _start_and_ask(config: Path, do: str, asked: Mapping[str, Any]) -> Any:
    async with open_router(alone(config)) as router:
        return await perform(router, do, asked)


def alone(config: Path) -> RouterConfig:
    """The file's configuration without its control socket, for a router that is nobody's to operate."""
    return attrs.evolve(load(config), control=None)
