# SPDX-License-Identifier: Apache-2.0
"""The requantization law: from real multipliers to integers, and from 32-bit sums to int8, as in TFLM.

real multiplier ≈ multiplier · 2^(exponent − 31), with multiplier a 31-bit positive integer. TFLM is built
with TFLITE_SINGLE_ROUNDING off, so that a product is rounded twice: in SaturatingRoundingDoublingHighMul,
then in RoundingDivideByPOT (both gemmlowp's).
"""

from math import floor, frexp, isfinite

import numpy as np
from numpy.typing import ArrayLike

from celosia.model.attributes import ACTIVATIONS

__all__ = [
    "INT8_MAX",
    "INT8_MIN",
    "activation_range",
    "multiply_by_quantized_multiplier",
    "quantize_multiplier",
    "quantize_multipliers",
    "quantize_value",
    "requantize",
    "rounding_divide_by_pot",
    "saturating_rounding_doubling_high_mul",
    "wrap_int32",
]

INT8_MIN, INT8_MAX = -128, 127
_INT32_MIN, _INT32_MAX = -(1 << 31), (1 << 31) - 1


def quantize_multiplier(real: float) -> tuple[int, int]:
    """The integer form of a real multiplier (TFLite's QuantizeMultiplier).

    Parameters
    ----------
    real
        Finite, not negative, in double precision.

    Returns
    -------
    tuple
        (multiplier, exponent): multiplier 0 or in 2^30 … 2^31−1. Exponents below −31 flush to (0, 0).

    Raises
    ------
    ValueError
        `real` is negative or not finite.
    """
    if not isfinite(real) or real < 0:
        raise ValueError(f"real multiplier must be finite and not negative, not {real!r}")
    fraction, exponent = frexp(real)
    multiplier = floor(fraction * (1 << 31) + 0.5)
    if multiplier == 1 << 31:
        multiplier, exponent = multiplier >> 1, exponent + 1
    return (0, 0) if exponent < -31 else (multiplier, exponent)


