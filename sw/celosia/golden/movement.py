# SPDX-License-Identifier: Apache-2.0
"""Operators that move values without changing them: RESHAPE, TRANSPOSE, PAD, CONCATENATION.

TFLM's int8 kernels copy bytes: they never rescale, whatever the tensors' scales.
"""

import numpy as np

from celosia.model.attributes import Concatenation
from celosia.model.graph import Graph, Op

from .common import Inputs, UnsupportedOperator, int8_output

__all__ = ["concatenation", "pad", "reshape", "transpose"]


def reshape(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """The same values in the output tensor's shape."""
    data = inputs[0]
    assert data is not None
    return [data.reshape(graph.output(op).shape)]


def transpose(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """Dimensions in the order that the second input gives."""
    data, order = inputs[0], inputs[1]
    assert data is not None
    assert order is not None
    return [np.ascontiguousarray(data.transpose(order.reshape(-1).tolist()))]


def pad(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """Values of the output's zero point around the data, as many as the second input, (rank, 2), says."""
    data, padding = inputs[0], inputs[1]
    assert data is not None
    assert padding is not None
    zero_point = int8_output(graph, op).zero_point
    return [np.pad(data, padding.tolist(), constant_values=zero_point)]


def concatenation(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """The inputs one after the other along an axis. Raises UnsupportedOperator for a fused activation."""
    attributes = op.attributes
    assert isinstance(attributes, Concatenation)
    if attributes.activation != "NONE":
        raise UnsupportedOperator(
            f"{graph.describe(op)} has a fused {attributes.activation}: export it as an operator of its own"
        )
    return [np.concatenate([x for x in inputs if x is not None], axis=attributes.axis)]
