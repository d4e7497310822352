"""References to secrets, and what becomes of those that lead nowhere."""

from __future__ import annotations

import pytest

from actorrouter.config.file import effective, load, loads, structure
from actorrouter.values import Secret
from tests.config.cases import ENVIRON, LIVE, cases, faults, swapped

LEADING_NOWHERE = r"""
"env:KEY"  ->  "sk-live-3b7f0c"
    keys.k1.secret: secrets are given as env:NAME or file:PATH
"env:KEY"  ->  5
    keys.k1.secret: secrets are given as env:NAME or file:PATH
"env:KEY"  ->  { env = "KEY" }
    keys.k1.secret: secrets are given as env:NAME or file:PATH
"env:KEY"  ->  "<secret>"
    keys.k1.secret: secrets are given as env:NAME or file:PATH
"env:KEY"  ->  "env:"
    keys.k1.secret: secrets are given as env:NAME or file:PATH; what follows env: is not a variable's name
"env:KEY"  ->  "env:sk-live-3b7f0c"
    keys.k1.secret: secrets are given as env:NAME or file:PATH; what follows env: is not a variable's name
"env:KEY"  ->  "env:NOWHERE"
    keys.k1.secret: the environment variable NOWHERE is not set
"env:KEY"  ->  "env:EMPTY"
    keys.k1.secret: the environment variable EMPTY is empty
"env:KEY"  ->  "env:SPACED"
    keys.k1.secret: a secret must be non-empty printable ASCII without surrounding white space, and what the
    reference names is not
"env:KEY"  ->  "file:nowhere"
    keys.k1.secret: the secret's file cannot be read: no such file or directory
"env:KEY"  ->  "file:"
    keys.k1.secret: the secret's file cannot be read: is a directory
"env:KEY"  ->  "file:empty"
    keys.k1.secret: the secret's file is empty
"env:KEY"  ->  "file:large"
    keys.k1.secret: the secret's file is too large
"env:KEY"  ->  "file:binary"
    keys.k1.secret: the secret's file cannot be read: it is not UTF-8 text, or its path is no path
"env:KEY"  ->  "file:a\u0000b"
    keys.k1.secret: the secret's file cannot be read: it is not UTF-8 text, or its path is no path
"""


@pytest.mark.parametrize(("old", "new", "fault"), list(cases(LEADING_NOWHERE)))
def test_references_that_give_no_secret(tmp_path, old, new, fault):
    """The fault says what is wrong with the reference and nothing of what it holds."""
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "large").write_text("x" * 70_000)
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    environ = {**ENVIRON, "EMPTY": "", "SPACED": f"{LIVE} {LIVE}\t"}
    assert faults(swapped(old, new), environ, directory=tmp_path) == [fault]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_secret_from_a_file_beside_the_configuration(tmp_path, ending):
    """`file:` is relative to the configuration file; one trailing newline is not part of the secret."""
    (tmp_path / "key").write_bytes(f"{LIVE}{ending}".encode())
    (tmp_path / "router.toml").write_text(swapped("env:KEY", "file:key"))
    assert load(tmp_path / "router.toml", {}).keys["k1"].secret == Secret(LIVE)


def test_secrets_given_from_python():
    """Tables built in Python may hold a Secret or an async callable."""

    async def fresh() -> Secret:
        return Secret(LIVE)

    tree = {
        "providers": {"p": {"base_url": "http://localhost:1"}},
        "keys": {"a": {"provider": "p", "secret": Secret(LIVE)}, "b": {"provider": "p", "secret": fresh}},
        "routes": {"r": {"candidates": [{"provider": "p", "model": "m"}]}},
    }
    config = structure(tree, environ={})
    assert config.keys["b"].secret is fresh
    assert effective(config).count('"<secret>"') == 2


def test_a_proxy_may_be_a_reference():
    """A proxy's address with credentials need not stand in the file."""
    text = swapped('pools = ["org"]', 'proxy = "env:PROXY"')
    config = loads(text, environ={**ENVIRON, "PROXY": f"http://me:{LIVE}@proxy:3128"})
    assert config.keys["k1"].proxy == f"http://me:{LIVE}@proxy:3128"
    assert 'proxy = "http://<secret>@proxy:3128"' in effective(config)
    assert LIVE not in effective(config) + repr(config)
