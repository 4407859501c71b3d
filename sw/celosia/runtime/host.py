# SPDX-License-Identifier: Apache-2.0
"""The operators that the host computes, with the golden model's bits."""

import time

import numpy as np

from celosia.golden import evaluate

from .program import HostStep, Program

__all__ = ["run_host_step"]


def run_host_step(program: Program, step: HostStep, values: dict[int, np.ndarray]) -> dict[int, float]:
    """Compute a step's operators from ``values`` (by root tensor) into it; seconds by operator."""
    seconds: dict[int, float] = {}
    for index in step.ops:
        op = program.graph.ops[index]
        began = time.perf_counter()
        wanted = [i for i in op.inputs if i >= 0 and program.graph.tensors[i].data is None]
        outputs = evaluate(program.graph, op, {i: program.value(values, i) for i in wanted})
        values.update(zip(op.outputs, outputs, strict=True))
        seconds[index] = time.perf_counter() - began
    return seconds
