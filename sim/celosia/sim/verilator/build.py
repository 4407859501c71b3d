# SPDX-License-Identifier: Apache-2.0
"""A shared object that simulates a component, built once and kept."""

import concurrent.futures
import hashlib
import importlib.metadata
import importlib.resources
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from amaranth.lib import wiring

from celosia.arch.config import Config
from celosia.arch.registers import Control, Register

from ..memory import MAX_BEATS, MAX_BURSTS
from ..simulated import PATIENCE
from . import netlist
from .compiler import Compiler, find_compiler, find_verilator, run
from .loops import roll

__all__ = ["build", "cache_folder"]

_VERILATE = (
    "--cc", "--no-timing", "-O3", "--x-assign", "fast", "--x-initial", "fast", "--assert", "-Wno-fatal", "-Wno-lint",
    "--no-assert-case", "--output-split", "60000", "--output-split-cfuncs", "5000",
    "--unroll-count", "1", "--fslice-element-limit", "1",
    "--top-module", netlist.TOP, "--prefix", "Vtop", "--Mdir", "model",
)  # fmt: skip
_COMPILE = ("-std=gnu++17", "-fPIC", "-fvisibility=hidden", "-w", "-pthread", "-include", "hooks.hpp")
_FAST = ("-O3", "-fno-tree-pre", "-include", "arithmetic.hpp")  # what PRE keeps from one branch to another, it spills
_SLOW, _HARNESS = ("-O0",), ("-O2",)
_RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
_SOURCES = ("hooks.hpp", "arithmetic.hpp", "common.hpp", "assertions.hpp")
_CORE_HARNESS = ("control.hpp", "memory.hpp", "harness.cpp")
_ROLLED = ("netlist.py", "flat_verilog.py", "shapes.py", "loops.py")
_JOBS = 2


def cache_folder() -> Path:
    """Where built simulators are kept: ``CELOSIA_CACHE``, or the user's cache folder of this system."""
    return Path(os.environ.get("CELOSIA_CACHE") or platformdirs.user_cache_path("celosia")) / "verilator"


def build(
    config: Config,
    make: Callable[[], wiring.Component],
    *,
    fingerprint: str | None = None,
    wave: bool = False,
    harness: Mapping[str, str] | None = None,
    what: str = "core",
    report: Callable[[str], None] | None = None,
) -> Path:
    """The shared object that simulates a component, from the cache or built now.

    The key is a hash of the hardware (RTLIL), the harness, the flags, and the versions of every tool. Processes
    that build the same thing at once do not disturb each other: each works in a folder of its own, and the result
    appears under its final name at once and complete.

    Parameters
    ----------
    config:
        Gives the width of the component's buses.
    make:
        Makes the component, with the members that the harness drives (its own: those of
        :class:`celosia.gateware.core.Core`); called only when needed.
    fingerprint:
        Stands for the component: a build with the same one is taken without making the component at all.
    wave:
        Whether it can write waveforms (several times slower, even when it does not).
    harness:
        Sources of another harness by file name: ``ports.hpp``, ``harness.cpp`` and whatever they include.
    what:
        What is simulated, for ``report``.
    report:
        Called with a few words about each step that takes long.

    Raises
    ------
    SimulatorError
        When a tool is missing or fails.
    """
    plan = _plan(wave, harness or _core_harness(config, wave))
    folder = cache_folder()
    link = None if fingerprint is None else folder / f"{plan.key(fingerprint)}.link"
    if link is not None and link.exists() and (library := folder / link.read_text()).exists():
        return library
    if report is not None:
        report(f"elaborating the {what}")
    rtlil = netlist.to_rtlil(make())
    library = folder / f"{plan.key(rtlil)}.so"
    if not library.exists():
        if report is not None:
            report("building the simulator, once for this configuration")
        with _scratch(folder) as scratch:
            os.replace(_build(plan, rtlil, scratch), library)
    if link is not None:
        with _scratch(folder) as scratch:
            (scratch / "link").write_text(library.name)
            os.replace(scratch / "link", link)
    return library


@dataclass(frozen=True)
class _Plan:
    """Everything that decides the result but the hardware itself."""

    root: Path
    compiler: Compiler
    native: tuple[str, ...]
    machine: str
    passes: tuple[str, ...]
    rolled: bool
    verilate: tuple[str, ...]
    runtime: tuple[str, ...]
    sources: dict[str, str]

    @property
    def tools(self) -> tuple[str, ...]:
        """What identifies Verilator and the compiler."""
        header = (self.root / "include" / "verilated_config.h").read_text()
        return (_hash(header), *self.compiler.command, self.compiler.identity)

    def key(self, hardware: str) -> str:
        yosys = f"pyosys {importlib.metadata.version('pyosys')}"
        parts = (*self.passes, *self.verilate, *self.runtime, *self.sources.values(), *self.tools, yosys)
        rolled = [_source(name) for name in _ROLLED] if self.rolled else []
        return _hash(hardware, *parts, *rolled, *_COMPILE, *_FAST, *_SLOW, *_HARNESS, *self.native, self.machine)


