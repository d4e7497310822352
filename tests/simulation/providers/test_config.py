"""What cannot be a description is told where it is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import asdict

from actorrouter.simulation.providers.config import ConfigInvalid, FaultConfig, LimitConfig, read_config, structure

from .clients import DESCRIBED


@pytest.mark.parametrize(
    ("was", "becomes", "path"),
    [
        ("amount = 6", 'amount = "6"', "$.providers['sim'].scopes['org'].limits[0].amount"),
        ("amount = 6", "amount = -6", "$.providers['sim'].scopes['org'].limits[0]"),
        ('scopes = ["org"]', 'scopes = "org"', "$.providers['sim'].keys['a'].scopes"),
        ('scopes = ["org"]', 'scopes = ["other"]', "$.providers['sim']"),
        ("models =", "modles =", "$.providers['sim']"),
        ("[providers.sim]", "[providers.sim", "$"),
    ],
)
def test_a_faulty_description_names_the_place(was, becomes, path):
    """The typed error says where, and never shows a secret."""
    with pytest.raises(ConfigInvalid) as caught:
        read_config(DESCRIBED.replace(was, becomes, 1))
    assert path in [place for place, _ in caught.value.faults]
    assert "secret-" not in str(caught.value)


def limit(**fields: Any) -> dict[str, Any]:
    return {"dimension": "tokens", "amount": 10, **fields}


@pytest.mark.parametrize(("kind", "fields", "why"), [
    (LimitConfig, limit(shape="calendar", zone="Mars/Olympus"), "no time zone"),
    (LimitConfig, limit(shape="sliced", slice_s=90), "slice_s"),
    (LimitConfig, limit(shape="sliced", dimension="requests"), "no room for one request"),
    (LimitConfig, limit(least=5), "belong to shape adaptive"),
    (LimitConfig, limit(shape="adaptive", least=11), "within 0 and amount"),
    (LimitConfig, limit(shape="ramp", rejected_count=True), "rejected_count"),
    (LimitConfig, limit(burndown=5), "burndown"),
    (LimitConfig, limit(cached="released"), "released"),
    (LimitConfig, limit(dimension="cost", charge="live"), "cost"),
    (LimitConfig, limit(dimension="cost", burndown=2), "prices"),
    (LimitConfig, limit(dimension="requests", shape="in_flight"), "concurrency"),
    (FaultConfig, {"kind": "squeeze"}, "factor"),
    (FaultConfig, {"kind": "squeeze", "factor": 0.5, "probability": 0.5}, "certain"),
    (FaultConfig, {"kind": "hang", "how": "html"}, "no how"),
    (FaultConfig, {"kind": "dial", "how": "answer"}, "no how"),
    (FaultConfig, {"kind": "dial", "target": "a"}, "who dials"),
    (FaultConfig, {"kind": "outage", "status": 200}, "status"),
])  # fmt: skip
def test_what_makes_no_sense_is_refused(kind, fields, why):
    """A word of the reason is in what is told."""
    with pytest.raises(ConfigInvalid, match=why):
        structure(fields, kind)


def test_money_needs_a_price():
    """A limit of cost over models that have none is refused."""
    described = DESCRIBED.replace('dimension = "requests"', 'dimension = "cost"')
    with pytest.raises(ConfigInvalid, match="needs a price of"):
        read_config(described)


def test_a_description_survives_being_written_down():
    """What is read from JSON of a description is that description."""
    described = read_config((Path(__file__).parents[3] / "docs" / "mean-provider.toml").read_text(encoding="utf-8"))
    assert read_config(json.dumps(asdict(described))) == described
