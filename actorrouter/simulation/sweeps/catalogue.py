"""Where scenarios are: by path, or by the bare name of one that came with the source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import actorrouter
from actorrouter.errors import InvalidConfig

CATALOGUE: Final = Path(actorrouter.__file__).parent.parent / "simulations"


def find(said: str) -> Path:
    """The file meant: a path, else `simulations/NAME.toml` of the source checkout. Raises InvalidConfig."""
    path = Path(said)
    if path.is_file():
        return path
    shipped = CATALOGUE / f"{said}.toml"
    if "/" not in said and shipped.is_file():
        return _near(shipped)
    known = ", ".join(each.stem for each in sorted(CATALOGUE.glob("*.toml"))) or "none"
    raise InvalidConfig([f"no such file, and no scenario of that name (known: {known})"], said)


def find_all(said: Sequence[str]) -> list[Path]:
    """The files meant: of a folder all its scenarios; of nothing the whole catalogue. Raises InvalidConfig."""
    found: list[Path] = []
    for each in said or [str(_near(CATALOGUE))]:
        inside = sorted(Path(each).glob("*.toml")) if Path(each).is_dir() else [find(each)]
        if not inside:
            raise InvalidConfig(["there is no scenario in this folder"], each)
        found += inside
    if not found:
        raise InvalidConfig(["there is no scenario"], str(CATALOGUE))
    return list(dict.fromkeys(found))


def _near(path: Path) -> Path:
    """As it is called from here."""
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
