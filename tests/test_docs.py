"""Whatever the documentation shows is run: programs, recipes, configurations and links, against a simulated provider.

A block that calls `anyio.run` or opens a blocking router is a program and runs by itself. Any other ```python block
stands inside an open router, called `router`; its fleet is docs/fleet.toml with the ```toml blocks of its section put
over it. Blocks of a section share names, and those before the first section are run first. ```text after a block is
what it prints, `...` standing for anything. `python sigint`: Ctrl-C is pressed while it runs.
"""

from __future__ import annotations

import ast
import doctest
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import threading
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

import actorrouter.config
from actorrouter import Call, Reply, RouterConfig, errors, events, open_router
from actorrouter.adapters.profiles import shipped
from actorrouter.config.bounds import BOUNDS, TEN_YEARS_S, WORDS
from actorrouter.config.file import loads, structure
from actorrouter.observe.log import _NAMES
from actorrouter.router.control import COMMANDS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [page for page in [ROOT / "README.md", *sorted(DOCS.glob("*.md"))] if page.exists()]
ADDRESS = "127.0.0.1:8091"
BLOCK_MAX_S = 9.0
_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@attrs.frozen
class Block:
    """One fenced block. `printed`: what the ```text block right after it says it prints."""

    language: str
    mark: str
    text: str
    printed: str | None

    @property
    def is_program(self) -> bool:
        return "anyio.run(" in self.text or "open_router_blocking(" in self.text


@attrs.frozen
class Section:
    """A heading of the second level and the blocks under it; the preamble has no heading."""

    page: str
    heading: str
    blocks: tuple[Block, ...]

    def of(self, language: str) -> list[Block]:
        return [block for block in self.blocks if block.language == language]


def blocks_in(text: str) -> Iterator[Block]:
    fences = list(_FENCE.finditer(text))
    for fence, following in zip_longest(fences, fences[1:]):
        printed = None
        if following and following[1] == "text" and not text[fence.end() : following.start()].strip():
            printed = following[3]
        yield Block(fence[1], fence[2].strip(), fence[3], printed)


def sections_of(page: Path) -> list[Section]:
    parts = re.split(r"^## (.*)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    headings = ["", *parts[1::2]]
    return [
        Section(page.name, heading, tuple(blocks_in(text))) for heading, text in zip(headings, parts[0::2], strict=True)
    ]


def _named(section: Section) -> str:
    return f"{section.page}:{section.heading or 'preamble'}"


SECTIONS = [section for page in PAGES for section in sections_of(page)]
RUNNABLE = [section for section in SECTIONS if section.of("python")]
ON_BOTH = [
    (section, backend)
    for section in RUNNABLE
    for backend in (["asyncio"] if any(b.is_program for b in section.of("python")) else ["asyncio", "trio"])
]
WITH_TOML = [section for section in SECTIONS if section.of("toml")]

# ------------------------------------------------------------------------------------------------------------ the world


@contextmanager
def simulated(directory: Path) -> Iterator[str]:
    """The tutorial's provider on a free port, started by the tutorial's command. Gives its address."""
    described = (DOCS / "provider.toml").read_text(encoding="utf-8").replace("port = 8091", "port = 0")
    (directory / "provider.toml").write_text(described, encoding="utf-8")
    command = [sys.executable, "-m", "actorrouter.simulation.providers.server", "provider.toml", "--exit-with-stdin"]
    with subprocess.Popen(command, cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_environ()) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        ready = json.loads(run.stdout.readline())
        yield f"127.0.0.1:{ready['ports']['sim']}"
        run.stdin.close()


def _environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}


def exported() -> dict[str, str]:
    """What the tutorial tells to export."""
    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    return dict(pair.split("=") for line in re.findall(r"^export (.+)$", text, re.MULTILINE) for pair in line.split())


@contextmanager
def workshop(directory: Path, address: str) -> Iterator[dict[str, str]]:
    """A directory with fleet.toml in it, and a provider that has forgotten everything. Gives the environment."""
    ask = urllib.request.Request(f"http://{address}/__reset", method="POST")
    with urllib.request.urlopen(ask, timeout=5):  # noqa: S310 - loopback
        pass
    fleet = (DOCS / "fleet.toml").read_text(encoding="utf-8").replace(ADDRESS, address)
    (directory / "fleet.toml").write_text(fleet, encoding="utf-8")
    yield {**_environ(), **exported()}


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulated(tmp_path_factory.mktemp("provider")) as address:
        yield address


