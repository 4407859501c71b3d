# SPDX-License-Identifier: Apache-2.0
"""MAXIMUM and MINIMUM (TFLM's maximum_minimum, reference_ops::MaximumMinimumBroadcastSlow).

TFLM compares the bytes: both inputs and the output are taken to have the same scale and zero point.
"""

import numpy as np

from celosia.model.graph import Graph, Op

from .common import Inputs, int8_input, int8_output

__all__ = ["check", "maximum", "minimum"]


def check(graph: Graph, op: Op) -> None:
    """Raise ModelError for a MAXIMUM or MINIMUM whose tensors are not int8."""
    int8_input(graph, op, 0)
    int8_input(graph, op, 1)
    int8_output(graph, op)


def maximum(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """The larger of two int8 values, broadcast."""
    return _pick(graph, op, inputs, np.maximum)


def minimum(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """The smaller of two int8 values, broadcast."""
    return _pick(graph, op, inputs, np.minimum)


def _pick(graph: Graph, op: Op, inputs: Inputs, choose: np.ufunc) -> list[np.ndarray]:
    check(graph, op)
    first, second = inputs[0], inputs[1]
    assert first is not None
    assert second is not None
    return [choose(first, second)]
