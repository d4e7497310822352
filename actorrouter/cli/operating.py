"""Commands that change a running router: its keys, circuits and providers. All go through its control socket."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from actorrouter.cli.reaching import Socket, ask, ask_or_start, target, target_and_word
from actorrouter.cli.words import say

keys = App(
    name="keys", help="Clear, disable, test or remove a key.\n\nExample: actorrouter keys clear router.toml acme-1"
)
circuit = App(
    name="circuit",
    help="Reset or isolate a provider's circuit.\n\nExample: actorrouter circuit reset router.toml openai",
)
provider = App(
    name="provider",
    help="Bring a quarantined provider back.\n\nExample: actorrouter provider revive router.toml openai",
)


@keys.command
def clear(config: str, key: str | None = None, /, *, socket: Socket = None) -> int:
    """Make a throttled, exhausted or disabled key available again, and the pools it draws on.

    Example: actorrouter keys clear router.toml acme-1

    Parameters
    ----------
    config
        The router's TOML file; left out with --socket.
    key
        The key's name.
    """
    return _told(config, key, socket, "clear", "key")


@keys.command
def disable(config: str, key: str | None = None, /, *, socket: Socket = None) -> int:
    """Take a key out until it is cleared. What it has in flight finishes.

    Example: actorrouter keys disable router.toml acme-1

    Parameters
    ----------
    config
        The router's TOML file; left out with --socket.
    key
        The key's name.
    """
    return _told(config, key, socket, "disable", "key")


@keys.command
def remove(config: str, key: str | None = None, /, *, socket: Socket = None, timeout: float | None = None) -> int:
    """Give a key no new work, and forget it when what it has in flight has finished.

    Example: actorrouter keys remove router.toml acme-1 --timeout 60

    Parameters
    ----------
    config
        The router's TOML file; left out with --socket.
    key
        The key's name.
    timeout
        Most seconds to wait; the configuration's drain_s if not given.
    """
    return _told(config, key, socket, "remove", "key", timeout_s=timeout)


@keys.command(name="test")
def prove(config: str, key: str | None = None, /, *, socket: Socket = None) -> int:
    """Prove a key's secret with its provider's cheapest request. Works without a running router, too.

    Example: actorrouter keys test router.toml acme-1

    Parameters
    ----------
    config
        The router's TOML file; left out with --socket.
    key
        The key's name.
    """
    whom, name = target_and_word(config, key, socket, "KEY")
    told, _ = ask_or_start(whom, "test", key=name)
    words = {True: "works", False: "does not work", None: "could not be tested"}
    status = f"{told['status']} " if told["status"] else ""
    say(f"key {told['key']} {words[told['works']]}: {status}{told['detail']}")
    return 0 if told["works"] else 1


@circuit.command
def reset(config: str, provider: str | None = None, /, *, socket: Socket = None) -> int:
    """Close a provider's circuit and forget its failures.

    Example: actorrouter circuit reset router.toml openai

    Parameters
    ----------
    config
        The router's TOML file; left out with --socket.
    provider
        The provider's name.
    """
    return _told(config, provider, socket, "reset", "provider")


@circuit.command
def isolate(config: str, provider: str | None = None, /, *, socket: Socket = None) -> int:
    """Send nothing to a provider until its circuit is reset.

    Example: actorrouter circuit isolate router.toml openai

    Parameters
    ----------
    config
        The router's TOML file; left out with --socket.
    provider
        The provider's name.
    """
    return _told(config, provider, socket, "isolate", "provider")


@provider.command
def revive(config: str, name: str | None = None, /, *, socket: Socket = None) -> int:
    """Start a quarantined provider again.

    Example: actorrouter provider revive router.toml openai

    Parameters
    ----------
    config
        The router's TOML file; left out with --socket.
    name
        The provider's name.
    """
    return _told(config, name, socket, "revive", "provider")


def drain(config: str | None = None, /, *, socket: Socket = None, timeout: float | None = None) -> int:
    """Let a running router admit nothing new and finish what is in flight.

    Example: actorrouter drain router.toml --timeout 60

    Parameters
    ----------
    config
        The router's TOML file.
    timeout
        Most seconds to wait; the configuration's drain_s if not given.
    """
    say(ask(target(config, socket), "drain", timeout_s=timeout))
    return 0


def _told(config: str, word: str | None, socket: Socket, do: str, field: str, **asked: Any) -> int:
    whom, name = target_and_word(config, word, socket, field.upper())
    say(ask(whom, do, **{field: name}, **asked))
    return 0
