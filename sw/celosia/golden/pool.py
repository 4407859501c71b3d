# SPDX-License-Identifier: Apache-2.0
"""AVERAGE_POOL_2D and MAX_POOL_2D (TFLM's reference_integer_ops::AveragePool and MaxPool).

Pixels outside the image count neither in the sum, nor in the divisor, nor in the maximum.
"""

from dataclasses import dataclass

import numpy as np

from celosia.model.attributes import Pool2D
from celosia.model.graph import Graph, Op, window_padding

from .common import Inputs, UnsupportedOperator, int8_input, int8_output
from .quantize import INT8_MIN, activation_range
from .window import Window

__all__ = ["PoolParameters", "average_pool_2d", "max_pool_2d", "parameters"]


@dataclass(frozen=True, kw_only=True)
class PoolParameters:
    """The integers of a pooling operator: padding in pixels, and the limits of the output."""

    pad_top: int
    pad_bottom: int
    pad_left: int
    pad_right: int
    activation_min: int
    activation_max: int


def parameters(graph: Graph, op: Op) -> PoolParameters:
    """Integer parameters of a pooling operator.

    Raises
    ------
    ModelError
        `op` is none, its tensors are not int8.
    """
    if not isinstance(op.attributes, Pool2D):
        raise UnsupportedOperator(f"{graph.describe(op)} is no pooling in a form that is supported")
    int8_input(graph, op)
    out = int8_output(graph, op)
    low, high = activation_range(op.attributes.activation, out.scale, out.zero_point)
    top, bottom, left, right = window_padding(graph, op)
    return PoolParameters(
        pad_top=top,
        pad_bottom=bottom,
        pad_left=left,
        pad_right=right,
        activation_min=low,
        activation_max=high,
    )


def _window(graph: Graph, op: Op, p: PoolParameters) -> Window:
    attributes = op.attributes
    assert isinstance(attributes, Pool2D)
    kernel = (attributes.filter_h, attributes.filter_w)
    image, out = int8_input(graph, op).shape[1:3], graph.output(op).shape[1:3]
    return Window(attributes, image, kernel, (p.pad_top, p.pad_left), out)


def average_pool_2d(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """NHWC int8 to NHWC int8: the sum over the window divided by its pixels, halves away from zero.

    The zero point stays in the sum: input and output have the same scale and zero point.
    """
    p, data = parameters(graph, op), inputs[0]
    assert data is not None
    window, wide = _window(graph, op, p), data.astype(np.int32)
    total = np.zeros(graph.output(op).shape, np.int32)
    for tap in window.taps():
        total[tap.outputs] += wide[tap.inputs]
    count = window.counts()
    mean = np.sign(total) * ((np.abs(total) + count // 2) // count)
    return [np.clip(mean, p.activation_min, p.activation_max).astype(np.int8)]


def max_pool_2d(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """NHWC int8 to NHWC int8: the largest value under the window."""
    p, data = parameters(graph, op), inputs[0]
    assert data is not None
    largest = np.full(graph.output(op).shape, INT8_MIN, np.int8)
    for tap in _window(graph, op, p).taps():
        seen = largest[tap.outputs]
        np.maximum(seen, data[tap.inputs], out=seen)
    return [np.clip(largest, p.activation_min, p.activation_max).astype(np.int8)]
