"""Settings from environment variables."""

from __future__ import annotations

import pytest

from actorrouter.config.file import loads, structure
from actorrouter.errors import InvalidConfig
from actorrouter.values import Secret
from tests.config.cases import ENVIRON, LIVE, SMALL, faults, swapped

ADVICE = "keys.k1.secret: secrets are given as env:NAME or file:PATH"


@pytest.mark.parametrize(
    ("variable", "value", "read"),
    [
        ("GUARD_S", "0.5", lambda c: c.guard_s == 0.5),
        ("GUARD_S", "50ms", lambda c: c.guard_s == 0.05),
        ("RECOVERY__RAMP_MAX", "3", lambda c: c.recovery.ramp_max == 3),
        ("PROVIDERS__OPENAI__CIRCUIT__OPEN_S", "2", lambda c: c.providers["openai"].circuit.open_s == 2.0),
        ("providers__OpenAI__circuit", "{open_s = 2}", lambda c: c.providers["openai"].circuit.open_s == 2.0),
        ("POOLS__ORG__LIMITS__0__AMOUNT", "7", lambda c: c.pools["org"].limits[0].amount == 7),
        ("ROUTES__GPT_4_1__POLICY", "ordered", lambda c: c.routes["gpt-4.1"].policy == "ordered"),
        ("ROUTES__GPT_4_1__CANDIDATES__0__MODEL", '"4"', lambda c: c.routes["gpt-4.1"].candidates[0].model == "4"),
        ("KEYS__K1__SECRET", "env:OTHER", lambda c: c.keys["k1"].secret == Secret("other")),
        ("KEYS__K1__POOLS", "[]", lambda c: c.keys["k1"].pools == ()),
    ],
)
def test_an_override_takes_effect(variable, value, read):
    """The value is read as TOML or else as text; signs and case of names do not matter."""
    environ = {**ENVIRON, "OTHER": "other", f"ACTORROUTER__{variable}": value}
    text = swapped("[routes.chat]", "[routes.'gpt-4.1']")
    assert not read(loads(text, environ=ENVIRON))
    assert read(loads(text, environ=environ))


@pytest.mark.parametrize(
    "variable",
    ["", "NOTHING", "KEYS__K2__SECRET", "KEYS__K1__SECRT", "KEYS__", "POOLS__ORG__LIMITS__1__AMOUNT", "GUARD_S__X",
     "KEYS__K1__SECRET__X", "POOLS__ORG__LIMITS__X"],
)  # fmt: skip
def test_an_override_of_nothing_is_a_fault(variable):
    """A misspelt variable is not silently ignored; its value is not repeated."""
    found = faults(SMALL, {**ENVIRON, f"ACTORROUTER__{variable}": LIVE})
    assert found == [f"ACTORROUTER__{variable}: names no field, or no name that the configuration has"]


def test_an_override_that_could_mean_two_names_is_a_fault():
    """`a-b` and `a_b` cannot be told apart in a variable."""
    found = faults(SMALL + "[pools.a-b]\n[pools.a_b]", {**ENVIRON, "ACTORROUTER__POOLS__A_B__MODELS": "[]"})
    assert len(found) == 1


def test_an_override_is_checked_like_the_file():
    """A wrong value is a fault at its path, without the value."""
    assert faults(SMALL, {**ENVIRON, "ACTORROUTER__KEYS__K1__SECRET": LIVE}) == [ADVICE]
    found = faults(SMALL, {**ENVIRON, "ACTORROUTER__GUARD_S": "1\nlease_s = 5"})
    assert [fault.split(":")[0] for fault in found] == ["guard_s"]


def test_tables_given_by_the_caller_stay_as_they_were():
    """Overrides are put into a copy."""
    tree = {"pools": {"org": {"limits": [{"dimension": "requests", "amount": 1}]}}}
    with pytest.raises(InvalidConfig):
        structure(tree, environ={"ACTORROUTER__POOLS__ORG__LIMITS__0__AMOUNT": "7"})
    assert tree == {"pools": {"org": {"limits": [{"dimension": "requests", "amount": 1}]}}}
