"""Form: types, words, durations, money; junk of every kind."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter import config as schema
from actorrouter.config import Shape
from actorrouter.config.file import effective, loads, structure, validate
from actorrouter.errors import InvalidConfig
from tests.config.cases import ENVIRON, EXAMPLE, LIVE, SMALL, cases, faults, swapped

FORM = r"""
[pools.org]  ->  [pool.x]\n[pools.org]
    pool: unknown field; did you mean pools?
"https://api.openai.com/v1"  ->  5
    providers.openai.base_url: expected text, got a number
base_url = "https://api.openai.com/v1"  ->  adapter = "vllm"
    providers.openai.base_url: required and missing: adapter vllm has no address of its own
[pools.org]  ->  circuit.open_s = [1]\n[pools.org]
    providers.openai.circuit.open_s: expected a number, got a list
[pools.org]  ->  circuit.min_calls = 2.5\n[pools.org]
    providers.openai.circuit.min_calls: expected a whole number
[pools.org]  ->  circuit.min_calls = true\n[pools.org]
    providers.openai.circuit.min_calls: expected a number, got true or false
[pools.org]  ->  circuit = 2024-01-01\n[pools.org]
    providers.openai.circuit: expected a table, got something else
amount = 500  ->  amount = "500"
    pools.org.limits[0].amount: expected a number, got text
amount = 500  ->  amount = nan
    pools.org.limits[0].amount: expected a finite number
amount = 500  ->  amount = inf
    pools.org.limits[0].amount: expected a finite number
amount = 500  ->  amount = 1e999
    pools.org.limits[0].amount: expected a finite number
amount = 500  ->  amount = 500, amout = 5
    pools.org.limits[0].amout: unknown field; did you mean amount?
amount = 500  ->  amount = 500, shape = "slidng"
    pools.org.limits[0].shape: expected one of bucket, sliding, fixed, calendar, concurrency, unknown; did you
    mean sliding?
amount = 500  ->  amount = 500, charge = 1
    pools.org.limits[0].charge: expected text, got a number
limits = [{ dimension = "requests", amount = 500 }]  ->  limits = 5
    pools.org.limits: expected a list, got a number
limits = [{ dimension = "requests", amount = 500 }]  ->  limits = [5]
    pools.org.limits[0]: expected a table, got a number
[pools.org]  ->  [keys]\nk2 = 5\n[pools.org]
    keys.k2: expected a table, got a number
[routes.chat]  ->  [routes.'gpt-4.1']\ncandidates = [{ provider = "openai", model = 4 }]\n[routes.chat]
    routes."gpt-4.1".candidates[0].model: expected text, got a number
"""


@pytest.mark.parametrize(("old", "new", "fault"), list(cases(FORM)))
def test_one_fault(old, new, fault):
    """One thing wrong is one fault, at its path, and says what is expected."""
    assert faults(swapped(old, new)) == [fault]


@pytest.mark.parametrize("digits", [400, 4000])
def test_numbers_too_large_for_floating_point(digits):
    """They are no amounts."""
    (fault,) = faults(swapped("amount = 500", f"amount = 1{'0' * digits}"))
    assert fault == "pools.org.limits[0].amount: expected a finite number"


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("90", 90.0), ("0.25", 0.25), ('"1m"', 60.0), ('"250ms"', 0.25), ('"1h30m"', 5400.0), ('"1d"', 86400.0),
     ('"1m0.5s"', 60.5), ('"2s500ms"', 2.5)],
)  # fmt: skip
def test_durations_are_seconds_or_text(written, seconds):
    """Every field that ends in _s takes both."""
    assert loads(f"lease_s = {written}\n{SMALL}", environ=ENVIRON).lease_s == seconds


@pytest.mark.parametrize("written", ['""', '"60"', '"1m1h"', '"1x"', '"-1s"', '"1.2.3s"', '"."', '"٣s"', "true", '"s"'])
def test_other_durations_are_refused(written):
    """Anything else is a fault at the field."""
    (fault,) = faults(f"lease_s = {written}\n{SMALL}")
    assert fault.startswith("lease_s: expected a number")


def test_money_is_exact():
    """A price or budget is the Decimal that was written, as a number or as text; so is an amount of cost."""
    text = swapped(
        'model = "gpt-4o" }', 'model = "gpt-4o", price = { input_usd_per_mtok = 0.1, request_usd = "0.30" } }'
    )
    text += '[budgets.all]\nusd = 10.10\n[pools.money]\nlimits = [{dimension="cost", amount=0.1, shape="sliding"}]'
    config = loads(text, environ=ENVIRON)
    price = config.routes["chat"].candidates[0].price
    assert (price.input_usd_per_mtok, price.request_usd) == (Decimal("0.1"), Decimal("0.30"))
    assert config.budgets["all"].usd == Decimal("10.10")
    assert config.pools["money"].limits[0].amount == Decimal("0.1")


def test_concurrency_needs_no_shape():
    """The dimension concurrency has its shape by itself."""
    config = loads(swapped('"requests", amount', '"concurrency", amount'), environ=ENVIRON)
    assert config.pools["org"].limits[0].shape is Shape.CONCURRENCY


def test_what_could_not_be_read_is_not_judged():
    """A broken provider is not also reported as unknown, nor a broken price as missing, nor a broken pool's keys."""
    text = swapped('"https://api.openai.com/v1"', "5").replace("amount = 500", "amount = 500, x = 1")
    text = text.replace('"gpt-4o" }', '"gpt-4o", price = { request_usd = "x" } }') + "[budgets.b]\nusd = 5"
    assert [fault.split(":")[0] for fault in faults(text)] == [
        "providers.openai.base_url", "routes.chat.candidates[0].price.request_usd", "pools.org.limits[0].x"
    ]  # fmt: skip


