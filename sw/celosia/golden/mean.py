# SPDX-License-Identifier: Apache-2.0
"""MEAN (TFLM's reduce_common, reference_ops::QuantizedMeanOrSum): 1/N is folded into the multiplier."""

from dataclasses import dataclass
from math import prod

import numpy as np

from celosia.model.attributes import Mean
from celosia.model.graph import Graph, Op

from .common import Inputs, UnsupportedOperator, int8_input, int8_output, multipliers
from .quantize import requantize, wrap_int32

__all__ = ["MeanParameters", "mean", "parameters"]


@dataclass(frozen=True, kw_only=True)
class MeanParameters:
    """The integers of a MEAN: out = clamp(output_zero_point + MBQM(Σx − count · input_zero_point)).

    Parameters
    ----------
    axes
        The reduced dimensions, not negative, ascending.
    count
        How many values make one mean.
    """

    axes: tuple[int, ...]
    count: int
    input_zero_point: int
    multiplier: int
    exponent: int
    output_zero_point: int


def parameters(graph: Graph, op: Op) -> MeanParameters:
    """Integer parameters of a MEAN. Raises ModelError when `op` is none, or its tensors are not int8."""
    axes_data = graph.constant(op, 1)
    if not isinstance(op.attributes, Mean) or axes_data is None:
        raise UnsupportedOperator(f"{graph.describe(op)} is no MEAN over constant axes: export fixed axes")
    data, out = int8_input(graph, op), int8_output(graph, op)
    axes = tuple(sorted({a % len(data.shape) for a in axes_data.reshape(-1).tolist()}))
    count = prod(data.shape[a] for a in axes)
    real, real_exponent = (int(v) for v in multipliers(graph, op, data.scale / out.scale))
    shift = min(count.bit_length() - 1, 32, 31 + real_exponent)
    return MeanParameters(
        axes=axes,
        count=count,
        input_zero_point=data.zero_point,
        multiplier=(real << shift) // count,
        exponent=real_exponent - shift,
        output_zero_point=out.zero_point,
    )


def mean(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 to int8, averaged over the axes in the second input."""
    p, data = parameters(graph, op), inputs[0]
    assert data is not None
    total = data.sum(axis=p.axes, dtype=np.int64) - p.count * p.input_zero_point
    out = requantize(wrap_int32(total), p.multiplier, p.exponent, p.output_zero_point)
    return [out.reshape(graph.output(op).shape)]