def quantize_multipliers(real: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """`quantize_multiplier` of every element of a float64 array: two int32 arrays of its shape."""
    values = np.asarray(real, np.float64)
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError("real multipliers must be finite and not negative")
    fraction, exponent = np.frexp(values)
    multiplier = np.floor(fraction * (1 << 31) + 0.5).astype(np.int64)
    carry = multiplier == 1 << 31
    multiplier, exponent = np.where(carry, multiplier >> 1, multiplier), exponent + carry
    flushed = exponent < -31
    return (
        np.where(flushed, 0, multiplier).astype(np.int32),
        np.where(flushed, 0, exponent).astype(np.int32),
    )


def wrap_int32(x: np.ndarray) -> np.ndarray:
    """`x` (int64) modulo 2^32, as int32: what C's 32-bit registers keep."""
    return x.astype(np.int32)


def saturating_rounding_doubling_high_mul(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """round(a·b / 2^31) of int32 values as int64 (gemmlowp's SaturatingRoundingDoublingHighMul).

    gemmlowp adds a nudge that depends on the product's sign and truncates towards zero; for both signs that
    is floor((a·b + 2^30) / 2^31). Only a = b = −2^31 saturates.
    """
    product = np.asarray(a, np.int64) * np.asarray(b, np.int64)
    product += 1 << 30
    product >>= 31
    return np.minimum(product, _INT32_MAX)


def rounding_divide_by_pot(x: ArrayLike, exponent: ArrayLike) -> np.ndarray:
    """x / 2^exponent rounded to nearest, halves away from zero, as int64 (gemmlowp's RoundingDivideByPOT).

    `exponent` is 0 … 31, an integer or an array that broadcasts with `x`.
    """
    value, shift = np.asarray(x, np.int64), np.asarray(exponent, np.int64)
    half = (np.int64(1) << shift) >> 1
    return (value + half - ((value < 0) & (shift > 0))) >> shift


def multiply_by_quantized_multiplier(x: ArrayLike, multiplier: ArrayLike, exponent: ArrayLike) -> np.ndarray:
    """x · multiplier · 2^(exponent − 31) with double rounding (TFLM's MultiplyByQuantizedMultiplier).

    A positive exponent shifts left first, and that product wraps as an int32 does.

    Parameters
    ----------
    x
        int32 values.
    multiplier, exponent
        int32 values, exponents −31 … 31: for all of `x`, or arrays that broadcast with it (such as one for
        each channel, the last dimension).

    Returns
    -------
    numpy.ndarray
        int32, of the broadcast shape.

    Raises
    ------
    ValueError
        An exponent is out of range, or a value is no int32.
    """
    shift = np.asarray(exponent, np.int64)
    if shift.size and not -31 <= shift.min() <= shift.max() <= 31:
        raise ValueError(f"exponents must lie in −31 … 31, not {shift.min()} … {shift.max()}")
    value = _int32(x)
    if shift.size and shift.max() > 0:
        value = wrap_int32(value << np.maximum(shift, 0)).astype(np.int64)
    high = saturating_rounding_doubling_high_mul(value, _int32(multiplier))
    return rounding_divide_by_pot(high, np.maximum(-shift, 0)).astype(np.int32)


def _int32(x: ArrayLike) -> np.ndarray:
    """`x` as int64, checked to hold int32 values."""
    values = np.asarray(x)
    if values.dtype.kind not in "iu":
        raise ValueError(f"values must be integers, not {values.dtype}")
    if values.dtype.itemsize >= 4 and values.dtype != np.int32 and values.size:
        low, high = int(values.min()), int(values.max())
        if low < _INT32_MIN or high > _INT32_MAX:
            raise ValueError(f"values must be int32, not {low} … {high}")
    return values.astype(np.int64)


def requantize(
    x: np.ndarray,
    multiplier: ArrayLike,
    exponent: ArrayLike,
    zero_point: int,
    minimum: int = INT8_MIN,
    maximum: int = INT8_MAX,
) -> np.ndarray:
    """int32 sums to int8: multiply, add the output's zero point, clamp to the activation's range."""
    scaled = multiply_by_quantized_multiplier(x, multiplier, exponent).astype(np.int64)
    scaled += zero_point
    return np.clip(scaled, minimum, maximum).astype(np.int8)


def quantize_value(value: float, scale: float, zero_point: int) -> int:
    """`value` in a tensor's units: zero_point + round(value / scale), in float32, halves away from zero.

    The result is clipped to int32.
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio = float(np.float32(value) / np.float32(scale))
    bounded = min(max(ratio, -1e9), 1e9) if ratio == ratio else 0.0
    rounded = floor(abs(bounded) + 0.5)
    return zero_point + (rounded if bounded >= 0 else -rounded)


def activation_range(activation: str, scale: float, zero_point: int) -> tuple[int, int]:
    """Limits of an int8 output with a fused activation (TFLite's CalculateActivationRangeQuantized).

    Parameters
    ----------
    activation
        "NONE", "RELU", "RELU6" or "RELU_N1_TO_1".
    scale, zero_point
        Of the output.

    Returns
    -------
    tuple
        (minimum, maximum), both included.

    Raises
    ------
    ValueError
        The activation is unknown.
    """
    if activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, not {activation!r}")
    minimum, maximum = INT8_MIN, INT8_MAX
    if activation in ("RELU", "RELU6"):
        minimum = max(minimum, quantize_value(0.0, scale, zero_point))
    if activation == "RELU6":
        maximum = min(maximum, quantize_value(6.0, scale, zero_point))
    if activation == "RELU_N1_TO_1":
        minimum = max(minimum, quantize_value(-1.0, scale, zero_point))
        maximum = min(maximum, quantize_value(1.0, scale, zero_point))
    return minimum, maximum
