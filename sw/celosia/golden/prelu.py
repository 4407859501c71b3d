# SPDX-License-Identifier: Apache-2.0
"""PRELU and LEAKY_RELU (TFLM's prelu_common and leaky_relu_common).

    out = clamp(zero_out + MBQM(x − zero_in, multiplier, exponent))                  where x ≥ zero_in
    out = clamp(zero_out + MBQM((x − zero_in) · alpha, alpha_multiplier, alpha_exponent))  elsewhere

with alpha a tensor in PRELU (reference_ops::BroadcastPrelu4DSlow), and 1 in LEAKY_RELU, whose alpha is in the
multiplier (reference_ops::QuantizeLeakyRelu).
"""

from dataclasses import dataclass

import numpy as np

from celosia.model.attributes import LeakyRelu
from celosia.model.graph import Graph, Op

from .common import Inputs, UnsupportedOperator, int8_input, int8_output, multipliers
from .quantize import requantize

__all__ = ["PreluParameters", "leaky_relu", "parameters", "prelu"]


@dataclass(frozen=True, kw_only=True)
class PreluParameters:
    """The integers of a PRELU or LEAKY_RELU.

    `alpha_multiplier` is negative where a LEAKY_RELU's alpha is; `alpha_zero_point` is a PRELU's.
    """

    input_zero_point: int
    multiplier: int
    exponent: int
    alpha_zero_point: int
    alpha_multiplier: int
    alpha_exponent: int
    output_zero_point: int


def parameters(graph: Graph, op: Op) -> PreluParameters:
    """Integer parameters of a PRELU or LEAKY_RELU.

    PRELU computes its multipliers in double precision, LEAKY_RELU in float32.

    Raises
    ------
    ModelError
        `op` is neither, or its tensors are not int8.
    """
    data, out = int8_input(graph, op), int8_output(graph, op)
    alpha_zero_point, sign = 0, 1
    if op.kind == "PRELU":
        alpha = int8_input(graph, op, 1)
        alpha_zero_point = alpha.zero_point
        reals = (data.scale / out.scale, data.scale * alpha.scale / out.scale)
    elif isinstance(op.attributes, LeakyRelu):
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            scale, slope, out_scale = (np.float32(v) for v in (data.scale, op.attributes.alpha, out.scale))
            negative = float(scale * slope / out_scale)
            reals = (float(scale / out_scale), abs(negative))
        sign = -1 if negative < 0 else 1
    else:
        raise UnsupportedOperator(f"{graph.describe(op)} is no PRELU or LEAKY_RELU in a form that is supported")
    multiplier, exponent = multipliers(graph, op, reals)
    return PreluParameters(
        input_zero_point=data.zero_point,
        multiplier=int(multiplier[0]),
        exponent=int(exponent[0]),
        alpha_zero_point=alpha_zero_point,
        alpha_multiplier=sign * int(multiplier[1]),
        alpha_exponent=int(exponent[1]),
        output_zero_point=out.zero_point,
    )


def prelu(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 to int8, with int8 alphas, broadcast: one a channel, usually."""
    p, alpha = parameters(graph, op), inputs[1]
    assert alpha is not None
    return _combine(p, inputs[0], alpha.astype(np.int32) - np.int32(p.alpha_zero_point))


def leaky_relu(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 to int8 of the same shape."""
    return _combine(parameters(graph, op), inputs[0], np.int32(1))


def _combine(p: PreluParameters, data: np.ndarray | None, alpha: np.ndarray | np.int32) -> list[np.ndarray]:
    assert data is not None
    centred = data.astype(np.int32) - np.int32(p.input_zero_point)
    positive = requantize(centred, p.multiplier, p.exponent, p.output_zero_point)
    negative = requantize(centred * alpha, p.alpha_multiplier, p.alpha_exponent, p.output_zero_point)
    return [np.where(centred >= 0, positive, negative)]
