# SPDX-License-Identifier: Apache-2.0
"""HARD_SWISH, x · clamp(x + 3, 0, 6) / 6, int8 to int8 (TFLM's hard_swish_common, reference_ops::HardSwish).

    x − zero_in ──<< 7──┬── · output_multiplier ──────────────────────────────┐
                        │                                                     × ── 2^output_exponent ── + zero_out
                        └── · slope_multiplier · 2^slope_exponent ── to 0 … 1 ─┘

Every value on the way is an int16.
"""

from dataclasses import dataclass

import numpy as np

from celosia.model.errors import ModelError
from celosia.model.graph import Graph, Op

from .common import Inputs, UnsupportedOperator, int8_input, int8_output, multipliers
from .quantize import INT8_MAX, INT8_MIN, rounding_divide_by_pot

__all__ = ["HardSwishParameters", "hard_swish", "parameters"]

_INT16_MIN, _INT16_MAX = -(1 << 15), (1 << 15) - 1
_INPUT_SHIFT = 7
_MIN_EXPONENT = -15  # TFLM's shifts of int16 values go no further


@dataclass(frozen=True, kw_only=True)
class HardSwishParameters:
    """The integers of a HARD_SWISH.

    Parameters
    ----------
    output_multiplier, output_exponent
        (x − input_zero_point) · 128 in units of the output is · output_multiplier / 2^15 · 2^output_exponent;
        exponents −15 … 0.
    slope_multiplier, slope_exponent
        The same for units of 3/32768, in which 1.0 is where the swish becomes straight; exponents −15 … 30.
    """

    input_zero_point: int
    output_multiplier: int
    output_exponent: int
    slope_multiplier: int
    slope_exponent: int
    output_zero_point: int


def parameters(graph: Graph, op: Op) -> HardSwishParameters:
    """Integer parameters of a HARD_SWISH; the scales are divided in float32.

    Raises
    ------
    ModelError
        `op` is none, its tensors are not int8, or its scales lie too far apart for TFLM.
    """
    if op.kind != "HARD_SWISH":
        raise UnsupportedOperator(f"{graph.describe(op)} is no HARD_SWISH")
    data, out = int8_input(graph, op), int8_output(graph, op)
    with np.errstate(over="ignore", under="ignore"):
        fine = np.float32(data.scale) / np.float32(1 << _INPUT_SHIFT)
        reals = [fine / np.float32(out.scale), fine / np.float32(3 / 32768)]
    multiplier, exponent = multipliers(graph, op, reals)
    if not multiplier.all() or exponent.min() < _MIN_EXPONENT or exponent[0] > 0:
        raise ModelError(
            f"{graph.describe(op)} has input scale {data.scale} and output scale {out.scale}, "
            f"which TFLite cannot bring together: quantize the network again"
        )
    narrow = np.minimum((multiplier.astype(np.int64) + (1 << 15)) >> 16, _INT16_MAX)
    return HardSwishParameters(
        input_zero_point=data.zero_point,
        output_multiplier=int(narrow[0]),
        output_exponent=int(exponent[0]),
        slope_multiplier=int(narrow[1]),
        slope_exponent=int(exponent[1]),
        output_zero_point=out.zero_point,
    )


def _high_mul(a: np.ndarray, b: int) -> np.ndarray:
    """round(a·b / 2^15), halves up (gemmlowp's SaturatingRoundingDoublingHighMul of int16, b > 0)."""
    return (a * b + (1 << 14)) >> 15


def _shift_left(x: np.ndarray, bits: int) -> np.ndarray:
    return np.clip(x << bits, _INT16_MIN, _INT16_MAX)


def _slope(p: HardSwishParameters, x: np.ndarray) -> np.ndarray:
    """x / 3 as −1 … 1 in 16 bits. A shift to the left is split, so that only its last bit saturates the result."""
    if p.slope_exponent > 0:
        x = _shift_left(x, p.slope_exponent - 1)
    x = _high_mul(x, p.slope_multiplier)
    if p.slope_exponent > 0:
        return _shift_left(x, 1)
    return rounding_divide_by_pot(x, -p.slope_exponent)


def hard_swish(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 to int8 of the same shape."""
    p, data = parameters(graph, op), inputs[0]
    assert data is not None
    x = (data.astype(np.int64) - p.input_zero_point) << _INPUT_SHIFT
    part = (_slope(p, x) + (1 << 15)) >> 1
    product = part * _high_mul(x, p.output_multiplier)
    high = np.sign(product) * (np.abs(product) >> 15)  # towards zero
    value = rounding_divide_by_pot(high, -p.output_exponent) + p.output_zero_point
    return [np.clip(value.astype(np.int16), INT8_MIN, INT8_MAX).astype(np.int8)]
