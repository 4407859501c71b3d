# SPDX-License-Identifier: Apache-2.0
"""The fixed-point exponential and reciprocal of gemmlowp (fixedpoint.h), on int64 arrays of int32 values.

A number with i integer bits stands for raw · 2^(i − 31).
"""

from math import exp

import numpy as np

from .quantize import rounding_divide_by_pot
from .quantize import saturating_rounding_doubling_high_mul as multiply

__all__ = ["exp_on_negative_values", "logistic", "reciprocal", "shift_left_saturating", "tanh"]

_ONE = (1 << 31) - 1  # the largest number without integer bits stands for 1


def _constant(value: float, integer_bits: int = 0) -> int:
    return round(value * 2 ** (31 - integer_bits))


_EXP_MINUS_EIGHTH = _constant(exp(-1 / 8))
_THIRD = _constant(1 / 3)
_48_17 = _constant(48 / 17, 2)
_MINUS_32_17 = _constant(-32 / 17, 2)


def shift_left_saturating(x: np.ndarray, bits: int) -> np.ndarray:
    """x · 2^bits, clipped to int32: fewer integer bits for the same number."""
    return np.clip(x << bits, -(1 << 31), _ONE)


def _exp_last_quarter(a: np.ndarray) -> np.ndarray:
    """exp(a) for −1/4 ≤ a < 0, no integer bits: a Taylor polynomial of degree 4 around −1/8."""
    x = a + (1 << 28)
    x2 = multiply(x, x)
    x3 = multiply(x2, x)
    x4_4 = rounding_divide_by_pot(multiply(x2, x2), 2)
    tail = rounding_divide_by_pot(multiply(x4_4 + x3, _THIRD) + x2, 1)
    return _EXP_MINUS_EIGHTH + multiply(_EXP_MINUS_EIGHTH, x + tail)


def exp_on_negative_values(a: np.ndarray, integer_bits: int) -> np.ndarray:
    """exp(a) for a ≤ 0 with up to 5 integer bits; the result has none.

    The fraction of a quarter goes through a polynomial, then each set bit of the quarters multiplies by
    exp(−2^k), k from −2 up.
    """
    if not 1 <= integer_bits <= 5:
        raise ValueError(f"integer_bits must lie in 1 … 5, not {integer_bits!r}")
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    rest = (a & (quarter - 1)) - quarter
    result = _exp_last_quarter(shift_left_saturating(rest, integer_bits))
    remainder = rest - a
    for power in range(-2, integer_bits):
        factor = _constant(exp(-(2.0**power)))
        bit = 1 << (fraction_bits + power)
        result = np.where(remainder & bit, multiply(result, factor), result)
    return np.where(a == 0, _ONE, result)


def _two_over_one_plus(a: np.ndarray) -> np.ndarray:
    """2 / (1 + a) for 0 ≤ a ≤ 1, no integer bits, with two integer bits: three Newton-Raphson steps."""
    half_denominator = (a + _ONE + 1) >> 1  # rounds half up, as the sum is not negative
    one = 1 << 29
    x = _48_17 + multiply(half_denominator, _MINUS_32_17)
    for _ in range(3):
        error = one - multiply(half_denominator, x)
        x = x + shift_left_saturating(multiply(x, error), 2)
    return x


def _one_over_one_plus(a: np.ndarray) -> np.ndarray:
    """1 / (1 + a) for 0 ≤ a ≤ 1, no integer bits."""
    return shift_left_saturating(_two_over_one_plus(a), 1)


def logistic(a: np.ndarray, integer_bits: int) -> np.ndarray:
    """1 / (1 + exp(−a)) for up to 5 integer bits, as gemmlowp's logistic; the result has none."""
    positive = _one_over_one_plus(exp_on_negative_values(-np.abs(a), integer_bits))
    return np.where(a == 0, 1 << 30, np.where(a > 0, positive, _ONE - positive))


def tanh(a: np.ndarray, integer_bits: int) -> np.ndarray:
    """(1 − exp(−2a)) / (1 + exp(−2a)) for up to 4 integer bits, as gemmlowp's tanh; the result has none."""
    exponential = exp_on_negative_values(-np.abs(a), integer_bits + 1)  # of 2a: the same bits, one more of them integer
    positive = shift_left_saturating(_two_over_one_plus(exponential) - (1 << 29), 2)
    return np.sign(a) * positive


def reciprocal(x: np.ndarray, integer_bits: int) -> tuple[np.ndarray, np.ndarray]:
    """1 / x for x > 0 (TFLite's GetReciprocal).

    Returns
    -------
    tuple
        (scale, bits): 1/x is `scale`, without integer bits, over 2^bits.
    """
    headroom = 32 - np.frexp(x.astype(np.float64))[1].astype(np.int64)
    mantissa = (x << headroom) - (1 << 31)
    return _one_over_one_plus(mantissa), integer_bits - headroom
