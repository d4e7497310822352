"""Tables of providers: those that are shipped, and a user's own."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from actorrouter.adapters import ADAPTERS, TABLES, build, build_all, profiles
from actorrouter.adapters.table_faults import table_faults
from actorrouter.config import Charge, ProviderConfig
from actorrouter.config.bounds import ADAPTERS as WORDS
from actorrouter.errors import InvalidConfig
from actorrouter.values import Call, OutcomeClass, Scope, Secret

SHIPPED = tomllib.loads(files("actorrouter.adapters").joinpath("providers.toml").read_text(encoding="utf-8"))
OWN = """
base_url = "https://llm.example/api"
chat_path = "/v3/chat"
secret_header = "X-Token"
secret_format = "Token {secret}"
headers = { X-Version = "3" }
include_usage = false
usage = { at = ["stats"], input = ["in"], output = ["out"], cached = ["hit"], cached_in_input = false }
charge = { tokens = "actual" }
limits = [{ dimension = "tokens", remaining = "X-Left", window_s = 3600 }]
errors = [{ status = 418, contains = "Teapot", outcome = "capacity", scope = "key_model" }]
"""
CALL = Call("m", {"messages": []})


@pytest.fixture
def own(tmp_path: Path) -> ProviderConfig:
    """A provider that a table of ours describes."""
    (tmp_path / "own.toml").write_text(OWN, encoding="utf-8")
    return ProviderConfig(adapter=f"file:{tmp_path / 'own.toml'}")


def test_every_shipped_table_is_sound_and_has_a_name() -> None:
    """And every name a table; what a configuration may say is what there are adapters for."""
    assert SHIPPED.keys() == {*TABLES, "family", "azure"}
    assert {name: table_faults(table) for name, table in SHIPPED.items() if table_faults(table)} == {}
    assert set(WORDS) == set(ADAPTERS)


def test_importing_the_adapters_reads_no_table() -> None:
    """Not even what reads TOML is there before an adapter is built."""
    code = "import sys, actorrouter.adapters; print('tomllib' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout == "False\n"


def test_a_table_of_one_s_own_makes_an_adapter(own: ProviderConfig) -> None:
    """Where requests go and what they carry."""
    adapter = build("x", own)
    sent = adapter.prepare(Call("m", {"messages": []}, stream=True), "up", Secret("s3cret"))
    assert sent.url == "https://llm.example/api/v3/chat"
    assert dict(sent.headers)["x-token"] == "Token s3cret"
    assert dict(sent.headers)["x-version"] == "3"
    assert "authorization" not in dict(sent.headers)
    assert b"include_usage" not in sent.body
    assert adapter.probe(Secret("k")).url == "https://llm.example/api/models"


def test_a_table_of_one_s_own_says_what_answers_mean(own: ProviderConfig) -> None:
    """Its errors before the family's, its usage and headers instead of theirs, its charge over theirs."""
    adapter = build("x", own)
    assert adapter.default_charge["tokens"] is Charge.ACTUAL
    assert adapter.default_charge["requests"] is Charge.UP_FRONT
    refused = adapter.read(CALL, 418, {"x-left": "9"}, 0.0, 0.0)
    refused.feed(b"I am a teapot")
    outcome = refused.end(complete=True)
    assert (outcome.outcome, outcome.scope) == (OutcomeClass.CAPACITY, Scope.KEY_MODEL)
    assert [(seen.remaining, seen.window_s) for seen in refused.observations] == [(9, 3600)]
    answered = adapter.read(CALL, 200, {}, 0.0, 0.0)
    answered.feed(b'{"choices": [{}], "stats": {"in": 5, "out": 2, "hit": 3}}')
    usage = answered.end(complete=True).usage
    assert usage is not None
    assert (usage.amounts["input_tokens"], usage.amounts["tokens"], usage.cached_input_tokens) == (8, 10, 3)
    spent = adapter.read(CALL, 429, {}, 0.0, 0.0)
    spent.feed(b'{"error": {"code": "insufficient_quota"}}')
    assert spent.end(complete=True).outcome is OutcomeClass.QUOTA_SPENT


def test_one_field_of_a_shipped_table_can_be_changed(tmp_path: Path) -> None:
    """All else stays: its address, its limits, its errors, what it says of the family."""
    path = tmp_path / "own.toml"
    path.write_text(
        'like = "groq"\nchat_path = "/v9/chat"\ncharge = { tokens = "actual" }\n'
        'errors = [{ status = 403, outcome = "content" }]\n',
        encoding="utf-8",
    )
    adapter = build("x", ProviderConfig(adapter=f"file:{path}"))
    assert adapter.prepare(CALL, "m", Secret("k")).url == "https://api.groq.com/openai/v1/v9/chat"
    assert (adapter.default_charge["tokens"], adapter.default_charge["requests"]) == (Charge.ACTUAL, Charge.UP_FRONT)
    assert adapter.dialects == build("x", ProviderConfig(adapter="groq")).dialects
    outcomes = []
    for status in (403, 424):
        reading = adapter.read(CALL, status, {"x-ratelimit-remaining-requests": "3"}, 0.0, 0.0)
        outcomes.append(reading.end(complete=True).outcome)
        assert [seen.window_s for seen in reading.observations] == [86400]
    assert outcomes == [OutcomeClass.CONTENT, OutcomeClass.REQUEST_BAD]


def test_a_configured_address_goes_before_the_table_s(own: ProviderConfig) -> None:
    """And an adapter without either names what is missing."""
    assert build("x", ProviderConfig("http://there", adapter=own.adapter)).base_url == "http://there"
    assert build("x", own).base_url == "https://llm.example/api"
    for adapter in ("vllm", "azure"):
        with pytest.raises(InvalidConfig, match=rf"providers\.x\.base_url: required and missing: adapter {adapter}"):
            build("x", ProviderConfig(adapter=adapter))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "cannot be read: no such file"),
        (b"\xff", "not UTF-8"),
        (b"a = [", "not TOML at "),
        (b"a" * (profiles.FILE_BYTES_MAX + 1), "larger than"),
        (b'bas_url = "x"', "bas_url: unknown field; did you mean base_url?"),
        (b'like = "grok"', "like: expected one of openai, groq"),
        (b"errors = [{ status = 400 }]", r"errors\[0\].outcome: required and missing"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(tmp_path: Path, content: bytes | None, why: str) -> None:
    """Which provider, which file, which field."""
    path = tmp_path / "own.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidConfig, match=rf"providers\.x\.adapter: file:.*own\.toml: {why}"):
        build("x", ProviderConfig("http://x", adapter=f"file:{path}"))


def test_the_faults_of_all_providers_are_told_at_once() -> None:
    """And none is built."""
    with pytest.raises(InvalidConfig) as raised:
        build_all(
            {"a": ProviderConfig(adapter="vllm"), "b": ProviderConfig(), "c": ProviderConfig(adapter="file:none")}
        )
    assert [fault.split(":")[0] for fault in raised.value.faults] == ["providers.a.base_url", "providers.c.adapter"]
    assert build_all({"b": ProviderConfig()}).keys() == {"b"}
