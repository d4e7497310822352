"""Every example runs as a program of its own, against the tutorial's provider and fleet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.test_docs import ADDRESS, ROOT, simulated, workshop

EXAMPLES = ROOT / "examples"
LINES_MAX = 40
RUN_MAX_S = 60.0  # on a busy machine an SDK alone takes seconds to import

PRINTS = {
    "anthropic_sdk.py": ["word word word word word", "answered with 5 tokens"],
    "embed.py": ["word word", "chosen: a1; it succeeded"],
    "generic_api.py": ["3 units asked, 3 used, status 200", "4 units asked, 4 used, status 200"],
    "google_genai.py": ["word word word word word", "answered: word word word word word"],
    "langchain_model.py": ["word word word word word"],
    "mistral_sdk.py": ["word word word word word"],
    "observers.py": ["key_disabled", "1 Granted", "1 Settled"],
    "openai_sdk.py": ["word word word word word", "answered: word word word word word"],
    "own_request.py": ["a1 answered 200, 20 tokens"],
    "own_task_group.py": ["answered 200", "drained: True"],
    "plain_httpx.py": ["200 a1 None", "429 None 3"],
    "pydantic_ai_agent.py": ["word word word word word"],
    "refreshing_secret.py": ["answered 200 after 2 secrets"],
    "stream.py": ["data: [DONE]", "used: {'input_tokens': 1, 'output_tokens': 30, 'tokens': 31}"],
    "synchronous.py": ["first free in 0.0 s", "answered 200"],
}
"""What each must print, among other things."""


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with simulated(tmp_path_factory.mktemp("provider")) as address:
        yield address


def test_every_example_is_here() -> None:
    """No example is left out, and none is longer than a screen."""
    found = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in EXAMPLES.glob("*.py")}
    assert set(found) == set(PRINTS)
    assert max(found.values()) <= LINES_MAX


@pytest.mark.parametrize("name", PRINTS)
def test_examples_run(name: str, provider: str, tmp_path: Path) -> None:
    """It exits with 0 and prints what it is there to show."""
    described = EXAMPLES / name.replace(".py", ".toml")
    with workshop(tmp_path, provider) as environ:
        if described.exists():
            own = described.read_text(encoding="utf-8").replace(ADDRESS, provider)
            (tmp_path / "fleet.toml").write_text(own, encoding="utf-8")
        command = [sys.executable, str(EXAMPLES / name), "fleet.toml"]
        ended = subprocess.run(
            command, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=RUN_MAX_S, check=False
        )
    assert ended.returncode == 0, ended.stderr
    for words in PRINTS[name]:
        assert words in ended.stdout