WORDS_OF_IT = st.sampled_from(
    sorted({field.name for cls in vars(schema).values() if attrs.has(cls) for field in attrs.fields(cls)})
)
LEAVES = st.one_of(
    st.just(LIVE), st.just(f"env:{LIVE}"), st.just(f"file:/{LIVE}"), st.just(f"http://{LIVE}@h"), st.none(),
    st.booleans(), st.integers(), st.floats(), st.decimals(), st.text(max_size=8), st.binary(max_size=2),
)  # fmt: skip
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS_OF_IT | st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(tree=st.dictionaries(WORDS_OF_IT | st.text(max_size=4) | st.integers(), JUNK, max_size=6) | JUNK)
def test_junk_raises_nothing_else_and_shows_nothing(tree):
    """Whatever tables hold, InvalidConfig is all that is raised, and no value is in it."""
    with pytest.raises(InvalidConfig) as caught:
        structure(tree, environ=ENVIRON)
    assert LIVE not in str(caught.value)


@st.composite
def damaged(draw):
    """The example's tables with junk at a few places."""
    tree = tomllib.loads(EXAMPLE.read_text(), parse_float=Decimal)
    for _ in range(draw(st.integers(1, 4))):
        spot = tree
        while True:
            steps = list(spot) if isinstance(spot, dict) else list(range(len(spot)))
            if not steps:
                break
            step = draw(st.sampled_from(steps))
            if isinstance(spot[step], dict | list) and draw(st.integers(0, 4)):
                spot = spot[step]
                continue
            spot[step] = draw(JUNK)
            break
    return tree


def loaded(read):
    """What `read` gives, or None if it refuses without showing a value; anything else it raises is a bug."""
    try:
        return read()
    except InvalidConfig as error:
        shown = str(error)
    assert LIVE not in shown
    return None


@given(tree=damaged(), extra=st.dictionaries(st.just("ACTORROUTER__KEYS__ACME_1__POOLS"), st.text() | st.just(LIVE)))
def test_a_damaged_example_raises_nothing_else_and_shows_nothing(tree, extra):
    """Junk deep inside is reported like junk at the top; what loads all the same is valid and can be printed."""
    environ = dict.fromkeys(re.findall(r"env:(\w+)", EXAMPLE.read_text()), "sk-other")
    config = loaded(lambda: structure(tree, environ={**environ, **extra}))
    if config is not None:
        validate(config)
        effective(config)


@given(text=st.text() | st.text().map(lambda text: f"{SMALL}\n{text}"))
def test_text_that_is_junk_raises_nothing_else(text):
    """Whatever a file holds, it loads or is refused."""
    loaded(lambda: loads(text, environ=ENVIRON))
