"""A scenario's file: what is wrong is told with its place, and never with a secret."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from actorrouter.errors import InvalidConfig
from actorrouter.simulation.world.scenario import EPOCH, load_scenario, loads_scenario
from actorrouter.values import Secret
from tests.simulation.world.fleets import FLEET, fleet


def fault_of(text: str, directory: Path | None = None) -> str:
    with pytest.raises(InvalidConfig) as raised:
        loads_scenario(text, "storm.toml", directory)
    assert "storm.toml" in str(raised.value) or "router.toml" in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("[trouble]\nkind = 'crash'", "$.trouble: expected a list of tables"),
        ("[[trouble]]", "$.trouble[0].kind: missing: kind"),
        ("[[trouble]]\nkind = 'crash'\n[[trouble]]\nkind = 'rain'", "$.trouble[1].kind: "),
        ("[[trouble]]\nkind = 'crash'\nwhen = 5", "$.trouble[0]: unknown fields ['when']"),
        ("[[trouble]]\nkind = 'crash'\nat_s = -1", "$.trouble[0]: at_s must not be negative"),
        ("[[trouble]]\nkind = 'crash'\nat_s = 'soon'", "$.trouble[0].at_s: expected float"),
        ("[[trouble]]\nkind = 'crash'\nat_s = nan", "$.trouble[0].at_s: expected float"),
        ("[[trouble]]\nkind = 'crash'\nevery_s = 0", "$.trouble[0]: every_s must be above 0"),
        ("[[trouble]]\nkind = 'stall'\namount = -3", "$.trouble[0]: amount must not be negative"),
        ("[[trouble]]\nkind = 'cut'\nprobability = 2", "$.trouble[0]: probability must be within 0 and 1"),
        ("[expect]\nserved = 'many'", "$.expect.served: expected a number"),
        ("[upstream.west]", "$.upstream.west: no such provider in [router]"),
        ("[upstream.north]\nport = 'x'", "$.upstream.north.port: expected int"),
        ("[[upstream.north.faults]]\nkind = 'rain'", "$.upstream.north.faults"),
        ("[workload.more]\nkind = 'poisson'\nmodels = {chat = 1}", "$.workload.more: kind poisson needs rate_per_s"),
        ("[workload.more]\nkind = 'trace'\ntrace = 'gone.csv'\nmodels = {talk = 1}",
         "$.workload.more.models: no such route: talk"),
        ("[workload.more]\nkind = 'trace'\ntrace = 'gone.csv'\nmodels = {chat = 1}",
         "$.workload.more.trace: there is no file gone.csv"),
        ("[workload.more]\nkind = 'trace'\ntrace = 'unheard'\nmodels = {chat = 1}", "no trace named unheard is"),
        ("[router.providers.west]\nadapter = 'generic'\n[router.providers.west.generic]\npath = '/'",
         "$.router.providers.west.adapter: simulated providers answer as OpenAI does"),
        ("[router.pools.org2]\nlimits = 'none'", "pools.org2.limits"),
        ("[router.keys.n3]\nprovider = 'west'", "keys.n3.provider"),
    ],
)  # fmt: skip
def test_a_part_at_fault_is_named(more: str, told: str) -> None:
    """The place as the file has it, and what is wrong there."""
    assert told in fault_of(f"{FLEET}\n{more}")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("weather = 'bad'", "unknown fields ['weather']; known: "),
        ("seed = 1.5", "$.seed: expected int"),
        ("title = 5", "$.title: expected str"),
        ("duration_s = 0", "duration_s must be above 0"),
        ("duration_s = inf", "$.duration_s: expected float"),
        ("settle_s = -1", "settle_s not negative"),
        ("transit_s = [0.2, 0.1]", "transit_s must be [least, most]"),
        ("transit_s = [0.1]", "transit_s must be [least, most]"),
        ("bytes_per_token = 0", "bytes_per_token must be within 1 and 16"),
        ("epoch = 'Monday'", "epoch: 'Monday' is no time like"),
        ("path = 'middle'", "$.path: "),
        ("workload = 5", "$.workload: expected a table"),
        ("expect = 5", "$.expect: expected a table"),
        ("upstream = 5", "$.upstream: expected a table for each provider"),
        ("trouble = 5", "$.trouble: expected a list of tables"),
    ],
)
def test_a_line_at_fault_is_named(line: str, told: str) -> None:
    """Wrong types, values out of bounds and words that nobody knows."""
    name = line.partition(" ")[0]
    text = "\n".join(each for each in FLEET.splitlines() if not each.startswith(f"{name} = "))
    if name in ("workload", "expect", "upstream"):
        text = text.partition("[workload")[0]
    assert told in fault_of(f"{line}\n{text}")


@pytest.mark.parametrize(
    "router", ["", "router = 5", "router = []", "[router]\nproviders = 5", "[router.providers]\nnorth = 5",
               "[router.providers.north]\n[router.keys]\nn1 = 'sk-hidden'"]
)  # fmt: skip
def test_a_router_at_fault_is_told(router: str) -> None:
    """Whatever stands there; no value is repeated, it might be a secret."""
    assert "sk-hidden" not in fault_of(f'title = "x"\n{router}\n')


def test_every_fault_of_the_router_is_told_at_once() -> None:
    """As for a real one."""
    told = fault_of(FLEET.replace('provider = "north"', 'provider = "nowhere"').replace("amount = 4}", "amount = -4}"))
    assert all(place in told for place in ("keys.n1.provider", "keys.n2.provider", "keys.s1.limits"))


def test_a_file_that_is_not_there_or_no_toml_or_no_text_is_told(tmp_path: Path) -> None:
    """By its path."""
    with pytest.raises(InvalidConfig, match="no such file"):
        load_scenario(tmp_path / "gone.toml")
    (tmp_path / "bad.toml").write_text("title = ")
    with pytest.raises(InvalidConfig, match=r"bad\.toml(?s:.*)not TOML"):
        load_scenario(tmp_path / "bad.toml")
    (tmp_path / "latin.toml").write_bytes(b'title = "\xe9"')
    with pytest.raises(InvalidConfig, match="not utf-8"):
        load_scenario(tmp_path / "latin.toml")


_REAL = """
control = "ctl.sock"
[providers.North_1]
base_url = "https://api.north.test/v1"
headers = {x-team = "sk-in-a-header"}
[keys.k1]
provider = "North_1"
secret = "env:NOBODY_SET_THIS"
proxy = "http://user:sk-in-a-proxy@10.0.0.1:3128"
limits = [{dimension = "requests", amount = 60}]
[keys.k2]
provider = "North_1"
secret = "file:gone.txt"
[routes.chat]
candidates = [{provider = "North_1", model = "big"}]
"""


def test_a_real_fleet_s_file_is_rehearsed_without_its_secrets_and_addresses(tmp_path: Path) -> None:
    """`router = "FILE"`, beside the scenario: nothing of it is looked up, nothing of it can be reached."""
    (tmp_path / "router.toml").write_text(_REAL)
    (tmp_path / "storm.toml").write_text('title = "x"\nrouter = "router.toml"\n')
    router = load_scenario(tmp_path / "storm.toml").router
    secrets = [key.secret for key in router.keys.values()]
    assert [each.reveal() for each in secrets if isinstance(each, Secret)] == ["sk-simulated-k1", "sk-simulated-k2"]
    assert router.providers["North_1"].base_url == "http://North_1.example/v1"
    assert not router.providers["North_1"].headers
    assert router.control is None
    assert router.keys["k1"].proxy is None


def test_a_router_s_file_at_fault_is_told(tmp_path: Path) -> None:
    """With its own name."""
    text = 'title = "x"\nrouter = "router.toml"\n'
    assert "cannot be read" in fault_of(text, tmp_path)
    (tmp_path / "router.toml").write_text("[keys")
    assert "not TOML" in fault_of(text, tmp_path)
    (tmp_path / "router.toml").write_text(_REAL + "colour = 5\n")
    assert "colour" in fault_of(text, tmp_path)


def test_the_clock_on_the_wall_starts_where_it_is_told() -> None:
    """Without a zone it is UTC; without anything a Monday morning."""
    assert fleet().epoch == EPOCH
    assert fleet(settle_s='600\nepoch = "2027-01-01T00:00:00"').epoch == datetime(2027, 1, 1, tzinfo=UTC)
    told = fleet(settle_s='600\nepoch = "2027-01-01T02:00:00+02:00"').epoch
    assert told == datetime(2027, 1, 1, tzinfo=UTC)


def test_no_secret_is_in_a_scenario_s_repr() -> None:
    """Neither the router's nor the provider's."""
    assert "sk-simulated" not in repr(fleet())
