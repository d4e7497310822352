"""The command line. It needs the extra `cli`; nothing else imports this room."""

from __future__ import annotations

import sys
from collections.abc import Sequence

_MISSING = 'actorrouter: the command line needs packages that are not installed: pip install "actorrouter[cli]"\n'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; `arguments` as on the command line. 0: ok, 1: the answer is no, 2: usage or configuration, 130:
    interrupted."""
    try:
        import cyclopts  # noqa: F401
        import rich  # noqa: F401

        from actorrouter.cli.app import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except ModuleNotFoundError as error:
        if error.name not in ("cyclopts", "rich"):
            raise
        sys.stderr.write(_MISSING)
        return 2
    except KeyboardInterrupt:  # asyncio's runner has already ended what was under way
        sys.stderr.write("actorrouter: interrupted\n")
        return 130
