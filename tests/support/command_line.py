# SPDX-License-Identifier: Apache-2.0
"""The command line as a user meets it: arguments in; exit status, stdout and stderr out."""

import json
from dataclasses import dataclass
from typing import Any

import pytest

from celosia.cli.main import main

__all__ = ["Outcome", "command"]


@dataclass
class Outcome:
    """What a command did."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout."""
        assert self.out.count("\n") == 1
        return json.loads(self.out)

    def complaint(self) -> str:
        """The one line on stderr of a command that found its input at fault."""
        assert (self.status, self.out) == (2, "")
        assert self.err.startswith("celosia: ")
        assert self.err.count("\n") == 1
        assert self.err.endswith("\n")
        return self.err


def command(capfd: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    """Run `celosia` with arguments in this process; stdout and stderr are those of the process."""
    capfd.readouterr()
    status = main([str(argument) for argument in arguments])
    return Outcome(status, *capfd.readouterr())
