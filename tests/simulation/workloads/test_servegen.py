"""A measured day: rates per client and window, sizes within what was measured, faults by line."""

from itertools import pairwise
from random import Random

import pytest

from actorrouter.simulation.workloads.servegen import WINDOW_S, instants, read_clients
from actorrouter.simulation.workloads.traces import TraceInvalid

RATES = "client,t_s,rate_rps,cv,dist,shape,scale\na,0,2,1,Gamma,1,1\na,1200,4,1,Weibull,1,1\nb,600,1,1,Gamma,0.5,1\n"
TOKENS = "client,window_s,field,p1,p50,p99\n" + "".join(
    f"{client},{at},{what},1,10,100\n"
    for client in "ab"
    for at in (0, 21600)
    for what in ("input_tokens", "output_tokens")
)


def day(folder, rates=RATES, tokens=TOKENS):
    (folder / "my_rates.csv").write_text(rates)
    (folder / "my_tokens.csv").write_text(tokens)
    return read_clients("./my", folder)


def test_each_client_calls_at_its_rate_in_each_window(tmp_path):
    """A window that is not in the file is silent."""
    calls = list(instants(day(tmp_path), 0, 1e9, 10, "seed"))
    found = {
        (name, window): sum(1 for at, client in calls if client.name == name and at // WINDOW_S == window)
        for name in "ab"
        for window in range(3)
    }
    assert abs(found["a", 0] - 12_000) < 600
    assert abs(found["a", 2] - 24_000) < 1000
    assert abs(found["b", 1] - 6000) < 600
    assert found["a", 1] == found["b", 0] == found["b", 2] == 0
    assert all(earlier <= later for (earlier, _), (later, _) in pairwise(calls))


def test_a_stretch_of_the_day_counts_from_its_beginning(tmp_path):
    """Half of the third window: half of its calls, from 0 on."""
    calls = [at for at, _ in instants(day(tmp_path), 1200, 300, 1, "seed")]
    assert abs(len(calls) - 1200) < 200
    assert min(calls) >= 0
    assert max(calls) < 300


def test_a_client_calls_as_it_would_alone(tmp_path):
    """Its draws depend on no other client."""
    both = day(tmp_path)
    alone = [at for at, _ in instants(both[:1], 0, 1e9, 1, "seed")]
    assert alone == [at for at, client in instants(both, 0, 1e9, 1, "seed") if client.name == "a"]


@pytest.mark.parametrize("name", ["m-small", "deepseek-r1"])
def test_the_shipped_days_have_clients_with_sizes(name):
    """Each size is at least 1, and within the largest measured."""
    clients = read_clients(name)
    assert len(clients) >= 8
    chance = Random(1)
    for client in clients:
        most = max(size for _, points in client.quantiles["output_tokens"] for _, size in points)
        assert all(1 <= client.size("output_tokens", at, chance) <= most for at in range(0, 86_400, 7200))


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("Weibull", "Cauchy", "my_rates.csv line 3: dist"),
        ("a,0,2", "a,0,-2", "my_rates.csv line 2: rate_rps"),
        ("a,1200", "a,500", "my_rates.csv line 3: t_s: windows of client a overlap"),
        ("Weibull,1,", "Weibull,0,", "my_rates.csv line 3: shape"),
        ("Weibull,1,", "Weibull,0.001,", "my_rates.csv line 3"),
        ("rate_rps", "rate", "my_rates.csv line 1: no column rate_rps"),
        ("b,600", "c,600", "client c has rates and no input_tokens"),
    ],
)
def test_a_faulty_day_names_the_line(tmp_path, was, becomes, said):
    """Or the client that has no sizes."""
    assert was in RATES
    with pytest.raises(TraceInvalid) as caught:
        day(tmp_path, RATES.replace(was, becomes, 1))
    assert said in str(caught.value)


def test_a_missing_day_is_told(tmp_path):
    """By file name."""
    with pytest.raises(TraceInvalid, match=r"absent_rates\.csv"):
        read_clients("./absent", tmp_path)