def _plan(wave: bool, harness: Mapping[str, str]) -> _Plan:
    compiler = find_compiler()
    native, machine = compiler.native()
    return _Plan(
        root=find_verilator(),
        compiler=compiler,
        native=native,
        machine=machine,
        passes=netlist.HIERARCHICAL if wave else netlist.FLAT,
        rolled=not wave,
        verilate=(*_VERILATE, "--trace-vcd") if wave else _VERILATE,
        runtime=(*_RUNTIME, "verilated_vcd_c.cpp") if wave else _RUNTIME,
        sources={name: _source(name) for name in _SOURCES} | dict(harness),
    )


def _build(plan: _Plan, rtlil: str, scratch: Path) -> Path:
    """Build in an empty folder; the shared object's path. The compiler starts while Yosys still runs."""
    with concurrent.futures.ThreadPoolExecutor(_JOBS) as pool:
        for name, text in plan.sources.items():
            (scratch / name).write_text(text)
        runtime = [pool.submit(_runtime, plan, scratch, name) for name in plan.runtime]
        verilog = netlist.clean_verilog(rtlil, scratch, plan.passes)
        if plan.rolled:
            verilog.write_text(netlist.both_edges(roll(verilog.read_text())))
        verilator = str(plan.root / "bin" / "verilator_bin")
        run([verilator, *plan.verilate, "top.v"], scratch, "Verilator", {"VERILATOR_ROOT": str(plan.root)})
        objects = [pool.submit(_compile, plan, scratch, *unit) for unit in _units(plan, scratch)]
        done = [future.result() for future in (*objects, *runtime)]
    run([*plan.compiler.command, "-shared", "-pthread", "-o", "core.so", *done], scratch, "the linker")
    return scratch / "core.so"


# --- what goes into it ---


def _source(name: str) -> str:
    return importlib.resources.files("celosia.sim.verilator").joinpath(name).read_text()


def _core_harness(config: Config, wave: bool) -> dict[str, str]:
    return {name: _source(name) for name in _CORE_HARNESS} | {"ports.hpp": _ports(config, wave)}


def _ports(config: Config, wave: bool) -> str:
    """The header that tells the harness about the core; Verilator escapes ``__`` and reserved words."""
    return f"""#pragma once
#include <cstdint>
#include "Vtop.h"
#define CELOSIA_WAVE {int(wave)}
#define CONTROL(name) control___05F##name
#define MEMORY(name) memory___05F##name
#define INTERRUPT __SYM__interrupt
namespace celosia {{
using Model = Vtop;
constexpr unsigned kBusBytes = {config.bus_bytes};
constexpr uint64_t kControlRegister = {Register.CONTROL:#x};
constexpr uint32_t kControlStart = {Control.START:#x};
constexpr uint64_t kPatience = {PATIENCE};
constexpr unsigned kMaxBursts = {MAX_BURSTS}, kMaxBeats = {MAX_BEATS};
}}
"""


def _hash(*parts: str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:".encode() + part.encode())
    return digest.hexdigest()[:32]


# --- steps ---


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A new folder inside ``folder``, gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="building-", dir=folder))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _units(plan: _Plan, scratch: Path) -> list[tuple[str, tuple[str, ...]]]:
    """Translation units and their own flags, the longest to compile first.

    Headers cost most of a small unit's time, so everything that runs once is one unit.
    """
    model = sorted((scratch / "model").glob("*.cpp"), key=lambda path: -path.stat().st_size)
    slow = [path for path in model if "__Slow" in path.name or "__Syms" in path.name or "__Trace" in path.name]
    (scratch / "slow.cpp").write_text("".join(f'#include "model/{path.name}"\n' for path in slow))
    fast = [(f"model/{path.name}", (*_FAST, *plan.native)) for path in model if path not in slow]
    return [*fast, ("slow.cpp", _SLOW), ("harness.cpp", _HARNESS)]


def _compile(plan: _Plan, scratch: Path, source: str, flags: tuple[str, ...]) -> str:
    """Compile one unit; the object's path."""
    target = f"{Path(source).stem}.o"
    includes = ("-I.", "-Imodel", f"-I{plan.root / 'include'}", f"-I{plan.root / 'include' / 'vltstd'}")
    command = [*plan.compiler.command, *_COMPILE, *flags, *includes, "-c", source, "-o", target]
    run(command, scratch, f"compiling {Path(source).name}")
    return target


def _runtime(plan: _Plan, scratch: Path, name: str) -> str:
    """One object of Verilator's run time, the same for every design: from the cache or compiled now."""
    key = _hash(name, _source("hooks.hpp"), *plan.tools, *_COMPILE)
    kept = scratch.parent / f"{Path(name).stem}-{key}.o"
    if not kept.exists():
        built = _compile(plan, scratch, str(plan.root / "include" / name), ("-O1",))
        os.replace(scratch / built, kept)
    return str(kept)
