# SPDX-License-Identifier: Apache-2.0
"""How fast networks run on a board: their cycles, divided by the clock that was built."""

from pathlib import Path
from typing import Any

from celosia import compiler
from celosia.arch.config import Config
from celosia.compiler.errors import CompileError
from celosia.model import load
from celosia.runtime.program import HostStep

from .errors import BuildError

__all__ = ["project"]


def project(folder: Path, config: Config, clock_hz: float) -> dict[str, dict[str, Any]]:
    """Inferences a second of every network in a folder that fits the core's own memories, by file name.

    The cycles are the compiler's prediction, which the gateware keeps exactly. They are the array's and the lanes'
    share: moving inputs and outputs over the serial line, and what the host computes, come on top. ``host`` lists
    the operators that the host computes.

    Raises
    ------
    BuildError
        There is no network in the folder.
    """
    paths = sorted(folder.glob("*.tflite"))
    if not paths:
        raise BuildError(f"{folder}: no .tflite file is there")
    result = {}
    for path in paths:
        try:
            program = compiler.compile(load(path), config)
        except CompileError:  # it does not fit, or has an operator that nobody computes
            continue
        operators = [i for step in program.steps if isinstance(step, HostStep) for i in step.ops]
        result[path.stem] = {
            "cycles": program.predicted,
            "inferences_per_second": round(clock_hz / program.predicted, 1) if program.predicted else 0.0,
            "host": sorted({program.layers[i].op for i in operators}),
        }
    return result
