"""Facts about the project as a whole: what its files may say, what an import costs, what is documented."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

import actorrouter

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "actorrouter"
REQUIREMENTS = [
    ROOT / "requirements.txt",
    ROOT / "scripts" / "requirements-node.txt",
    ROOT / "scripts" / "requirements-uv.txt",
    ROOT / "benchmarks" / "requirements-peers.txt",
]
HEAVY = ("trio", "cyclopts", "rich", "httpx", "httpx2", "uvloop")
MADE = {
    ".git",
    ".venv",
    ".venv-peers",
    "bench-results",
    ".aimock",
    ".mypy_cache",
    ".ruff_cache",
    ".hypothesis",
    ".import_linter_cache",
    "__pycache__",
    "dist",
}
PATHS = re.compile(r"/(?:root|home|Users|work|opt|mnt)/\w")
INDEXES = re.compile(r"https?://[\w.-]*(?:pypi|pythonhosted|artifactory|nexus|devpi|simple/)", re.IGNORECASE)


def files():
    """Every text file of the project, without what is made from it."""
    for path in sorted(ROOT.rglob("*")):
        if path.is_file() and not MADE.intersection(path.relative_to(ROOT).parts):
            yield path


def modules():
    """Every module of the package, without running any `__main__`."""
    found = pkgutil.walk_packages([str(PACKAGE)], "actorrouter.")
    return ["actorrouter", *(module.name for module in found if not module.name.endswith("__main__"))]


# ------------------------------------------------------------------------------------------------------ what files say


def test_no_file_names_a_machine_s_path_or_a_package_index():
    """What is written here is true on every machine; where packages come from is the installer's choice."""
    found = []
    for path in files():
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if path != Path(__file__):
            found += [f"{path.relative_to(ROOT)}: {hit[0]}" for rule in (PATHS, INDEXES) for hit in rule.finditer(text)]
    assert found == []


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_every_requirement_is_pinned_with_hashes(path):
    """Each package has one exact version and at least one SHA-256; no option, host or path stands in the file."""
    lines = [line for line in path.read_text().replace("\\\n", " ").splitlines() if line.strip()]
    required = [line for line in lines if not line.lstrip().startswith("#")]
    assert required
    for line in required:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [^:]+)?(\s+--hash=sha256:[0-9a-f]{64})+\s*", line), line[:80]
    assert "://" not in path.read_text()


def test_requirements_have_what_pyproject_asks_for():
    """Every dependency and every extra's is pinned: nobody forgot `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    names = {re.split(r"[\[><=~;! ]", each)[0] for each in asked} - {"actorrouter"}
    pinned = set(re.findall(r"^([a-z0-9-]+)==", REQUIREMENTS[0].read_text(), re.MULTILINE))
    assert names <= pinned


def test_the_version_is_written_once():
    """`actorrouter.__version__` is where it stands; the package's metadata is made from it."""
    assert metadata.version("actorrouter") == actorrouter.__version__
    written = [
        path.relative_to(ROOT)
        for path in PACKAGE.rglob("*.py")
        if re.search("^__version__", path.read_text(), re.MULTILINE)
    ]
    assert written == [Path("actorrouter/version.py")]
    assert "version" not in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_scripts_can_be_run():
    """Every script is executable and says in its first line by what."""
    for path in [*(ROOT / "scripts").iterdir(), ROOT / ".ci" / "run"]:
        if path.suffix != ".txt":
            assert path.stat().st_mode & 0o111, path
            assert path.read_text().startswith("#!/"), path


def test_every_make_target_is_explained():
    """`make help` has a line for each target."""
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True).stdout
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"demo", "test", "bench", "lint", "fix", "clean", "help"} <= set(targets)
    assert re.findall(r"^  make (\w+) +\S", told, re.MULTILINE) == targets


# ------------------------------------------------------------------------------------------------------- what code does


def test_importing_it_brings_nothing_heavy():
    """All of its names together load no HTTP client, no other event loop and nothing of the command line."""
    code = f"import sys; from actorrouter import *; print(*[name for name in {HEAVY} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == []


def test_a_router_brings_no_dialect():
    """`open_router` alone imports nothing that translates or continues, and no provider's rules."""
    code = "import sys; from actorrouter import open_router; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    rooms = [name.split(".", 2)[1:] for name in ran.stdout.split() if name.startswith("actorrouter.")]
    assert not [rest for room, *rest in rooms if room == "dialects" and rest]
    assert {rest[0] for room, *rest in rooms if room == "adapters" and rest} == {"port", "translating", "wire"}


def test_names_are_imported_when_they_are_used():
    """`import actorrouter` brings nothing along; a name brings what it needs; what is no name is said to be none."""
    code = "import sys, actorrouter; print(*sys.modules); actorrouter.Secret; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    before, after = (set(line.split()) for line in ran.stdout.splitlines())
    assert not {"anyio", "attrs", "asyncio", "actorrouter.values"} & before
    assert "actorrouter.values" in after
    assert not {"anyio", "actorrouter.config", "actorrouter.router"} & after
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        actorrouter.nothing  # noqa: B018


def test_the_command_line_starts_without_a_client():
    """The command line is loaded without any HTTP client or trio: help is quick."""
    code = "import sys; from actorrouter.cli import main; main(['--version']); print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not {"trio", "httpx", "httpx2", "uvloop", "actorrouter.demo"}.intersection(ran.stdout.split())


@pytest.mark.parametrize("name", actorrouter.__all__)
def test_public_names_say_what_they_promise(name):
    """Every public class and function has a docstring of its own, and so have its public methods."""
    public = getattr(actorrouter, name)
    if not inspect.isclass(public) and not inspect.isfunction(public):
        return
    assert own_doc(public), name
    if inspect.isclass(public):
        for member, value in vars(public).items():
            if not member.startswith("_") and inspect.isfunction(value):
                assert own_doc(value), f"{name}.{member}"


def own_doc(thing):
    doc = vars(thing).get("__doc__") if inspect.isclass(thing) else thing.__doc__
    return doc and not doc.startswith("Method generated by attrs") and not doc.startswith(f"{thing.__name__}(")


@pytest.mark.parametrize("name", modules())
def test_every_module_says_what_it_is(name):
    """Each module begins with what it promises; a package that is only a folder has nothing in it."""
    module = importlib.import_module(name)
    assert module.__doc__ or not Path(str(module.__file__)).read_text()


def test_it_is_typed():
    """py.typed stands in the one package that is installed, for all rooms below it."""
    assert (PACKAGE / "py.typed").exists()
    built = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert built["packages"] == ["actorrouter"]


def test_the_public_names_are_sorted_and_there():
    """`__all__` names what exists, in order, once."""
    assert list(actorrouter.__all__) == sorted(set(actorrouter.__all__))
    assert [name for name in actorrouter.__all__ if not hasattr(actorrouter, name)] == []
