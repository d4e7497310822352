"""What the tests of the configuration share: a small file that is right, and ways to make it wrong."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from actorrouter.config.file import loads
from actorrouter.errors import InvalidConfig

EXAMPLE = Path(__file__).parents[2] / "docs" / "example.toml"
LIVE = "sk-live-3b7f0c"
ENVIRON = {"KEY": LIVE}
SMALL = """
[providers.openai]
base_url = "https://api.openai.com/v1"
[pools.org]
limits = [{ dimension = "requests", amount = 500 }]
[keys.k1]
provider = "openai"
secret = "env:KEY"
pools = ["org"]
[routes.chat]
candidates = [{ provider = "openai", model = "gpt-4o" }]
"""


def swapped(old, new):
    """SMALL with `new` in the place of `old`."""
    assert old in SMALL
    return SMALL.replace(old, new, 1)


def faults(text, environ=ENVIRON, **more):
    """Every fault of a configuration; no value is in the message, nor in an exception that hangs on it."""
    with pytest.raises(InvalidConfig) as caught:
        loads(text, environ=environ, **more)
    assert LIVE not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return list(caught.value.faults)


def cases(table):
    """Rows of `old  ->  new` (in SMALL; \\n is a line's end) with the one fault it makes indented below."""
    for case in re.split(r"\n(?! )", table.strip()):
        swap, _, fault = case.partition("\n")
        old, _, new = swap.partition("  ->")
        yield old, new.strip().replace(r"\n", "\n"), " ".join(textwrap.dedent(fault).split("\n"))
