# SPDX-License-Identifier: Apache-2.0
"""The requantization law against a scalar model in Python's unbounded integers."""

from fractions import Fraction
from math import frexp

import numpy as np
import pytest

from celosia.golden.quantize import (
    activation_range,
    multiply_by_quantized_multiplier,
    quantize_multiplier,
    quantize_multipliers,
    requantize,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)

INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1
EDGES = [
    0,
    1,
    -1,
    2,
    -2,
    127,
    -128,
    1 << 30,
    -(1 << 30),
    (1 << 30) + 64,
    -(1 << 30) - 64,
    INT32_MIN,
    INT32_MAX,
]


def truncated(a: int, b: int) -> int:
    """C's integer division."""
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def wrapped(x: int) -> int:
    """x in a 32-bit register."""
    return (x - INT32_MIN) % (1 << 32) + INT32_MIN


def scalar_high_mul(a: int, b: int) -> int:
    if a == b == INT32_MIN:
        return INT32_MAX
    product = a * b
    nudge = 1 << 30 if product >= 0 else 1 - (1 << 30)
    return truncated(product + nudge, 1 << 31)


def scalar_divide(x: int, exponent: int) -> int:
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (1 if x < 0 else 0)
    return (x >> exponent) + (1 if (x & mask) > threshold else 0)


def scalar_multiply(x: int, multiplier: int, exponent: int) -> int:
    left, right = max(exponent, 0), max(-exponent, 0)
    return scalar_divide(scalar_high_mul(wrapped(x << left), multiplier), right)


def scalar_quantize(real: float) -> tuple[int, int]:
    fraction, exponent = frexp(real)
    scaled = Fraction(fraction) * (1 << 31) + Fraction(1, 2)
    multiplier = scaled.numerator // scaled.denominator
    if multiplier == 1 << 31:
        multiplier, exponent = 1 << 30, exponent + 1
    return (0, 0) if exponent < -31 else (multiplier, exponent)


def sums(rng: np.random.Generator, count: int) -> np.ndarray:
    """int32 values of every magnitude, the edges, and dead channels' biases."""
    magnitudes = 2.0 ** rng.uniform(0, 31, count) * rng.choice([-1, 1], count)
    near = rng.choice([-1, 1], count) * (1 << 30) + rng.integers(-300, 300, count)
    return np.concatenate([np.clip(magnitudes, INT32_MIN, INT32_MAX), near, EDGES]).astype(np.int32)


def test_high_mul_equals_scalar_model():
    rng = np.random.default_rng(1)
    a, b = sums(rng, 400), rng.permutation(sums(rng, 400))
    expected = [scalar_high_mul(int(x), int(y)) for x, y in zip(a, b, strict=True)]
    assert saturating_rounding_doubling_high_mul(a, b).tolist() == expected
    assert saturating_rounding_doubling_high_mul(np.int32(INT32_MIN), np.int32(INT32_MIN)) == INT32_MAX


@pytest.mark.parametrize("exponent", range(32))
def test_divide_equals_scalar_model(exponent):
    half = 1 << exponent >> 1
    ties = [sign * (k * (1 << exponent) + half + d) for sign in (-1, 1) for k in (0, 1, 5) for d in (-1, 0, 1)]
    x = [v for v in ties if INT32_MIN <= v <= INT32_MAX] + sums(np.random.default_rng(exponent), 50).tolist()
    assert rounding_divide_by_pot(x, exponent).tolist() == [scalar_divide(v, exponent) for v in x]


@pytest.mark.parametrize("exponent", range(-31, 4))
def test_multiply_equals_scalar_model(exponent):
    rng = np.random.default_rng(100 + exponent)
    x = sums(rng, 150)
    multiplier = rng.integers(1 << 30, 1 << 31, x.size).astype(np.int32)
    multiplier[:: x.size // 8] = 1 << 30
    multiplier[1 :: x.size // 8] = INT32_MAX
    expected = [scalar_multiply(int(v), int(m), exponent) for v, m in zip(x, multiplier, strict=True)]
    assert multiply_by_quantized_multiplier(x, multiplier, exponent).tolist() == expected


def test_multiply_per_channel_equals_one_channel_at_a_time():
    rng = np.random.default_rng(3)
    x = sums(rng, 500)[:1000].reshape(50, 20)
    multiplier = rng.integers(1 << 30, 1 << 31, 20).astype(np.int32)
    exponent = rng.integers(-31, 3, 20).astype(np.int32)
    got = multiply_by_quantized_multiplier(x, multiplier, exponent)
    for c in range(20):
        alone = multiply_by_quantized_multiplier(x[:, c], int(multiplier[c]), int(exponent[c]))
        assert np.array_equal(got[:, c], alone)
    assert got.dtype == np.int32


def test_quantize_multiplier_equals_scalar_model():
    rng = np.random.default_rng(4)
    reals = (rng.uniform(0.5, 1, 800) * 2.0 ** rng.integers(-36, 3, 800)).tolist()
    reals += [0.0, 0.5, 1.0, 1 - 2**-40, 2.0**-31, 2.0**-32, 2.0**-33, np.nextafter(2.0**-32, 1), 3.99]
    expected = [scalar_quantize(r) for r in reals]
    assert [quantize_multiplier(r) for r in reals] == expected
    multiplier, exponent = quantize_multipliers(reals)
    assert list(zip(multiplier.tolist(), exponent.tolist(), strict=True)) == expected
    assert multiplier.dtype == exponent.dtype == np.int32


def test_tiny_multipliers_flush_to_zero():
    assert quantize_multiplier(2.0**-33) == (0, 0)
    assert quantize_multiplier(2.0**-32) == (1 << 30, -31)


@pytest.mark.parametrize("real", [-1.0, float("nan"), float("inf")])
def test_quantize_multiplier_rejects(real):
    with pytest.raises(ValueError, match="finite"):
        quantize_multiplier(real)
    with pytest.raises(ValueError, match="finite"):
        quantize_multipliers([0.5, real])


def test_multiply_rejects():
    with pytest.raises(ValueError, match="exponents"):
        multiply_by_quantized_multiplier([1], 1 << 30, -32)
    with pytest.raises(ValueError, match="int32"):
        multiply_by_quantized_multiplier(np.array([1 << 31]), 1 << 30, 0)
    with pytest.raises(ValueError, match="integers"):
        multiply_by_quantized_multiplier(np.array([0.5]), 1 << 30, 0)


def test_requantize_clamps_after_the_zero_point():
    x = np.array([-1000, -10, 0, 10, 1000], np.int32)
    assert requantize(x, 1 << 30, 1, -5, -20, 3).tolist() == [-20, -15, -5, 3, 3]


@pytest.mark.parametrize(
    ("activation", "expected"),
    [("NONE", (-128, 127)), ("RELU", (-28, 127)), ("RELU6", (-28, 32)), ("RELU_N1_TO_1", (-38, -18))],
)
def test_activation_range(activation, expected):
    assert activation_range(activation, 0.1, -28) == expected


def test_activation_range_rounds_halves_away_from_zero():
    assert activation_range("RELU_N1_TO_1", 0.4, 0) == (-3, 3)


def test_activation_range_rejects():
    with pytest.raises(ValueError, match="not 'TANH'"):
        activation_range("TANH", 1.0, 0)
