"""What cannot be a workload is told where it is wrong."""

import pytest

from actorrouter.simulation.providers.config import ConfigInvalid
from actorrouter.simulation.workloads import read_workloads

STEADY = """
[workloads.steady]
kind = "poisson"
rate_per_s = 5
models = {chat = 1}
tenants = {a = 1, b = 2}
input = {kind = "lognormal", median = 400, sigma = 1}
output = {kind = "constant", tokens = 20}
"""


@pytest.mark.parametrize(
    ("was", "becomes", "place", "why"),
    [
        ("rate_per_s = 5", "", "$.workloads['steady']", "kind poisson needs rate_per_s"),
        ("rate_per_s = 5", 'rate_per_s = "5"', "$.workloads['steady'].rate_per_s", "float"),
        ("rate_per_s = 5", "rate_per_s = 0", "$.workloads['steady']", "above 0"),
        ("rate_per_s = 5", "rate_per_s = nan", "$.workloads['steady'].rate_per_s", "float"),
        ("rate_per_s = 5", "rate_per_s = 5\nthink_s = 1", "$.workloads['steady']", "kind poisson has no think_s"),
        ("sigma = 1", "sigma = -1", "$.workloads['steady'].input", "sigma"),
        ("sigma = 1", "alpha = 1", "$.workloads['steady'].input", "kind lognormal needs sigma"),
        ("tokens = 20", "tokens = 20, alpha = 1", "$.workloads['steady'].output", "kind constant has no alpha"),
        ('output = {kind = "constant", tokens = 20}', "", "$.workloads['steady']", "output needs a kind of sizes"),
        ("models = {chat = 1}", "models = {}", "$.workloads['steady']", "models needs weights"),
        ("{a = 1, b = 2}", "{a = 0, b = 0}", "$.workloads['steady']", "one weight of tenants"),
        ("{a = 1, b = 2}", "{a = -1, b = 2}", "$.workloads['steady']", "none negative"),
        ("models =", "modles =", "$.workloads['steady']", "unknown fields ['modles']"),
        ('"poisson"', '"fishy"', "$.workloads['steady'].kind", "fishy"),
        ("[workloads.steady]", "[workloads.steady", "$", "neither JSON nor TOML"),
    ],
)
def test_a_faulty_description_names_the_place_and_what_is_wrong(was, becomes, place, why):
    """The place is the path in the file."""
    assert was in STEADY
    with pytest.raises(ConfigInvalid) as caught:
        read_workloads(STEADY.replace(was, becomes, 1))
    assert any(where == place and why in said for where, said in caught.value.faults), caught.value.faults


def test_every_fault_is_told_at_once():
    """Two wrong fields are two faults."""
    with pytest.raises(ConfigInvalid) as caught:
        read_workloads(STEADY.replace("= 5", '= "5"').replace("sigma = 1", 'sigma = "1"'))
    assert len(caught.value.faults) == 2


def test_json_says_the_same_as_toml():
    """A description may come in either."""
    text = '{"workloads": {"w": {"kind": "once", "calls": 2, "models": {"m": 1}, "input": %s, "output": %s}}}'
    size = '{"kind": "constant", "tokens": 3}'
    assert read_workloads(text % (size, size)).workloads["w"].calls == 2


def test_a_description_needs_a_workload():
    """Nothing to do is a mistake."""
    with pytest.raises(ConfigInvalid, match="at least one"):
        read_workloads("workloads = {}")
