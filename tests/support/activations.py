# SPDX-License-Identifier: Apache-2.0
"""Random networks of one operator that works on one value at a time, and SOFTMAX."""

from collections.abc import Callable

import numpy as np

from celosia.model.graph import Graph, LeakyRelu, NoAttributes, Quantization, Softmax, Tensor

from .drawing import draw_scale, draw_shape, draw_value, like, near, single

__all__ = ["elementwise", "fixed_output", "hard_swish", "leaky_relu", "prelu", "softmax"]


def softmax(rng: np.random.Generator) -> Graph:
    """Scales from nearly uniform outputs to a single winner."""
    shape = (int(rng.integers(1, 4)), int(rng.integers(1, 200)))
    data = draw_value(rng, "in", shape, float(np.float32(2 ** rng.uniform(-9, 2))))
    output = Tensor("out", shape, "int8", None, Quantization((1 / 256,), (-128,)))
    return single("SOFTMAX", Softmax(beta=float(rng.choice([1.0, 0.5]))), [data], output)


def elementwise(kind: str) -> Callable[[np.random.Generator], Graph]:
    """QUANTIZE, RELU and RELU6."""

    def build(rng: np.random.Generator) -> Graph:
        shape = draw_shape(rng, 8)
        data = draw_value(rng, "in", shape)
        output = draw_value(rng, "out", shape, near(rng, data.scale, -3, 3))
        if kind == "RELU6":
            output = like(data, "out", shape)
        return single(kind, NoAttributes(), [data], output)

    return build


def fixed_output(kind: str, scale: float, zero_point: int) -> Callable[[np.random.Generator], Graph]:
    """LOGISTIC and TANH: arguments from near 0 to far into saturation."""

    def build(rng: np.random.Generator) -> Graph:
        shape = draw_shape(rng, 8)
        data = draw_value(rng, "in", shape, near(rng, 1, -12, 4))
        return single(
            kind, NoAttributes(), [data], Tensor("out", shape, "int8", None, Quantization((scale,), (zero_point,)))
        )

    return build


def hard_swish(rng: np.random.Generator) -> Graph:
    """Scales from all of the values in the curve to none, and outputs that saturate."""
    shape = draw_shape(rng, 8)
    data = draw_value(rng, "in", shape, near(rng, 1, -10, 5))
    output = draw_value(rng, "out", shape, near(rng, data.scale, -6, 3))
    return single("HARD_SWISH", NoAttributes(), [data], output)


def leaky_relu(rng: np.random.Generator) -> Graph:
    """Alphas below 1, above 1, 0 and negative."""
    shape = draw_shape(rng, 8)
    data = draw_value(rng, "in", shape)
    output = draw_value(rng, "out", shape, near(rng, data.scale, -3, 3))
    alpha = float(np.float32(rng.choice([0.01, 0.1, 0.2, 1.5, 0, -0.3, rng.uniform(0, 1)])))
    return single("LEAKY_RELU", LeakyRelu(alpha=alpha), [data], output)


def prelu(rng: np.random.Generator) -> Graph:
    """Constant alphas: one a channel, one a value, one in all."""
    shape = draw_shape(rng, 8)
    alpha_shape = [(1, 1, shape[3]), (shape[3],), shape, (1,), (shape[1], 1, 1)][int(rng.integers(5))]
    data, alpha = draw_value(rng, "in", shape), draw_value(rng, "alpha", alpha_shape, draw_scale(rng) / 64)
    values = rng.integers(-128, 128, alpha_shape).astype(np.int8)
    alpha = Tensor("alpha", alpha_shape, "int8", values, alpha.quantization)
    output = draw_value(rng, "out", shape, near(rng, data.scale, -3, 3))
    return single("PRELU", NoAttributes(), [data, alpha], output)
