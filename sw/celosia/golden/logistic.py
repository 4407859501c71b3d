# SPDX-License-Identifier: Apache-2.0
"""LOGISTIC and TANH, int8 to int8 (TFLM's logistic_common and tanh, reference_integer_ops::Logistic and Tanh)."""

from dataclasses import dataclass

import numpy as np

from celosia.model.errors import ModelError
from celosia.model.graph import Graph, Op

from . import fixed_point
from .common import Inputs, UnsupportedOperator, int8_input, int8_output
from .quantize import (
    INT8_MAX,
    INT8_MIN,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    rounding_divide_by_pot,
)

__all__ = ["LogisticParameters", "logistic", "parameters", "tanh"]

_INPUT_BITS = 4  # integer bits of the function's argument
_ALL_SATURATED = float(1 << 30)  # a multiplier from which on no value lies inside the radius
_LOGISTIC_SHIFT = 31 - 8  # the output's scale is 1/256
_TANH_SHIFT = 31 - 7  # the output's scale is 1/128


@dataclass(frozen=True, kw_only=True)
class LogisticParameters:
    """The integers of a LOGISTIC or TANH.

    Parameters
    ----------
    input_zero_point
        −128 … 127.
    multiplier, exponent
        The argument, with 4 integer bits, is MBQM(x − input_zero_point, multiplier, exponent).
    radius
        Where |x − input_zero_point| reaches it, the output is the end of int8's range.
    """

    input_zero_point: int
    multiplier: int
    exponent: int
    radius: int


def parameters(graph: Graph, op: Op) -> LogisticParameters:
    """Integer parameters of a LOGISTIC or TANH (TFLM's CalculateArithmeticOpData, TFLite's CalculateInputRadius).

    TFLM takes the output's scale to be 1/256 or 1/128, and TANH's zero point 0, without a look.

    Raises
    ------
    ModelError
        `op` is neither, its tensors are not int8, or a LOGISTIC's output does not have zero point −128.
    """
    if op.kind not in ("LOGISTIC", "TANH"):
        raise UnsupportedOperator(f"{graph.describe(op)} is no LOGISTIC or TANH")
    data, out = int8_input(graph, op), int8_output(graph, op)
    if op.kind == "LOGISTIC" and out.zero_point != INT8_MIN:
        raise ModelError(
            f"{graph.describe(op)} has output zero point {out.zero_point} where TFLite has −128: "
            f"quantize the network again"
        )
    real = min(data.scale * (1 << (31 - _INPUT_BITS)), _ALL_SATURATED)
    multiplier, exponent = quantize_multiplier(real)
    if real < 1:
        raise ModelError(f"{graph.describe(op)} has input scale {data.scale}, too small: quantize the network again")
    limit = ((1 << _INPUT_BITS) - 1) << (31 - _INPUT_BITS)
    return LogisticParameters(
        input_zero_point=data.zero_point,
        multiplier=multiplier,
        exponent=exponent,
        radius=limit >> exponent,
    )


def logistic(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 of any shape to int8: 1 / (1 + exp(−x)), scaled by 256, less 128."""
    p = parameters(graph, op)
    argument, difference = _argument(p, inputs)
    value = rounding_divide_by_pot(fixed_point.logistic(argument, _INPUT_BITS), _LOGISTIC_SHIFT) + INT8_MIN
    return [_saturated(p, value, difference)]


def tanh(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 of any shape to int8: tanh(x), scaled by 128."""
    p = parameters(graph, op)
    argument, difference = _argument(p, inputs)
    value = rounding_divide_by_pot(fixed_point.tanh(argument, _INPUT_BITS), _TANH_SHIFT)
    return [_saturated(p, value, difference)]


def _argument(p: LogisticParameters, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """The function's argument with 4 integer bits, 0 where the output saturates, and x − input_zero_point."""
    data = inputs[0]
    assert data is not None
    difference = data.astype(np.int32) - np.int32(p.input_zero_point)
    inside = np.where(np.abs(difference) < p.radius, difference, 0)
    return multiply_by_quantized_multiplier(inside, p.multiplier, p.exponent).astype(np.int64), difference


def _saturated(p: LogisticParameters, value: np.ndarray, difference: np.ndarray) -> np.ndarray:
    clipped = np.clip(value, INT8_MIN, INT8_MAX)
    limited = np.where(difference >= p.radius, INT8_MAX, clipped)
    return np.where(difference <= -p.radius, INT8_MIN, limited).astype(np.int8)
