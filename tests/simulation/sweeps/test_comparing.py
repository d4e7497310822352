"""The same storm in several hands."""

from __future__ import annotations

import pytest

from actorrouter.errors import InvalidConfig
from actorrouter.simulation.sweeps.comparing import compare, variants, with_policy, with_router
from actorrouter.simulation.sweeps.text import compared_text
from tests.simulation.sweeps.players import CALM, STRICT, staged

SCENARIO = staged(CALM + STRICT).scenario()


def test_a_policy_changes_how_routes_rank_and_nothing_else():
    """Callers and providers are the same; one policy stands beside the scenario as it is."""
    listed = variants("calm", SCENARIO, ["ordered"], [])
    assert [name for name, _ in listed] == ["calm", "ordered"]
    ordered = listed[1][1]
    assert ordered.router.routes["chat"].policy == "ordered"
    assert (ordered.upstream, ordered.workloads) == (SCENARIO.upstream, SCENARIO.workloads)
    compared = compare(listed, 3)
    assert {ending.run.seed for ending in compared.endings} == {3}
    assert "offered" not in compared.figures() or SCENARIO.workloads["robots"].kind == "closed"
    assert compared.figures()
    told = compared_text(compared)
    assert "ordered - calm" in told
    assert compared.result()["runs"]["ordered"]["seed"] == 3


def test_equal_runs_do_not_differ():
    """And runs of one name are told apart."""
    compared = compare([("a", SCENARIO), ("a", SCENARIO)], 1)
    assert compared.names == ("a #1", "a #2")
    assert compared.figures() == []


def test_a_policy_that_cannot_rank_is_refused():
    """Cheapest needs prices; an unknown word is nobody's policy."""
    with pytest.raises(InvalidConfig, match="price"):
        with_policy(SCENARIO, "cheapest")
    with pytest.raises(InvalidConfig, match="policy"):
        with_policy(SCENARIO, "luckiest")


def test_another_router_is_told_otherwise_of_the_same_providers(tmp_path):
    """A real fleet's file: its secrets and addresses are the scenario's; what providers enforce stays."""
    file = tmp_path / "router.toml"
    file.write_text(
        'control = "run/r.sock"\n[providers.north]\nbase_url = "https://north.example/v1"\n'
        '[keys.n1]\nprovider = "north"\nsecret = "env:NOT_SET_HERE"\nlimits = [{dimension = "requests", amount = 1}]\n'
        '[routes.chat]\ncandidates = [{provider = "north", model = "big"}]\n'
    )
    told = with_router(SCENARIO, file)
    assert told.upstream == SCENARIO.upstream
    assert list(told.router.keys) == ["n1"]
    assert told.router.keys["n1"].secret == SCENARIO.router.keys["n1"].secret
    assert told.router.control is None
    file.write_text('[providers.west]\nbase_url = "https://west.example/v1"\n')
    with pytest.raises(InvalidConfig, match="the scenario has no west"):
        with_router(SCENARIO, file)
    with pytest.raises(InvalidConfig, match="cannot be read"):
        with_router(SCENARIO, tmp_path / "absent.toml")
