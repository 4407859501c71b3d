# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite for Microcontrollers' interpreter: where the reference bits come from."""

from collections.abc import Sequence

import numpy as np
from tflite_micro.python.tflite_micro.runtime import Interpreter

from celosia.model import Graph
from celosia.model.tflite_writer import serialize

__all__ = ["Reference", "run_reference"]


class Reference:
    """One model in TFLM. `arena` is its working memory in bytes."""

    def __init__(self, data: bytes, arena: int = 1 << 20):
        self._interpreter = Interpreter.from_bytes(data, arena_size=arena)

    def __call__(self, inputs: Sequence[np.ndarray], outputs: int = 1) -> list[np.ndarray]:
        for position, value in enumerate(inputs):
            self._interpreter.set_input(value, position)
        self._interpreter.invoke()
        return [self._interpreter.get_output(i).copy() for i in range(outputs)]


def run_reference(graph: Graph, inputs: Sequence[np.ndarray], arena: int = 1 << 20) -> list[np.ndarray]:
    """Write `graph`, run it in TFLM, return its outputs."""
    return Reference(serialize(graph), arena)(inputs, len(graph.outputs))
