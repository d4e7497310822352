"""The configuration room: every fault at once, in words that hold no value; what is right loads."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from actorrouter.config import CircuitConfig, ColdStart, LimitConfig
from actorrouter.config.file import load, loads
from actorrouter.errors import InvalidConfig
from actorrouter.values import Secret
from tests.config.cases import ENVIRON, EXAMPLE, LIVE, SMALL, faults


def test_a_small_file_loads_with_defaults():
    """What is not said has its default, and the secret is a Secret."""
    config = loads(SMALL, environ=ENVIRON)
    assert config.keys["k1"].secret == Secret(LIVE)
    assert config.pools["org"].limits == (LimitConfig("requests", 500.0),)
    assert config.providers["openai"].circuit == CircuitConfig()
    assert config.cold_start is ColdStart.FULL
    assert LIVE not in repr(config)


def test_the_example_loads():
    """docs/example.toml is a configuration that works."""
    names = re.findall(r"env:(\w+)", EXAMPLE.read_text())
    config = load(EXAMPLE, {name: f"{name}-text" for name in names})
    assert len(config.keys) == 5
    assert config.guard_s == 0.1
    assert config.routes["chat"].candidates[0].price.input_usd_per_mtok == Decimal("2.50")


def test_five_faults_at_once():
    """Wrong word, wrong type, missing, misspelt and a secret in clear: all five, and what they mean as well."""
    text = SMALL.replace('provider = "openai"\nsecret = "env:KEY"', f'provider = "opnai"\nsecret = "{LIVE}"')
    text = text.replace("amount = 500", 'amount = "many", shape = "round"').replace(
        "[routes.chat]", "[routes.chat]\npolcy = 1"
    )
    text = text.replace('base_url = "https://api.openai.com/v1"', 'adapter = "azure"')
    text += '[budgets.b]\nusd = 5\nscope = "provider:opnai"'
    assert faults(text) == [
        "keys.k1.secret: secrets are given as env:NAME or file:PATH",
        "routes.chat.polcy: unknown field; did you mean policy?",
        "pools.org.limits[0].amount: expected a number, got text",
        "pools.org.limits[0].shape: expected one of bucket, sliding, fixed, calendar, concurrency, unknown",
        "providers.openai.base_url: required and missing: adapter azure has no address of its own",
        "keys.k1.provider: no such provider; did you mean openai?",
        "budgets.b.scope: no such provider; did you mean openai?",
    ]


def test_every_section_is_needed():
    """At least one provider, key and route."""
    assert [fault.split(":")[0] for fault in faults("guard_s = 1")] == ["providers", "keys", "routes"]


def test_a_name_too_long_to_be_one_is_not_shown():
    """A credential pasted where a name belongs stays out of the message."""
    (fault,) = faults(SMALL + f'[pools."{LIVE}{"x" * 100}"]')
    assert fault == "pools.(a name that is not shown): a name is 1 to 100 printable characters without spaces"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "cannot be read: no such file or directory; expected a TOML file"),
        (b"", "empty; expected at least [providers.NAME], [keys.NAME] and [routes.NAME]"),
        (b" \n", "empty; expected at least [providers.NAME], [keys.NAME] and [routes.NAME]"),
        (b"a = 1\nb = '\xff'", "line 2: not UTF-8; TOML is written in UTF-8"),
        (b"a = 1\nb = sk-live-3b7f0c", "line 2, column 5: not TOML: invalid value"),
        (b'a = "sk-live-3b7f0c\x01"', "line 1, column 20: not TOML: illegal character"),
        (b"[a]\nb = [1,\n", "line 3, column 1: not TOML: invalid value"),
        (b"a = 1\na = 2", "line 2, column 6: not TOML: cannot overwrite a value"),
        (b"a = 1e99999999999999999999", "not TOML: a number is too large to read"),
        (b"a = " + b"9" * 5000, "not TOML: a number is too large to read"),
        (b"a = " + b"[" * 5000, "not TOML: nested too deeply"),
    ],
)
def test_what_is_no_toml_file(tmp_path, content, fault):
    """A file that cannot be read as TOML has one fault that says where, without repeating what is there."""
    path = tmp_path / "router.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidConfig) as caught:
        load(path, ENVIRON)
    assert caught.value.faults == (fault,)
    assert str(caught.value).startswith(f"{path}: 1 fault")


def test_a_directory_and_a_path_that_is_none(tmp_path):
    """Neither is a file."""
    for path in (tmp_path, tmp_path / "a\0b"):
        with pytest.raises(InvalidConfig, match="expected a TOML file"):
            load(path, ENVIRON)


def test_a_byte_order_mark_is_harmless(tmp_path):
    """Some editors begin every file with one."""
    (tmp_path / "router.toml").write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert load(tmp_path / "router.toml", ENVIRON).keys
