# SPDX-License-Identifier: Apache-2.0
"""Running a tool and watching what it says."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from .errors import BuildError
from .tools import TOOLS

__all__ = ["run_tool"]

LAST_LINES = 3
"""Of a failed tool's output, where it names no error."""


def run_tool(
    name: str, arguments: list[str], folder: Path, log: Path, watch: Callable[[str], None] | None = None
) -> None:
    """Run a tool in a folder, keep all it says in a file, and hand every line to `watch` as it comes.

    The tools in WebAssembly see a /tmp of their own, so `arguments` name files relative to `folder`.

    Raises
    ------
    BuildError
        It is not installed, or it fails: the message has the error it reports and the log's path.
        Whatever `watch` raises ends the tool and is passed on.
    """
    environment = {key: value for key, value in os.environ.items() if key != "YOWASP_MOUNT"}
    command = TOOLS[name].command(*arguments)
    with open(log, "w", encoding="utf-8", buffering=1) as file:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        assert process.stdout is not None
        try:
            for line in process.stdout:
                file.write(line)
                if watch is not None:
                    watch(line.rstrip())
        except BaseException:
            process.kill()
            raise
        finally:
            process.stdout.close()
            status = process.wait()
    if status:
        raise BuildError(f"{name} failed: {_error(log)} (all of it: {log})")


def _error(log: Path) -> str:
    """The first error in a log, or its last lines."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
    errors = [line for line in lines if line.upper().startswith("ERROR")]
    return errors[0] if errors else " / ".join(lines[-LAST_LINES:]) or "it says nothing"
