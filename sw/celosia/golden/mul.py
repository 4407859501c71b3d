# SPDX-License-Identifier: Apache-2.0
"""MUL (TFLM's mul_common, reference_integer_ops::MulElementwise)."""

from dataclasses import dataclass

import numpy as np

from celosia.model.attributes import Mul
from celosia.model.graph import Graph, Op

from .common import Inputs, UnsupportedOperator, int8_input, int8_output, multipliers
from .quantize import activation_range, requantize

__all__ = ["MulParameters", "mul", "parameters"]


@dataclass(frozen=True, kw_only=True)
class MulParameters:
    """The integers of a MUL: out = clamp(output_zero_point + MBQM((x1−zero_point1)·(x2−zero_point2)))."""

    zero_point1: int
    zero_point2: int
    multiplier: int
    exponent: int
    output_zero_point: int
    activation_min: int
    activation_max: int


def parameters(graph: Graph, op: Op) -> MulParameters:
    """Integer parameters of a MUL. Raises ModelError when `op` is none, or its tensors are not int8."""
    if not isinstance(op.attributes, Mul):
        raise UnsupportedOperator(f"{graph.describe(op)} is no MUL in a form that is supported")
    first, second, out = int8_input(graph, op, 0), int8_input(graph, op, 1), int8_output(graph, op)
    multiplier, exponent = multipliers(graph, op, first.scale * second.scale / out.scale)
    low, high = activation_range(op.attributes.activation, out.scale, out.zero_point)
    return MulParameters(
        zero_point1=first.zero_point,
        zero_point2=second.zero_point,
        multiplier=int(multiplier),
        exponent=int(exponent),
        output_zero_point=out.zero_point,
        activation_min=low,
        activation_max=high,
    )


def mul(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 · int8, broadcast, to int8."""
    p = parameters(graph, op)
    first, second = inputs[0], inputs[1]
    assert first is not None
    assert second is not None
    product = (first.astype(np.int32) - np.int32(p.zero_point1)) * (second.astype(np.int32) - np.int32(p.zero_point2))
    return [requantize(product, p.multiplier, p.exponent, p.output_zero_point, p.activation_min, p.activation_max)]
