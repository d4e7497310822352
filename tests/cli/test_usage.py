"""What a person meets first: help, what was typed wrong, whether the configuration is right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actorrouter.cli import main
from tests.cli.commands import CONFIG, process


@pytest.mark.parametrize(
    "command",
    [
        *(
            "check",
            "call",
            "quote",
            "serve",
            "status",
            "tree",
            "explain",
            "drain",
            "keys",
            "circuit",
            "provider",
            "plan",
        ),
        *("keys clear", "keys disable", "keys test", "keys remove", "circuit reset", "circuit isolate"),
        *("provider revive", "simulate", "sweep", "compare", ""),
    ],
)
def test_every_command_explains_itself_with_an_example(cli, command):
    """--help prints what a command is for, an example of it and the exit codes."""
    code, printed, complained = cli(*command.split(), "--help")
    assert (code, complained) == (0, "")
    assert f"Example: actorrouter {command}" in " ".join(printed.split())
    assert "Exit codes: 0 ok" in printed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("chek",), 'Unknown command "chek"'),
        (("check",), "requires an argument"),
        (("check", "router.toml", "--loud"), "Unknown option: --loud"),
        (("status",), "which router?"),
        (("keys", "clear", "k1"), "KEY is missing"),
        (("explain", "--socket", "x.sock", "first"), "must be a whole number"),
        (("call", "router.toml", "chat"), "say what"),
        (("call", "router.toml", "chat", "--strem"), "unknown option '--strem'"),
        (("call", "router.toml", "chat", "hi", "--wait", "soon"), "Invalid value"),
        (("call", "router.toml", "chat", "hi", "--wait", "nan"), "--wait must be"),
        (("call", "router.toml", "chat", "hi", "--body", "b.json"), "not both"),
        (("call", "router.toml", "chat", "--body", "absent.json"), "cannot be read: no such file"),
        (("serve", "router.toml", "--backend", "curio"), "Invalid value"),
    ],
)
def test_what_was_typed_wrong_is_one_message(cli, arguments, words):
    """A command line that asks for nothing possible: exit code 2 and a line that says why."""
    code, printed, complained = cli(*arguments)
    assert (code, printed) == (2, "")
    assert complained.startswith("actorrouter: ")
    assert words in complained


def test_the_version_is_the_package_s(cli):
    """--version prints it."""
    from actorrouter import __version__

    assert cli("--version") == (0, f"{__version__}\n", "")


def test_without_the_extra_it_says_what_to_install():
    """Where cyclopts is missing: one line with the command that mends it, exit code 2."""
    code = "import sys; sys.modules['cyclopts'] = None; from actorrouter.cli import main; sys.exit(main(['--help']))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr.count("\n") == 1
    assert 'pip install "actorrouter[cli]"' in ran.stderr


def test_check_prints_what_is_in_force(cli, config):
    """A right configuration is printed with its defaults, each secret redacted; with --quiet nothing is."""
    code, printed, _ = cli("check", config)
    assert code == 0
    assert 'secret = "<secret>"' in printed
    assert "lease_s = 60" in printed
    assert cli("check", config, "--quiet") == (0, "", "")


def test_check_prints_every_fault(cli, tmp_path):
    """Each fault is a line on stderr; exit code 2."""
    (tmp_path / "r.toml").write_text(CONFIG.format(port=1).replace('"sim"', '"smi"', 1).replace("500", '"many"'))
    code, printed, complained = cli("check", tmp_path / "r.toml")
    assert (code, printed) == (2, "")
    assert "keys.k1.provider: no such provider; did you mean sim?" in complained
    assert "keys.k1.secret: the environment variable CLI_KEY is not set" in complained
    assert "pools.org.limits[0].amount: expected a number, got text" in complained


def test_check_looks_at_adapters_too(cli, config, tmp_path):
    """A table of the user's own is looked for beside the configuration, and its faults are told; exit code 2."""
    text = Path(config).read_text().replace("[providers.sim]", '[providers.sim]\nadapter = "file:own.toml"', 1)
    Path(config).write_text(text)
    (tmp_path / "own.toml").write_text('chat_pth = "/chat"')
    code, printed, complained = cli("check", config)
    assert (code, printed) == (2, "")
    assert "own.toml: chat_pth: unknown field; did you mean chat_path?" in complained
    (tmp_path / "own.toml").write_text('chat_path = "/chat"')
    assert cli("check", config, "--quiet")[0] == 0


@pytest.mark.parametrize("command", [("check",), ("tree",), ("status",), ("call", "chat", "hi"), ("serve",)])
def test_a_missing_file_is_one_message(cli, tmp_path, command):
    """No file: exit code 2, whatever was asked."""
    code, printed, complained = cli(command[0], tmp_path / "absent.toml", *command[1:])
    assert (code, printed) == (2, "")
    assert "cannot be read: no such file or directory" in complained


def test_a_reader_that_has_seen_enough_is_no_fault(config):
    """Output into a closed pipe ends the command without a traceback."""
    with process("check", config) as running:
        running.stdout.close()
        assert running.stderr.read() == ""
        assert running.wait(30) == 1


def test_demo_hands_its_options_on(monkeypatch):
    """Everything after `demo` is the demo's own, --help included, and its exit code is ours."""
    heard = []

    def demo(options):
        heard.extend(options)
        return 130

    monkeypatch.setattr("actorrouter.demo.main", demo)
    assert main(["demo", "--rows", "5", "--help"]) == 130
    assert heard == ["--rows", "5", "--help"]
