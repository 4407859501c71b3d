# SPDX-License-Identifier: Apache-2.0
"""QUANTIZE from int8 to int8, RELU and RELU6 (TFLM's quantize_common and activations_common)."""

from dataclasses import dataclass

import numpy as np

from celosia.model.graph import Graph, Op

from .common import Inputs, UnsupportedOperator, int8_input, int8_output, multipliers
from .quantize import INT8_MAX, INT8_MIN, activation_range, requantize

__all__ = ["RequantizeParameters", "parameters", "requantize_op"]


@dataclass(frozen=True, kw_only=True)
class RequantizeParameters:
    """The integers of a QUANTIZE, RELU or RELU6: out = clamp(output_zero_point + MBQM(x − input_zero_point)).

    `multiplier` is None where TFLM only clamps (RELU6).
    """

    input_zero_point: int
    multiplier: int | None
    exponent: int
    output_zero_point: int
    activation_min: int
    activation_max: int


def parameters(graph: Graph, op: Op) -> RequantizeParameters:
    """Integer parameters of a QUANTIZE, RELU or RELU6.

    RELU divides the scales in float32, QUANTIZE in double precision. RELU6 takes its limits from the input.

    Raises
    ------
    ModelError
        `op` is none of them, or its tensors are not int8.
    """
    data, out = int8_input(graph, op), int8_output(graph, op)
    if op.kind == "RELU6":
        low, high = activation_range("RELU6", data.scale, data.zero_point)
        return RequantizeParameters(
            input_zero_point=data.zero_point,
            multiplier=None,
            exponent=0,
            output_zero_point=out.zero_point,
            activation_min=low,
            activation_max=high,
        )
    if op.kind == "RELU":
        with np.errstate(over="ignore", under="ignore"):
            real = float(np.float32(data.scale) / np.float32(out.scale))
        low, high = activation_range("RELU", out.scale, out.zero_point)
    elif op.kind == "QUANTIZE":
        real, low, high = data.scale / out.scale, INT8_MIN, INT8_MAX
    else:
        raise UnsupportedOperator(f"{graph.describe(op)} is no QUANTIZE, RELU or RELU6")
    multiplier, exponent = multipliers(graph, op, real)
    return RequantizeParameters(
        input_zero_point=data.zero_point,
        multiplier=int(multiplier),
        exponent=int(exponent),
        output_zero_point=out.zero_point,
        activation_min=low,
        activation_max=high,
    )


def requantize_op(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 to int8 of the same shape."""
    p, data = parameters(graph, op), inputs[0]
    assert data is not None
    if p.multiplier is None:
        return [np.clip(data, p.activation_min, p.activation_max).astype(np.int8)]
    difference = data.astype(np.int32) - np.int32(p.input_zero_point)
    return [requantize(difference, p.multiplier, p.exponent, p.output_zero_point, p.activation_min, p.activation_max)]