@pytest.fixture
def here(provider: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A reader's directory, current and with the environment set."""
    with workshop(tmp_path, provider) as environ:
        monkeypatch.chdir(tmp_path)
        for name, text in environ.items():
            monkeypatch.setenv(name, text)
        for name in _variables():
            if name not in environ:
                monkeypatch.setenv(name, "http://127.0.0.1:9" if "PROXY" in name else "put-by-the-tests")
        yield tmp_path


def _variables() -> set[str]:
    return {name for page in PAGES for name in re.findall(r"env:(\w+)", page.read_text(encoding="utf-8"))}


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Tables put over tables; everything else is replaced."""
    both = {
        name: merged(below[name], above[name]) for name in below.keys() & above.keys() if _tables(below, above, name)
    }
    return {**below, **above, **both}


def _tables(below: dict[str, Any], above: dict[str, Any], name: str) -> bool:
    return isinstance(below[name], dict) and isinstance(above[name], dict)


def fleet_of(section: Section, address: str) -> RouterConfig:
    """docs/fleet.toml with the section's ```toml blocks over it."""
    tree = tomllib.loads(Path("fleet.toml").read_text(encoding="utf-8"))
    for block in section.of("toml"):
        tree = merged(tree, tomllib.loads(block.text.replace(ADDRESS, address)))
    return structure(tree)


# ------------------------------------------------------------------------------------------------------------ the tests


@pytest.mark.parametrize(
    ("section", "backend"), ON_BOTH, ids=[f"{_named(section)}-{backend}" for section, backend in ON_BOTH]
)
def test_python_blocks_run(
    section: Section, backend: str, here: Path, provider: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every ```python block runs as it stands and prints what it says."""
    preamble = next(each for each in SECTIONS if each.page == section.page)
    earlier = () if preamble is section else preamble.of("python")
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in [*earlier, *section.of("python")]:
        with workshop(here, provider):
            _run(block, names, fleet_of(section, provider), backend)
        printed = capsys.readouterr().out
        if block.printed is not None:
            flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
            same = doctest.OutputChecker().check_output(block.printed, printed, flags)
            assert same, f"says:\n{block.printed}\nprints:\n{printed}"


def _run(block: Block, names: dict[str, Any], fleet: RouterConfig, backend: str) -> None:
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code = compile(block.text, "<block>", "exec", flags=flags, dont_inherit=True)
    pressed = threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT))
    if block.mark == "sigint":
        pressed.start()
    try:
        if block.is_program:
            exec(code, names)  # noqa: S102 - it is our own page
        else:
            anyio.run(_inside, code, names, fleet, backend=backend)
    finally:
        pressed.cancel()


async def _inside(code: Any, names: dict[str, Any], fleet: RouterConfig) -> None:
    with anyio.fail_after(BLOCK_MAX_S):
        async with open_router(fleet) as names["router"]:
            started = eval(code, names)  # noqa: S307 - it is our own page
            if inspect.isawaitable(started):
                await started


@pytest.mark.parametrize("section", WITH_TOML, ids=_named)
def test_toml_blocks_load(section: Section, here: Path, provider: str) -> None:
    """Every ```toml block loads, put over docs/fleet.toml."""
    assert fleet_of(section, provider).routes


def test_the_tutorial_shows_the_whole_fleet() -> None:
    """What the tutorial calls the whole file is docs/fleet.toml."""
    assert (DOCS / "fleet.toml").read_text(encoding="utf-8") in (DOCS / "tutorial.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link names a file that exists, and a heading in it."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), link


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


# -------------------------------------------------------------------------------------------------------- the reference

REFERENCE = DOCS / "reference.md"
CLASSES = [cls for cls in vars(actorrouter.config).values() if isinstance(cls, type) and attrs.has(cls)]


def _table_under(heading: str) -> dict[str, list[str]]:
    """The rows of the first table under a heading: the first column without its back quotes -> the other cells."""
    text = REFERENCE.read_text(encoding="utf-8")
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.DOTALL | re.MULTILINE)
    assert found, f"no heading {heading!r}"
    rows = [line.strip("|").split(" | ") for line in found[1].splitlines() if line.startswith("| `")]
    return {row[0].strip(" `"): [cell.strip() for cell in row[1:]] for row in rows}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_reference_has_every_setting(cls: type) -> None:
    """Every field of every configuration class stands in its table, with its default, bounds and words."""
    rows = _table_under(cls.__name__)
    fields = {field.name: field for field in attrs.fields(cls)}
    assert list(rows) == list(fields)
    for name, field in fields.items():
        default, may_be = rows[name][:2]
        assert default == _default_text(field), name
        assert _bounds_text(cls, name) in may_be, name
        for word in WORDS.get(cls, {}).get(name, ()):
            assert f"`{word}`" in may_be, name


def _default_text(field: attrs.Attribute[Any]) -> str:
    default: Any = field.default
    if default is attrs.NOTHING:
        return "required"
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
        return "none" if default.factory is dict else "see right"
    if default in (None, (), ""):
        return "none"
    if attrs.has(type(default)):
        return "see its table"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return f"`{json.dumps(default)}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def _bounds_text(cls: type, name: str) -> str:
    bounds = BOUNDS.get(cls, {}).get(name)
    if bounds is None:
        return ""
    high = "10 years" if bounds.high == TEN_YEARS_S else _count_text(bounds.high)
    low = "-10 years" if bounds.low == -TEN_YEARS_S else _count_text(bounds.low)
    return f"above {low}, to {high}" if bounds.above else f"{low} to {high}"


def _count_text(number: float) -> str:
    power = len(str(number)) - 1
    return f"10^{power}" if power > 4 and number == 10**power else str(number)


def test_the_reference_has_every_field_of_a_call() -> None:
    """Each with its default."""
    rows = {name: cells for names, cells in _table_under("Call").items() for name in re.findall(r"\w+", names)}
    fields = {field.name: field.default for field in attrs.fields(Call)}  # type: ignore[arg-type] # a value is an attrs class
    assert rows.keys() == fields.keys()
    for name, default in fields.items():
        empty = isinstance(default, attrs.Factory) or default == frozenset()  # type: ignore[arg-type]
        told = "required" if default is attrs.NOTHING else "empty" if empty else f"`{_spelled(default)}`"
        assert rows[name][0] == told, name


def _spelled(default: object) -> str:
    return default if isinstance(default, str) and default else repr(default).replace("'", '"')


def test_the_reference_has_every_field_of_a_reply() -> None:
    """And every method."""
    told = {name for names in _table_under("Reply") for name in re.findall(r"\w+", names)}
    known = {name for name in vars(Reply) if not name.startswith("_")} | {"status", "headers"}
    assert told - {"async", "for", "chunk", "in", "reply"} == known


def test_the_reference_has_every_error() -> None:
    """Every error a caller can meet stands in the reference."""
    known = {name for name, cls in vars(errors).items() if isinstance(cls, type) and issubclass(cls, Exception)}
    assert known == set(_table_under("Errors"))


def test_the_reference_has_every_event() -> None:
    """Every event stands in the reference under the name the log gives it, with its level."""
    rows = _table_under("Events")
    assert set(rows) == {kind.__name__ for kind in _event_kinds()}
    for kind, (name, level) in _NAMES.items():
        assert rows[kind.__name__][:2] == [f"`{name}`", _LEVELS[level]]


_LEVELS = {10: "debug", 20: "info", 30: "warning", 40: "error"}


def _event_kinds() -> list[type]:
    return [cls for cls in vars(events).values() if isinstance(cls, type) and cls.__module__ == events.__name__]


def test_the_reference_has_every_control_command() -> None:
    """Every command of the control socket stands in the reference."""
    assert set(_table_under("Commands of the control socket")) == set(COMMANDS)


def test_the_reference_has_every_status_field(here: Path) -> None:
    """Every field of a status stands in the reference, and nothing else does."""
    text = Path("fleet.toml").read_text(encoding="utf-8") + "[budgets.all]\nusd = 1\n"
    text = text.replace('"sim-model" }', '"sim-model", price = { free = true } }')

    async def look() -> dict[str, Any]:
        async with open_router(loads(text)) as router:
            return router.status()

    status = anyio.run(look)
    shown = {name: status[name] for name in status if not isinstance(status[name], dict)}
    assert set(_table_under("Status")) == {*shown, *_members(status)}


def _members(status: dict[str, Any]) -> Iterator[str]:
    for section in ("providers", "pools", "keys", "budgets", "estimates", "routes"):
        member = next(iter(status[section].values()))
        for name, held in member.items():
            inside = f"{section}.*.{name}"
            yield inside
            if name == "limits":
                yield from (f"{inside}[].{part}" for part in held[0])


def test_the_reference_tells_the_default_charge() -> None:
    """The OpenAI adapter's default charge modes are the ones the reference tells."""
    rows = _table_under("Charge modes of the openai adapter")
    assert {dimension: cells[0].strip("`") for dimension, cells in rows.items()} == dict(shipped("openai").charge)
