"""Where scenarios are found."""

from __future__ import annotations

import pytest

from actorrouter.errors import InvalidConfig
from actorrouter.simulation.sweeps import find, find_all


def test_a_bare_name_is_one_of_the_catalogue(monkeypatch, tmp_path):
    """From anywhere; a file of that name goes first."""
    monkeypatch.chdir(tmp_path)
    assert find("stalls").name == "stalls.toml"
    (tmp_path / "stalls").write_text("")
    assert find("stalls").stat().st_size == 0


def test_a_folder_means_all_scenarios_in_it(tmp_path):
    """In order, each once; nothing means the catalogue."""
    for name in ("b.toml", "a.toml", "note.txt"):
        (tmp_path / name).write_text("")
    assert find_all([str(tmp_path), str(tmp_path / "a.toml")]) == [tmp_path / "a.toml", tmp_path / "b.toml"]
    assert "stalls.toml" in {each.name for each in find_all([])}


@pytest.mark.parametrize("said", ["nowhere", "nowhere.toml", "some/stalls"])
def test_what_is_not_there_is_told(said):
    """With the names that are."""
    with pytest.raises(InvalidConfig, match=r"no such file.*stalls"):
        find(said)


def test_an_empty_folder_is_a_mistake(tmp_path):
    """Nothing to play is not success."""
    with pytest.raises(InvalidConfig, match="no scenario in this folder"):
        find_all([str(tmp_path)])
