"""Commands that change nothing: is the configuration right, what is the router doing, why did it do that."""

from __future__ import annotations

from pathlib import Path

from actorrouter.adapters import build_all
from actorrouter.cli.reaching import Socket, UsageError, ask, ask_or_start, target, target_and_word
from actorrouter.cli.words import complain, say, say_json, say_status
from actorrouter.config.file import effective, load


def check(config: Path, /, *, quiet: bool = False) -> int:
    """Is the configuration right? Prints it with every default and no secret, or every fault at once.

    Example: actorrouter check router.toml

    Parameters
    ----------
    config
        A router's TOML file.
    quiet
        Print nothing when it is right.
    """
    loaded = load(config)
    build_all(loaded.providers, str(config))
    if not quiet:
        say(effective(loaded).rstrip("\n"))
    return 0


def status(config: Path | None = None, /, *, socket: Socket = None, json: bool = False) -> int:
    """What a running router is doing: providers, quota pools, keys, budgets, routes.

    Example: actorrouter status router.toml

    Parameters
    ----------
    config
        The router's TOML file, for its control socket.
    json
        Print everything as JSON.
    """
    told = ask(target(config, socket), "status")
    (say_json if json else say_status)(told)
    return 0


def tree(config: Path | None = None, /, *, socket: Socket = None) -> int:
    """The supervision tree of a running router, else as it would be at its start.

    Example: actorrouter tree router.toml

    Parameters
    ----------
    config
        The router's TOML file.
    """
    drawn, live = ask_or_start(target(config, socket), "tree")
    if not live:
        complain("no router is running; this is the tree as it would start")
    say(drawn)
    return 0


def explain(config: str, decision: str | None = None, /, *, socket: Socket = None) -> int:
    """Why a running router decided as it did.

    Example: actorrouter explain --socket run/actorrouter.sock 42

    Parameters
    ----------
    config
        The router's TOML file; left out with --socket.
    decision
        The number of the decision: replies and errors carry it as decision_id.
    """
    whom, number = target_and_word(config, decision, socket, "DECISION")
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):
        raise UsageError(f"DECISION must be a whole number, not {number[:40]!r}")
    say(ask(whom, "explain", decision=int(number)))
    return 0
