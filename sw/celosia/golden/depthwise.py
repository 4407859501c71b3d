# SPDX-License-Identifier: Apache-2.0
"""DEPTHWISE_CONV_2D (TFLM's reference_integer_ops::DepthwiseConvPerChannel)."""

import numpy as np

from celosia.model.attributes import DepthwiseConv2D
from celosia.model.graph import Graph, Op

from .common import Inputs
from .conv import parameters
from .window import Window

__all__ = ["depthwise_conv_2d"]


def depthwise_conv_2d(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """NHWC int8 data and (1, kh, kw, C·m) int8 filters to NHWC int8.

    Output channel c·m + i comes from input channel c. Sums are int32 and wrap.
    """
    attributes, p = op.attributes, parameters(graph, op)
    data, weights = inputs[0], inputs[1]
    assert isinstance(attributes, DepthwiseConv2D)
    assert data is not None
    assert weights is not None
    out_shape = graph.output(op).shape
    window = Window(attributes, data.shape[1:3], weights.shape[1:3], (p.pad_top, p.pad_left), out_shape[1:3])
    centred = data.astype(np.int32) - np.int32(p.input_zero_point)
    if attributes.depth_multiplier > 1:
        centred = centred.repeat(attributes.depth_multiplier, axis=3)
    wide = weights.astype(np.int32)
    sums = np.broadcast_to(p.bias, out_shape).astype(np.int32)
    for tap in window.taps():
        sums[tap.outputs] += centred[tap.inputs] * wide[0, tap.y, tap.x]
    return [p.requantize(sums)]
