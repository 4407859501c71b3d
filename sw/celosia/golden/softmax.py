# SPDX-License-Identifier: Apache-2.0
"""SOFTMAX, int8 to int8 (TFLM's softmax_common and reference_ops::Softmax)."""

from dataclasses import dataclass
from math import floor

import numpy as np

from celosia.model.attributes import Softmax
from celosia.model.errors import ModelError
from celosia.model.graph import Graph, Op

from .common import Inputs, UnsupportedOperator, int8_input, int8_output
from .fixed_point import exp_on_negative_values, reciprocal
from .quantize import (
    INT8_MAX,
    INT8_MIN,
    quantize_multiplier,
    rounding_divide_by_pot,
    saturating_rounding_doubling_high_mul,
)

__all__ = ["SoftmaxParameters", "parameters", "softmax"]

_DIFFERENCE_BITS = 5  # integer bits of x − max
_SUM_BITS = 12  # integer bits of the sum of exponentials


@dataclass(frozen=True, kw_only=True)
class SoftmaxParameters:
    """The integers of a SOFTMAX.

    Parameters
    ----------
    multiplier, left_shift
        beta · (x − max) with 5 integer bits is SRDHM((x − max) << left_shift, multiplier).
    difference_min
        Inputs that lie further below the maximum count as exp = 0.
    """

    multiplier: int
    left_shift: int
    difference_min: int


def parameters(graph: Graph, op: Op) -> SoftmaxParameters:
    """Integer parameters of a SOFTMAX (TFLite's PreprocessSoftmaxScaling and CalculateInputRadius).

    Raises
    ------
    ModelError
        `op` is none, its tensors are not int8, or its output is not scaled by 1/256 with zero point −128.
    """
    if not isinstance(op.attributes, Softmax):
        raise UnsupportedOperator(f"{graph.describe(op)} is no SOFTMAX in a form that is supported")
    data, out = int8_input(graph, op), int8_output(graph, op)
    if abs(out.scale - 1 / 256) > 0.001 / 256 or out.zero_point != INT8_MIN:
        raise ModelError(
            f"{graph.describe(op)} has output scale {out.scale} and zero point {out.zero_point} "
            f"where TFLite has 1/256 and −128: quantize the network again"
        )
    real = min(op.attributes.beta * data.scale * (1 << (31 - _DIFFERENCE_BITS)), float((1 << 31) - 1))
    if not real > 1:
        raise ModelError(f"{graph.describe(op)} has beta·scale of {real / 2**26}, too small: quantize again")
    multiplier, left_shift = quantize_multiplier(real)
    radius = ((1 << _DIFFERENCE_BITS) - 1) * (1 << (31 - _DIFFERENCE_BITS)) / (1 << left_shift)
    return SoftmaxParameters(multiplier=multiplier, left_shift=left_shift, difference_min=-floor(radius))


def softmax(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """int8 of any shape to int8, over the last dimension."""
    p, data = parameters(graph, op), inputs[0]
    assert data is not None
    rows = data.reshape(-1, data.shape[-1]).astype(np.int64)
    difference = rows - rows.max(axis=1, keepdims=True)
    counted = difference >= p.difference_min
    difference = np.where(counted, difference, 0)
    scaled = saturating_rounding_doubling_high_mul(difference << p.left_shift, p.multiplier)
    exponential = exp_on_negative_values(scaled, _DIFFERENCE_BITS)
    terms = rounding_divide_by_pot(exponential, _SUM_BITS)
    total = np.where(counted, terms, 0).sum(axis=1, keepdims=True)
    scale, bits = reciprocal(total, _SUM_BITS)
    product = saturating_rounding_doubling_high_mul(scale, exponential)
    value = rounding_divide_by_pot(product, np.minimum(bits + 31 - 8, 31)) + INT8_MIN
    out = np.where(counted, np.clip(value, INT8_MIN, INT8_MAX), INT8_MIN)
    return [out.astype(np.int8).reshape(data.shape)]
