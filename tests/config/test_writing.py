"""The effective configuration: nothing lost but secrets."""

from __future__ import annotations

import re
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from actorrouter.config import (
    BudgetConfig,
    CandidateConfig,
    ColdStart,
    GenericConfig,
    KeyConfig,
    LimitConfig,
    PoolConfig,
    PriceConfig,
    ProviderConfig,
    RouteConfig,
    RouterConfig,
    Shape,
)
from actorrouter.config.file import effective, load, loads, validate
from actorrouter.config.writing import toml
from actorrouter.values import Secret
from tests.config.cases import ENVIRON, EXAMPLE, LIVE, SMALL, faults


def put_back(text):
    return text.replace('"<secret>"', '"env:KEY"').replace("<secret>@", "u:p@")


def test_the_effective_example_loads_again():
    """The printed configuration, with its secrets put back, is the same configuration."""
    names = re.findall(r"env:(\w+)", EXAMPLE.read_text())
    config = load(EXAMPLE, dict.fromkeys(names, LIVE))
    text = effective(config)
    assert LIVE not in text
    assert loads(put_back(text), environ=ENVIRON) == config


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=8)
TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
SECONDS = st.floats(0.002, 1e6)
LIMITS = st.builds(
    LimitConfig,
    dimension=st.sampled_from(["requests", "tokens", "pages"]),
    amount=st.integers(0, 10**15),
    window_s=SECONDS,
    shape=st.sampled_from([Shape.SLIDING, Shape.UNKNOWN]),
    guard_s=st.none() | SECONDS,
    cold_start=st.none() | st.sampled_from(ColdStart),
)
MONEY = st.decimals(0, 10**6, allow_nan=False, allow_infinity=False)


@st.composite
def configs(draw):
    """Configurations that are right, with every kind of name, number and None."""
    name, model, usd, price = draw(NAMES), draw(TEXTS), draw(MONEY), draw(MONEY)
    headers = draw(st.dictionaries(st.sampled_from(["x-a", "x-b"]), TEXTS))
    generic = GenericConfig(model_in=draw(st.none() | TEXTS), headers=headers)
    proxy = draw(st.none() | st.just("socks5://u:p@host:1"))
    return RouterConfig(
        providers={name: ProviderConfig("http://h", "generic", generic=generic)},
        keys={name: KeyConfig(name, Secret(LIVE), pools=(name,), proxy=proxy)},
        routes={name: RouteConfig((CandidateConfig(name, model, price=PriceConfig(request_usd=price + 1)),))},
        pools={name: PoolConfig((draw(LIMITS),), models=(model,))},
        budgets={name: BudgetConfig(usd, f"route:{name}", draw(st.none() | st.just("day")))},
        guard_s=draw(SECONDS),
    )


@given(config=configs())
def test_whatever_is_valid_prints_and_loads_again(config):
    """`effective` loses nothing but secrets."""
    validate(config)
    text = effective(config)
    assert LIVE not in text
    assert loads(put_back(text), environ=ENVIRON) == config


def test_headers_that_look_like_credentials_are_redacted():
    """And what was redacted must be put back before it loads."""
    text = SMALL.replace('/v1"', f'/v1"\nheaders = {{ x-gateway-secret = "{LIVE}", x-team = "blue" }}')
    shown = effective(loads(text, environ=ENVIRON))
    assert LIVE not in shown
    assert 'x-team = "blue"' in shown
    again = shown.replace('\nsecret = "<secret>"', '\nsecret = "env:KEY"')
    assert faults(again) == ["providers.openai.headers.x-gateway-secret: put back what was redacted"]


def test_a_budget_for_life_and_a_body_without_model():
    """None, which TOML lacks, is written `never` and an empty text."""
    text = SMALL.replace('/v1"', '/v1"\nadapter = "generic"\n[providers.openai.generic]\nmodel_in = ""')
    text = text.replace('"gpt-4o" }', '"gpt-4o", price = { free = true } }') + '[budgets.all]\nusd = 1\nevery = "never"'
    config = loads(text, environ=ENVIRON)
    assert config.budgets["all"].every is None
    assert config.providers["openai"].generic == GenericConfig(model_in=None)
    assert loads(effective(config).replace("<secret>", "env:KEY"), environ=ENVIRON) == config


_PLAIN = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
_LISTS = st.lists(_TEXT) | st.lists(st.integers(-9, 9))


@given(
    st.recursive(
        st.dictionaries(_TEXT, _PLAIN | _TEXT | _LISTS),
        lambda inner: st.dictionaries(_TEXT, inner | st.lists(inner, min_size=1)),
        max_leaves=12,
    )
)
def test_tables_read_back_equal(tree):
    """Whatever text stands in them or names them."""
    assert tomllib.loads(toml(tree)) == tree
