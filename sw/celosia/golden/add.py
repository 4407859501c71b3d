# SPDX-License-Identifier: Apache-2.0
"""ADD and SUB (TFLM's add_common and sub_common, reference_integer_ops::AddElementwise).

Both inputs are brought to twice the larger of their scales with 20 more bits, added, and requantized.
"""

from dataclasses import dataclass

import numpy as np

from celosia.model.attributes import Add
from celosia.model.graph import Graph, Op

from .common import Inputs, UnsupportedOperator, int8_input, int8_output, multipliers
from .quantize import activation_range, multiply_by_quantized_multiplier, requantize

__all__ = ["LEFT_SHIFT", "AddParameters", "add", "parameters", "sub"]

LEFT_SHIFT = 20
"""Bits that both inputs are shifted left by before they are scaled."""


@dataclass(frozen=True, kw_only=True)
class AddParameters:
    """The integers of an ADD or SUB.

    s_i = MBQM((x_i − zero_point_i) << left_shift, multiplier_i, exponent_i)
    out = clamp(output_zero_point + MBQM(s_1 ± s_2, output_multiplier, output_exponent))
    """

    left_shift: int
    zero_point1: int
    multiplier1: int
    exponent1: int
    zero_point2: int
    multiplier2: int
    exponent2: int
    output_multiplier: int
    output_exponent: int
    output_zero_point: int
    activation_min: int
    activation_max: int


def parameters(graph: Graph, op: Op) -> AddParameters:
    """Integer parameters of an ADD or SUB.

    Raises
    ------
    ModelError
        `op` is neither, or its tensors are not int8.
    """
    if not isinstance(op.attributes, Add) or op.kind not in ("ADD", "SUB"):
        raise UnsupportedOperator(f"{graph.describe(op)} is no ADD or SUB in a form that is supported")
    first, second, out = int8_input(graph, op, 0), int8_input(graph, op, 1), int8_output(graph, op)
    twice = 2 * max(first.scale, second.scale)
    reals = [first.scale / twice, second.scale / twice, twice / ((1 << LEFT_SHIFT) * out.scale)]
    multiplier, exponent = multipliers(graph, op, reals)
    low, high = activation_range(op.attributes.activation, out.scale, out.zero_point)
    return AddParameters(
        left_shift=LEFT_SHIFT,
        zero_point1=first.zero_point,
        multiplier1=int(multiplier[0]),
        exponent1=int(exponent[0]),
        zero_point2=second.zero_point,
        multiplier2=int(multiplier[1]),
        exponent2=int(exponent[1]),
        output_multiplier=int(multiplier[2]),
        output_exponent=int(exponent[2]),
        output_zero_point=out.zero_point,
        activation_min=low,
        activation_max=high,
    )


def add(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 + int8, broadcast, to int8."""
    return _combine(graph, op, inputs, 1)


def sub(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 − int8, broadcast, to int8."""
    return _combine(graph, op, inputs, -1)


def _combine(graph: Graph, op: Op, inputs: Inputs, sign: int) -> list[np.ndarray]:
    p = parameters(graph, op)
    first, second = inputs[0], inputs[1]
    assert first is not None
    assert second is not None
    left = _scaled(first, p.zero_point1, p.multiplier1, p.exponent1)
    right = _scaled(second, p.zero_point2, p.multiplier2, p.exponent2)
    total = left + np.int32(sign) * right
    return [
        requantize(
            total,
            p.output_multiplier,
            p.output_exponent,
            p.output_zero_point,
            p.activation_min,
            p.activation_max,
        )
    ]


def _scaled(x: np.ndarray, zero_point: int, multiplier: int, exponent: int) -> np.ndarray:
    shifted = (x.astype(np.int32) - np.int32(zero_point)) << LEFT_SHIFT
    return multiply_by_quantized_multiplier(shifted, multiplier, exponent)
