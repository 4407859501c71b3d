# SPDX-License-Identifier: Apache-2.0
"""From a component to Verilog that simulates fast.

Amaranth's own Verilog keeps every intermediate signal and case statement; Yosys' clean-up folds them, and
Verilator then runs an array 5 times as fast. The steps keep the meaning exactly: initial values, resets,
enables, memories (``tests/sim`` compares the result with Amaranth's simulator).
"""

import itertools
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from amaranth.back import rtlil  # type: ignore[attr-defined] # which the stubs leave out
from amaranth.lib import wiring

from ..errors import SimulatorError

__all__ = ["FLAT", "HIERARCHICAL", "TOP", "WRITE", "both_edges", "clean_verilog", "fold_memory_init", "to_rtlil"]

TOP = "top"
"""Name of the module."""

WRITE = "write_verilog -noattr yosys.v"

FLAT = (
    "proc", "flatten", "opt_expr", "opt_clean", "opt_merge", "opt_dff", "opt_merge", "wreduce", "peepopt", "opt_expr",
    "opt_merge", "opt_clean", "splitnets -driver", "opt_clean -purge", WRITE,
)  # fmt: skip
"""Yosys commands for the fastest simulation: one module, duplicates merged, names of wires mostly lost."""

HIERARCHICAL = ("proc", "opt_expr", "opt_dff", WRITE)
"""Yosys commands for waveforms: every module and every named signal stays."""

_RUN_YOSYS = """
import sys
from pyosys import libyosys
design = libyosys.Design()
for command in sys.argv[1:]:
    libyosys.run_pass(command, design)
"""


def to_rtlil(component: wiring.Component) -> str:
    """The component as RTLIL text, without source locations, so that equal hardware gives equal text.

    Its module is called :data:`TOP`; its ports are the component's members, ``clk`` and ``rst``.
    """
    return rtlil.convert(component, name=TOP, emit_src=False)


def clean_verilog(rtlil_text: str, folder: Path, passes: Iterable[str] = FLAT) -> Path:
    """Write cleaned Verilog of a design to ``folder / "top.v"``.

    Parameters
    ----------
    rtlil_text:
        What :func:`to_rtlil` made.
    folder:
        An existing folder; intermediate files go there too.
    passes:
        Yosys commands to run on it, the last of them :data:`WRITE`.

    Raises
    ------
    SimulatorError
        When Yosys rejects the design. It runs in a process of its own, which keeps its log off the terminal.
    """
    source, verilog = folder / "top.il", folder / "top.v"
    source.write_text(rtlil_text)
    commands = ("read_rtlil top.il", *passes)
    done = subprocess.run(
        [sys.executable, "-c", _RUN_YOSYS, *commands], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise SimulatorError(f"Yosys could not clean the netlist: {lines[-1] if lines else 'no message'}")
    with open(folder / "yosys.v") as lines, open(verilog, "w") as out:
        out.writelines(fold_memory_init(lines))
    return verilog


def both_edges(text: str) -> str:
    """Verilog that takes every change of ``clk`` as its edge, so that a cycle is one evaluation instead of two."""
    return text.replace("@(posedge clk)", "@(posedge clk, negedge clk)")


_INIT = re.compile(r"    (\S+ ?)\[(\d+)\] = (\d+'\w+);\n")


def fold_memory_init(lines: Iterable[str]) -> Iterator[str]:
    """Shorten ``initial`` blocks: runs of memory words with equal values become a loop.

    Yosys writes one assignment a word; a megabyte of zeros would take Verilator and the compiler minutes.

    Parameters
    ----------
    lines:
        Verilog as Yosys writes it, with line ends.
    """

    def kind(numbered: tuple[int, str]) -> tuple[object, ...]:
        number, line = numbered
        match = _INIT.fullmatch(line)
        return (match[1], match[3], int(match[2]) - number) if match else (None, None, None)

    for (memory, value, _), group in itertools.groupby(enumerate(lines), kind):
        run = [line for _, line in group]
        if memory is None or len(run) < 4:
            yield from run
            continue
        first = int(_INIT.fullmatch(run[0])[2])  # type: ignore[index]
        yield f"    for (int i = {first}; i < {first + len(run)}; i = i + 1) {memory}[i] = {value};\n"
