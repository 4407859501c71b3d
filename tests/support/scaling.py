# SPDX-License-Identifier: Apache-2.0
"""TFLM's requantization on Python's integers, one value at a time."""

__all__ = ["scale"]


def scale(x: int, multiplier: int, exponent: int) -> int:
    """MultiplyByQuantizedMultiplier of TFLM, on Python's integers: shift, doubling high multiply, divide."""
    x = (x << max(exponent, 0)) & 0xFFFFFFFF
    x -= (x >> 31) << 32
    product = x * multiplier
    nudged = product + (1 << 30 if product >= 0 else 1 - (1 << 30))
    high = abs(nudged) >> 31
    high = high if nudged >= 0 else -high
    shift = max(-exponent, 0)
    mask = (1 << shift) - 1
    return (high >> shift) + ((high & mask) > (mask >> 1) + (high < 0))
