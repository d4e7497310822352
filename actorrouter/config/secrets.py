"""Where secrets come from: an environment variable or a file, never the configuration's own text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from actorrouter.config.faults import Misfit
from actorrouter.values import Secret

SECRET_BYTES_MAX: Final = 65_536
_ADVICE: Final = "secrets are given as env:NAME or file:PATH"
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")


@attrs.frozen
class SecretReader:
    """Reads references. `directory`: what a relative `file:` path starts from. Faults name a variable, no value."""

    environ: Mapping[str, str] = attrs.field(repr=False)
    directory: Path

    def secret(self, reference: object) -> Secret:
        """The secret behind `env:NAME` or `file:PATH`."""
        if not isinstance(reference, str) or not reference.startswith(("env:", "file:")):
            raise Misfit(_ADVICE)
        try:
            return Secret(self.text(reference))
        except Misfit:
            raise
        except ValueError as error:
            raise Misfit(f"{error}, and what the reference names is not") from None

    def text(self, reference: str) -> str:
        """What a reference names; text that is no reference is itself."""
        how, _, name = reference.partition(":")
        if how == "env":
            return self._variable(name)
        return self._file(name) if how == "file" else reference

    def _variable(self, name: str) -> str:
        if not _VARIABLE.fullmatch(name):
            raise Misfit(f"{_ADVICE}; what follows env: is not a variable's name")
        if not self.environ.get(name):
            raise Misfit(f"the environment variable {name} is {'empty' if name in self.environ else 'not set'}")
        return self.environ[name]

    def _file(self, name: str) -> str:
        try:
            with (self.directory / name).open("rb") as file:
                content = file.read(SECRET_BYTES_MAX + 1).decode()
        except OSError as error:
            raise Misfit(f"the secret's file cannot be read: {error.strerror or 'it is no file'}".lower()) from None
        except ValueError:
            raise Misfit("the secret's file cannot be read: it is not UTF-8 text, or its path is no path") from None
        if not content.strip() or len(content) > SECRET_BYTES_MAX:
            raise Misfit(f"the secret's file is {'too large' if content.strip() else 'empty'}")
        return content.removesuffix("\n").removesuffix("\r")
