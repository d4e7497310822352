"""The commands' entry: what they are called, and what becomes of their errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Final

from cyclopts import App, CycloptsError, Parameter

from actorrouter import InvalidCall, InvalidConfig, RouterError, __version__
from actorrouter.cli import calling, looking, operating, planning, serving, simulating
from actorrouter.cli.reaching import UsageError
from actorrouter.cli.words import complain

_HELP = """Every request lands on an API key that really has room.

CONFIG is a router's TOML file. Commands for a running router reach it through the control socket that its file names
(control = "run/actorrouter.sock"), or through --socket PATH in the place of CONFIG.

Example: actorrouter check router.toml && actorrouter call router.toml chat "Say hello"
"""
_CODES = "Exit codes: 0 ok, 1 the answer is no, 2 usage or configuration, 130 interrupted."


_COMMANDS: Final[tuple[App | Callable[..., int], ...]] = (
    looking.check,
    calling.call,
    calling.quote,
    serving.serve,
    planning.plan,
    looking.status,
    looking.tree,
    looking.explain,
    operating.keys,
    operating.circuit,
    operating.provider,
    operating.drain,
    simulating.simulate,
    simulating.sweep,
    simulating.compare,
)


def _app() -> App:
    app = App(
        name="actorrouter",
        help=_HELP,
        help_epilogue=_CODES,
        help_format="plaintext",
        version=__version__,
        default_parameter=Parameter(negative=(), show_default=False),
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for command in _COMMANDS:
        app.command(command)
    app.command(serving.demo, help_flags=(), version_flags=())
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Expected errors are one message on stderr."""
    try:
        code = _app()(arguments)
        sys.stdout.flush()
    except CycloptsError as error:
        return complain(f"{error} See: actorrouter --help", 2)
    except (UsageError, InvalidConfig, InvalidCall) as error:
        return complain(str(error), 2)
    except RouterError as error:
        return complain(str(error), 1)
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code if isinstance(code, int) else 0
