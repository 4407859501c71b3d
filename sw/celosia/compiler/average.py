# SPDX-License-Identifier: Apache-2.0
"""Averages as sums that the lanes requantize.

TFLM's MEAN folds the division by n into a multiplier. Its AVERAGE_POOL_2D divides integers, halves away from zero:
that equals a requantization with a multiplier near 2^(31 + s) / (n·w) and a right shift by s, if every pixel has weight
w, a small power of two. Which one is found by trying, and proved: both sides are monotone in the sum, so they are equal
everywhere if they are on both sides of every sum at which the quotient changes.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from celosia.golden.mean import parameters as mean_parameters
from celosia.golden.pool import parameters as pool_parameters
from celosia.golden.quantize import multiply_by_quantized_multiplier
from celosia.model.graph import Graph, Op

from .ir import Window

__all__ = ["MAX_EXPONENT", "Average", "Division", "average_parameters", "division"]

MIN_EXPONENT, MAX_EXPONENT = -31, 2
"""Exponents that the lanes compute."""


_LARGEST, _MOST_WEIGHT_BITS = 1 << 16, 6
"""Averages of more pixels would overflow, larger weights help no more."""


class Division(NamedTuple):
    """sum / n = MBQM(weight · sum, multiplier, exponent)."""

    weight: int
    multiplier: int
    exponent: int

    def of(self, sums: np.ndarray) -> np.ndarray:
        """The quotients."""
        return multiply_by_quantized_multiplier(sums * self.weight, self.multiplier, self.exponent)


@dataclass(frozen=True, kw_only=True)
class Average:
    """out = clamp(output_zero_point + MBQM(Σx·weight + bias, multiplier, exponent))."""

    weight: int
    bias: int
    multiplier: int
    exponent: int
    output_zero_point: int
    activation_min: int
    activation_max: int


def average_parameters(graph: Graph, op: Op, window: Window) -> Average | None:
    """The integers of an AVERAGE_POOL_2D or MEAN whose windows are all inside the image; None if there are none."""
    count = window.y.kernel * window.x.kernel
    if op.kind == "MEAN":
        p = mean_parameters(graph, op)
        average = Average(
            weight=1,
            bias=-count * p.input_zero_point,
            multiplier=p.multiplier,
            exponent=p.exponent,
            output_zero_point=p.output_zero_point,
            activation_min=-128,
            activation_max=127,
        )
        fits = MIN_EXPONENT <= p.exponent <= MAX_EXPONENT and count <= _LARGEST
        return average if fits else None
    found = division(count)
    if found is None:
        return None
    p = pool_parameters(graph, op)
    return Average(
        weight=found.weight,
        bias=0,
        multiplier=found.multiplier,
        exponent=found.exponent,
        output_zero_point=0,
        activation_min=p.activation_min,
        activation_max=p.activation_max,
    )


@lru_cache(maxsize=256)
def division(n: int) -> Division | None:
    """What divides every sum of ``n`` int8 by ``n``, halves away from zero; None if nothing does."""
    if n > _LARGEST:
        return None
    quotients = np.arange(1, 129, dtype=np.int64)
    edges = quotients * n - n // 2
    sums = np.concatenate([edges, edges - 1, -edges, 1 - edges, [127 * n, -128 * n, 0]])
    sums = sums[(sums <= 127 * n) & (sums >= -128 * n)]
    expected = np.sign(sums) * ((np.abs(sums) + n // 2) // n)
    for weight in (1 << k for k in range(_MOST_WEIGHT_BITS)):
        shift = (n * weight - 1).bit_length() - 1
        for delta in (0, 1, -1):
            multiplier = (1 << 32 + shift) // (n * weight) + 1 >> 1
            found = Division(weight, multiplier + delta, -shift)
            if 1 << 30 <= found.multiplier < 1 << 31 and (found.of(sums) == expected).all():
                return found
    return None
