"""The page on rehearsals says all that may be said, and nothing else; its example holds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest

from actorrouter.simulation.workloads.config import Kind, SizeKind, SizesConfig, WorkloadConfig
from actorrouter.simulation.world import scenario
from actorrouter.simulation.world.rehearse import rehearse
from actorrouter.simulation.world.scenario import TroubleConfig, TroubleKind, load_scenario

DOCS = Path(__file__).parents[3] / "docs"


def table_under(heading: str) -> dict[str, str]:
    """The rows of the table under a heading: the first column without its back quotes -> the rest."""
    text = (DOCS / "rehearsal.md").read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"no heading {heading!r}"
    return dict(re.findall(r"^\| `([^`]+)` (\|.*)$", found[1], re.MULTILINE))


@pytest.mark.parametrize(
    ("heading", "cls"),
    [
        ("Scenario", scenario._Own),
        ("WorkloadConfig", WorkloadConfig),
        ("SizesConfig", SizesConfig),
        ("TroubleConfig", TroubleConfig),
    ],
)
def test_every_field_has_its_row_and_its_default(heading: str, cls: Any) -> None:
    """In the order of the class; a plain default is the one told."""
    rows, fields = table_under(heading), attrs.fields(cls)
    assert list(rows) == [field.name for field in fields]
    for field in fields:
        told = rows[field.name].split("|")[1].strip()
        assert (told == "required") == (field.default is attrs.NOTHING), field.name
        if isinstance(field.default, (bool, int, float, str)) and field.default != "":
            assert told.strip("`") == _text(field.default), field.name


def _text(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


@pytest.mark.parametrize(
    ("heading", "words"),
    [("Kinds of workloads", Kind), ("Kinds of sizes", SizeKind), ("Kinds of trouble", TroubleKind)],
)
def test_every_word_has_its_row(heading: str, words: Any) -> None:
    """And no row is about a word that there is not."""
    assert set(table_under(heading)) == set(get_args(words))


def test_every_table_of_the_file_has_its_row() -> None:
    """Beside the fields of the scenario itself."""
    assert set(table_under("Tables")) == scenario._TABLES
    assert set(table_under("Scenario")) == scenario._OWN == {field.name for field in attrs.fields(scenario._Own)}


def test_the_epoch_told_is_the_one_there_is() -> None:
    """Without an `epoch` of its own."""
    assert scenario.EPOCH.isoformat() in table_under("Scenario")["epoch"]


@pytest.mark.parametrize("path", ["fast", "full"])
def test_the_page_s_storm_holds(path: Any) -> None:
    """As it stands, on both paths."""
    ending = rehearse(load_scenario(DOCS / "storm.toml"), path=path)
    assert ending.holds, (ending.violations, ending.broken)
    assert ending.figures["crashes"] > 0
    assert ending.figures["rejected.outage"] > 0
