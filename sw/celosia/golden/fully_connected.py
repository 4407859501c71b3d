# SPDX-License-Identifier: Apache-2.0
"""FULLY_CONNECTED (TFLM's reference_integer_ops::FullyConnected and FullyConnectedPerChannel)."""

import numpy as np

from celosia.model.graph import Graph, Op

from .common import Inputs
from .conv import exact_matmul, parameters

__all__ = ["fully_connected"]


def fully_connected(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """Any int8 data, taken as rows of K, and (N, K) int8 weights to int8 of the output tensor's shape."""
    p = parameters(graph, op)
    data, weights = inputs[0], inputs[1]
    assert data is not None
    assert weights is not None
    matrix = (weights.astype(np.int16) - np.int16(p.filter_zero_point)).T
    offset = matrix.astype(np.int64).sum(axis=0) * p.input_zero_point
    sums = exact_matmul(data.reshape(-1, weights.shape[1]), matrix) + (p.bias.astype(np.int64) - offset)
    return [p.requantize(sums).reshape(graph.output(op).shape)]
