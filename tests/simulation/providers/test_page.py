"""The page on simulated providers says all that may be said, and nothing else."""

import re
from pathlib import Path
from typing import Any, get_args

import attrs
import pytest

from actorrouter.simulation.providers import config

PAGE = Path(__file__).parents[3] / "docs" / "simulated-providers.md"


def table_under(heading: str) -> dict[str, str]:
    """The rows of the table under a heading: the first column without its back quotes -> the rest."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"no heading {heading!r}"
    return dict(re.findall(r"^\| `([^`]+)` (\|.*)$", found[1], re.MULTILINE))


@pytest.mark.parametrize("cls", [
    config.ProviderConfig,
    config.KeyConfig,
    config.ScopeConfig,
    config.LimitConfig,
    config.PriceConfig,
    config.HeadersConfig,
    config.ServiceConfig,
    config.FaultConfig,
])  # fmt: skip
def test_every_field_has_its_row_and_its_default(cls: Any) -> None:
    """In the order of the class; a plain default is the one told."""
    rows, fields = table_under(cls.__name__), attrs.fields(cls)
    assert list(rows) == [field.name for field in fields]
    for field in fields:
        told = rows[field.name].split("|")[1].strip()
        assert (told == "required") == (field.default is attrs.NOTHING), field.name
        if isinstance(field.default, (bool, int, float, str)):
            assert told.strip("`") == _text(field.default), field.name


def _text(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return f"{default:g}" if isinstance(default, float) else str(default)


@pytest.mark.parametrize(("heading", "words"), [
    ("Shapes", config.Shape),
    ("Charges", config.Charge),
    ("Codes", config.Code),
    ("Kinds of faults", config.FaultKind),
])  # fmt: skip
def test_every_word_has_its_row(heading: str, words: Any) -> None:
    """And no row is about a word that there is not."""
    assert set(table_under(heading)) == set(get_args(words))


@pytest.mark.parametrize(("heading", "field", "words"), [
    ("LimitConfig", "dimension", config.Dimension),
    ("HeadersConfig", "dialect", config.Dialect),
    ("ProviderConfig", "retry_after", config.RetryAfter),
    ("FaultConfig", "how", config.How),
])  # fmt: skip
def test_short_lists_of_words_are_whole(heading: str, field: str, words: Any) -> None:
    """Each of them stands in the row of its field."""
    row = table_under(heading)[field]
    assert all(f"`{word}`" in row for word in get_args(words))
