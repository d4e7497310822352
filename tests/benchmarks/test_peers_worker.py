"""Facts about the process in which the peers run."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata

from benchmarks.peers_environment import ROOT


def test_every_question_gets_one_line_even_if_it_cannot_be_answered():
    """What a question does wrong is said to whoever asked, and the next one is answered."""
    questions = [{"what": "nothing"}, {"what": "load", "who": "nobody"}, {"what": "versions", "names": ["anyio"]}]
    ran = subprocess.run(
        [sys.executable, "-c", "from benchmarks.peers_worker import serve; serve()"],
        input="".join(json.dumps(each) + "\n" for each in questions),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=ROOT,
    )
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ["error" in answer for answer in answers] == [True, True, False]
    assert answers[2] == {"anyio": metadata.version("anyio")}
