"""Traces: columns, faults by line, excerpts, volume, laziness."""

from itertools import count, islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actorrouter.simulation.workloads.traces import (
    Row,
    TraceInvalid,
    excerpt,
    locate,
    multiply,
    parse_rows,
    read_rows,
    stretch,
)


def rows(text):
    return list(parse_rows(text.splitlines(keepends=True), "mine.csv"))


@pytest.mark.parametrize(
    ("column", "first", "second"),
    [
        ("t_ms", "0", "1500"),
        ("at_s", "0", "1.5"),
        ("timestamp", "2026-01-01T00:00:00Z", "2026-01-01T00:00:01.5Z"),
        ("timestamp", "2026-01-01T00:00:00+02:00", "2025-12-31T22:00:01.500+00:00"),
        ("TIMESTAMP", "2023-11-16 18:15:46.5000000", "2023-11-16 18:15:48.0000000"),
    ],
)
def test_a_time_column_may_be_milliseconds_seconds_or_timestamps(column, first, second):
    """All of them say the same; timestamps count from the first row."""
    read = rows(f"{column},input_tokens,output_tokens\n{first},3,4\n{second},5,6\n")
    assert read == [Row(0, 3, 4), Row(1.5, 5, 6)]


def test_other_columns_are_passed_over_and_known_ones_taken():
    """Model, tenant and cached tokens are optional."""
    read = rows(
        "note,at_s,ContextTokens,GeneratedTokens,model,tenant,cached_prefix_tokens\nx,1,2,3,m,t,1\nx,2,2,3,,,\n"
    )
    assert read == [Row(1, 2, 3, 1, "m", "t"), Row(2, 2, 3)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "mine.csv line 1: no column t_ms, at_s or timestamp"),
        ("at_s,input_tokens\n", "line 1: no column output_tokens"),
        ("at_s,input_tokens,output_tokens\n0,1,1\n1,2\n", "line 3: 2 fields where the header has 3"),
        ("at_s,input_tokens,output_tokens\n0,1,1\n\n1,x,1\n", "line 4: input_tokens: expected a whole number, not 'x'"),
        ("at_s,input_tokens,output_tokens\n0,1,-1\n", "line 2: output_tokens"),
        ("at_s,input_tokens,output_tokens\nnan,1,1\n", "line 2: at_s"),
        ("at_s,input_tokens,output_tokens\n2,1,1\n1,1,1\n", "line 3: at_s goes back in time"),
        ("timestamp,input_tokens,output_tokens\nnoon,1,1\n", "line 2: timestamp: expected an RFC 3339 time"),
        ('at_s,input_tokens,output_tokens\n0,"1,1\n', "line 2"),
    ],
)
def test_a_faulty_trace_names_the_line(text, said):
    """And what is wrong in it."""
    with pytest.raises(TraceInvalid) as caught:
        rows(text)
    assert said in str(caught.value)


def test_a_missing_file_and_one_that_is_not_text_are_told(tmp_path):
    """By name, as a trace that cannot be read."""
    (tmp_path / "binary.csv").write_bytes(b"at_s,input_tokens,output_tokens\n\xff\xfe")
    for name in ("absent.csv", "binary.csv"):
        with pytest.raises(TraceInvalid, match=name):
            list(read_rows(locate(name, tmp_path)))


def test_an_unknown_name_is_told_with_the_known_ones():
    """A file is meant by its ending."""
    with pytest.raises(TraceInvalid, match="no trace named absent is shipped, there are azure2023_code"):
        locate("absent")


@pytest.mark.parametrize(
    ("name", "many"), [("azure2023_conv", 10_108), ("azure2023_code", 8819), ("mooncake_conversation", 3658)]
)
def test_the_shipped_traces_read_whole(name, many):
    """Every row of every shipped trace."""
    assert sum(1 for _ in read_rows(locate(name))) == many


def test_the_shipped_traces_are_small_and_tell_their_licence():
    """Together at most 900 KB, each named in the README with its source."""
    folder = locate("azure2023_code").parent  # type: ignore[attr-defined]
    told = (folder / "README.md").read_text()
    shipped = sorted(path.name for path in folder.iterdir() if path.suffix == ".csv")
    assert sum((folder / name).stat().st_size for name in shipped) < 900_000
    for name in shipped:
        assert name in told or name.replace("rates", "*").replace("tokens", "*") in told
    assert "CC-BY 4.0" in told
    assert "Apache-2.0" in told


timed = st.lists(st.floats(0, 100), max_size=40).map(lambda times: [Row(at, 1, 1) for at in sorted(times)])


@given(timed, st.floats(0, 50), st.floats(0.1, 60))
def test_an_excerpt_counts_from_its_beginning(trace, from_s, for_s):
    """It holds the rows of its stretch and no others."""
    cut = list(excerpt(trace, from_s, for_s))
    assert len(cut) == sum(from_s <= row.at_s < from_s + for_s for row in trace)
    assert all(row.at_s >= 0 for row in cut)


def test_stretching_moves_rows_apart():
    """Twice the scale is half the rate."""
    assert [row.at_s for row in stretch([Row(1, 1, 1), Row(2, 1, 1)], 2)] == [2, 4]


@given(timed, st.floats(0, 4), st.floats(0, 20), st.integers())
def test_multiplied_rows_stay_in_order_and_repeats_come_later(trace, volume, jitter_s, seed):
    """Each row is there floor or ceiling of `volume` times."""
    made = list(multiply(trace, volume, jitter_s, Random(seed)))
    assert [row.at_s for row in made] == sorted(row.at_s for row in made)
    assert int(volume) * len(trace) <= len(made) <= (int(volume) + 1) * len(trace)


def test_volume_is_right_on_average():
    """2.25 times the rows, within five standard deviations."""
    made = sum(1 for _ in multiply((Row(i, 1, 1) for i in range(10_000)), 2.25, 1, Random(1)))
    assert abs(made - 22_500) < 5 * (10_000 * 0.25 * 0.75) ** 0.5


def test_an_endless_trace_is_read_row_by_row():
    """Nothing reads ahead further than the jitter reaches."""
    taken = []

    def lines():
        yield "at_s,input_tokens,output_tokens\n"
        for at in count():
            taken.append(at)
            yield f"{at},1,1\n"

    first = list(islice(multiply(stretch(excerpt(parse_rows(lines(), "endless"), 5, 1e9), 1), 3, 2, Random(1)), 30))
    assert len(first) == 30
    assert len(taken) < 25
