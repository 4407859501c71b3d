# SPDX-License-Identifier: Apache-2.0
"""What the array and the lanes can run: one function a rule, whose docstring is the message the user reads.

A rule returns whether the node obeys it. They are asked in order, so that a rule may rely on those before it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from celosia.arch.config import Config
from celosia.arch.isa import ADD_LEFT_SHIFT
from celosia.golden.add import parameters as add_parameters
from celosia.golden.conv import parameters as conv_parameters
from celosia.model.graph import Graph, Op

from .average import MAX_EXPONENT, average_parameters
from .ir import Node, Window

__all__ = [
    "ARRAY_RULES",
    "AVERAGE_RULES",
    "LANE_RULES",
    "MAXIMUM_RULES",
    "WINDOW_RULES",
    "Candidate",
    "Rule",
    "broken_rule",
]


@dataclass(frozen=True)
class Candidate:
    """A node and what a rule may ask about it."""

    graph: Graph
    op: Op
    node: Node
    config: Config

    @property
    def window(self) -> Window:
        """The node's window, once :func:`weights_constant` holds."""
        assert self.node.window is not None
        return self.node.window


Rule = Callable[[Candidate], bool]


def int8_tensors(c: Candidate) -> bool:
    """its input, output and weights must be int8"""
    tensors = [c.graph.input(c.op, 0), c.graph.input(c.op, 1), c.graph.output(c.op)]
    return all(tensor is not None and tensor.dtype == "int8" for tensor in tensors)


def weights_constant(c: Candidate) -> bool:
    """its weights must be constants and its input must not"""
    return c.node.window is not None


def bias_constant(c: Candidate) -> bool:
    """its bias must be an int32 constant"""
    bias = c.graph.input(c.op, 2)
    return bias is None or (bias.data is not None and bias.dtype == "int32")


def symmetric_weights(c: Candidate) -> bool:
    """its weights must have zero point 0"""
    weights = c.graph.input(c.op, 1)
    quantization = None if weights is None else weights.quantization
    return quantization is not None and not any(quantization.zero_point)


def whole_groups(c: Candidate) -> bool:
    """a dense convolution only: each output channel must see every input channel, or its own alone"""
    weights = c.graph.input(c.op, 1)
    assert weights is not None
    return c.op.kind != "CONV_2D" or weights.shape[3] == c.graph.tensors[c.op.inputs[0]].shape[3]


def short_rows(c: Candidate) -> bool:
    """a row of its input must have at most 65535 bytes"""
    return c.window.row_bytes < 1 << 16


def small_image(c: Candidate) -> bool:
    """its input and its output must have at most 32767 rows and columns"""
    return all(max(axis.size, axis.out) < 1 << 15 for axis in (c.window.y, c.window.x))


def small_kernel(c: Candidate) -> bool:
    """its kernel must have at most 255 rows and columns"""
    return c.window.y.kernel < 256 and c.window.x.kernel < 256


def small_steps(c: Candidate) -> bool:
    """its vertical stride and dilation must be at most 255, and a horizontal step at most 65535 bytes"""
    y, x = c.window.y, c.window.x
    return max(y.stride, y.dilation) < 256 and max(x.stride, x.dilation) * c.window.read.pixel < 1 << 16


def small_reach(c: Candidate) -> bool:
    """its window must not reach further than 32767 rows and 8388607 bytes, nor beside a row than memories are large"""
    y, x, pixel = c.window.y, c.window.x, c.window.read.pixel
    down = (y.out - 1) * y.stride + (y.kernel - 1) * y.dilation
    right = ((x.out - 1) * x.stride + x.kernel * x.dilation) * pixel
    # A row is no longer than the activation memory, half of what the walker counts; the other half is beside it.
    beside = max(right - c.window.row_bytes, x.before * pixel)
    rows = min(1 << 15, c.config.reach_rows)
    return max(down, y.before) < rows and right < 1 << 23 and beside < c.config.reach_bytes // 2


def small_pixels(c: Candidate) -> bool:
    """it must have at most 65535 output channels, and 16777215 bytes in an output row"""
    return c.window.written.pixel < 1 << 16 and c.window.written.row < 1 << 24


def conv_exponents(c: Candidate) -> bool:
    """its scales must not need a left shift of more than 2 bits"""
    return int(conv_parameters(c.graph, c.op).exponent.max()) <= MAX_EXPONENT


def lane_engine(c: Candidate) -> bool:
    """the core must have an element-wise engine"""
    return c.config.elementwise


def two_values(c: Candidate) -> bool:
    """neither of its inputs may be a constant"""
    return len(c.node.inputs) == 2


def equal_shapes(c: Candidate) -> bool:
    """its inputs must have the same shape"""
    first, second = c.graph.input(c.op, 0), c.graph.input(c.op, 1)
    return first is not None and second is not None and first.shape == second.shape


def add_shift(c: Candidate) -> bool:
    """its inputs must be scaled up by the 20 bits that the lanes know"""
    return add_parameters(c.graph, c.op).left_shift == ADD_LEFT_SHIFT


def add_exponents(c: Candidate) -> bool:
    """its scales must not need a left shift of more than 2 bits"""
    p = add_parameters(c.graph, c.op)
    return max(p.exponent1, p.exponent2, p.output_exponent) <= MAX_EXPONENT


def averages(c: Candidate) -> bool:
    """it must be an average over rows and columns of an image"""
    return c.node.window is not None


def maxima(c: Candidate) -> bool:
    """it must be a maximum over rows and columns of an image"""
    return c.node.window is not None


def down_mode(c: Candidate) -> bool:
    """the core must have a depthwise mode (one with rows a multiple of 4 and a lane for every column can)"""
    return c.config.down_channels > 0


def equal_windows(c: Candidate) -> bool:
    """its window must never reach outside the image, so that every average is of as many pixels"""
    return all(
        axis.before == 0 and (axis.out - 1) * axis.stride + axis.kernel <= axis.size
        for axis in (c.window.y, c.window.x)
    )


def exact_average(c: Candidate) -> bool:
    """the lanes must be able to compute its division exactly"""
    return average_parameters(c.graph, c.op, c.window) is not None


WINDOW_RULES: tuple[Rule, ...] = (short_rows, small_image, small_kernel, small_steps, small_reach, small_pixels)
"""For the geometry of whatever has a window."""

ARRAY_RULES: tuple[Rule, ...] = (
    int8_tensors,
    weights_constant,
    bias_constant,
    symmetric_weights,
    whole_groups,
    *WINDOW_RULES,
    conv_exponents,
)
"""For CONV_2D, FULLY_CONNECTED and DEPTHWISE_CONV_2D."""

AVERAGE_RULES: tuple[Rule, ...] = (averages, down_mode, equal_windows, *WINDOW_RULES, exact_average)
"""For AVERAGE_POOL_2D and MEAN."""

MAXIMUM_RULES: tuple[Rule, ...] = (maxima, down_mode, *WINDOW_RULES)
"""For MAX_POOL_2D."""

LANE_RULES: tuple[Rule, ...] = (lane_engine, int8_tensors, two_values, equal_shapes, add_shift, add_exponents)
"""For ADD."""


def broken_rule(rules: tuple[Rule, ...], candidate: Candidate) -> str | None:
    """The message of the first rule that `candidate` breaks; None when it obeys all."""
    for rule in rules:
        if not rule(candidate):
            assert rule.__doc__ is not None
            return rule.__doc__
    return None
