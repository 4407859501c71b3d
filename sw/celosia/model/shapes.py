# SPDX-License-Identifier: Apache-2.0
"""The output shape of every operator that has a record: one small rule a kind.

A rule returns the shapes it accepts, the usual one first, and raises ValueError with the reason when the
inputs fit no output.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import numpy as np

from .attributes import Concatenation, Conv2D, DepthwiseConv2D, FullyConnected, Mean, Pool2D, Split, StridedSlice
from .graph import Graph, Op, same_padding
from .slices import slice_ranges

__all__ = ["RULES", "ShapeRule"]

Shape = tuple[int, ...]


@dataclass(frozen=True)
class ShapeRule:
    """How many inputs an operator must have, and the output shapes that they allow.

    Parameters
    ----------
    inputs
        The least number of inputs; all of them must be present.
    output
        The rule. An operator with several outputs has them all of one shape.
    data
        Which input the values that it works on come from.
    several
        Whether it may have more than one output.
    """

    inputs: int
    output: Callable[[Graph, Op], list[Shape]]
    data: int = 0
    several: bool = False


def _shape(graph: Graph, op: Op, position: int) -> Shape:
    tensor = graph.input(op, position)
    assert tensor is not None
    return tensor.shape


def _rank4(what: str, shape: Shape) -> Shape:
    if len(shape) != 4 or min(shape) < 1:
        raise ValueError(f"{what} must have four dimensions of at least 1, not shape {shape}")
    return shape


def _window(data: Shape, kernel: Shape, op: Op) -> tuple[int, int]:
    """Height and width of the output of a convolution or pooling."""
    attributes = op.attributes
    assert isinstance(attributes, (Conv2D, Pool2D))
    dilation = (attributes.dilation_h, attributes.dilation_w) if isinstance(attributes, Conv2D) else (1, 1)
    height = same_padding(data[1], kernel[0], attributes.stride_h, dilation[0], attributes.padding)[0]
    width = same_padding(data[2], kernel[1], attributes.stride_w, dilation[1], attributes.padding)[0]
    if height < 1 or width < 1:
        raise ValueError(f"a window of {kernel[0]}x{kernel[1]} does not fit into an input of {data[1]}x{data[2]}")
    return height, width


def _check_bias(graph: Graph, op: Op, channels: int) -> None:
    bias = graph.input(op, 2)
    if bias is not None and bias.size != channels:
        raise ValueError(f"the bias has {bias.size} values for {channels} output channels")


def _conv(graph: Graph, op: Op) -> list[Shape]:
    data = _rank4("the input", _shape(graph, op, 0))
    weights = _rank4("the filter", _shape(graph, op, 1))
    groups, rest = divmod(data[3], weights[3])
    if rest or groups < 1 or weights[0] % groups:
        raise ValueError(f"a filter of shape {weights} does not fit {data[3]} input channels")
    _check_bias(graph, op, weights[0])
    return [(data[0], *_window(data, weights[1:3], op), weights[0])]


def _depthwise(graph: Graph, op: Op) -> list[Shape]:
    assert isinstance(op.attributes, DepthwiseConv2D)
    data = _rank4("the input", _shape(graph, op, 0))
    weights = _rank4("the filter", _shape(graph, op, 1))
    if weights[0] != 1 or weights[3] != data[3] * op.attributes.depth_multiplier:
        raise ValueError(
            f"a filter of shape {weights} does not fit {data[3]} input channels "
            f"with depth multiplier {op.attributes.depth_multiplier}"
        )
    _check_bias(graph, op, weights[3])
    return [(data[0], *_window(data, weights[1:3], op), weights[3])]


def _fully_connected(graph: Graph, op: Op) -> list[Shape]:
    assert isinstance(op.attributes, FullyConnected)
    data, weights = _shape(graph, op, 0), _shape(graph, op, 1)
    if len(weights) != 2 or min(weights) < 1 or prod(data) % weights[1] or not prod(data):
        raise ValueError(f"weights of shape {weights} do not fit an input of shape {data}")
    _check_bias(graph, op, weights[0])
    flat = (prod(data) // weights[1], weights[0])
    if op.attributes.keep_num_dims:
        if not data or data[-1] != weights[1]:
            raise ValueError(f"weights of shape {weights} do not fit the last dimension of {data}")
        return [(*data[:-1], weights[0])]
    leading = data[:-1] if data and data[-1] == weights[1] else flat[:1]
    return [flat, (*leading, weights[0]), (weights[0],)] if flat[0] == 1 else [flat, (*leading, weights[0])]


def _pool(graph: Graph, op: Op) -> list[Shape]:
    assert isinstance(op.attributes, Pool2D)
    data = _rank4("the input", _shape(graph, op, 0))
    return [(data[0], *_window(data, (op.attributes.filter_h, op.attributes.filter_w), op), data[3])]


def _broadcast(graph: Graph, op: Op) -> list[Shape]:
    first, second = _shape(graph, op, 0), _shape(graph, op, 1)
    try:
        return [np.broadcast_shapes(first, second)]
    except ValueError:
        raise ValueError(f"shapes {first} and {second} cannot be broadcast together") from None


def _same(graph: Graph, op: Op) -> list[Shape]:
    return [_shape(graph, op, 0)]


def _softmax(graph: Graph, op: Op) -> list[Shape]:
    data = _shape(graph, op, 0)
    if not data or not prod(data):
        raise ValueError(f"the input must have a dimension and a value, not shape {data}")
    return [data]


def _reshape(graph: Graph, op: Op) -> list[Shape]:
    data, out = _shape(graph, op, 0), graph.output(op).shape
    if prod(data) != prod(out):
        raise ValueError(f"{data} cannot be reshaped to {out}: {prod(data)} and {prod(out)} values")
    return [out]


def _integers(graph: Graph, op: Op, what: str) -> np.ndarray:
    """The second input, a constant of integers."""
    values = graph.constant(op, 1)
    if values is None or values.dtype.kind not in "iu":
        raise ValueError(f"{what} must be a constant of integers: export the network with fixed shapes")
    return values


def _pad(graph: Graph, op: Op) -> list[Shape]:
    data, padding = _shape(graph, op, 0), _integers(graph, op, "the padding")
    if padding.shape != (len(data), 2) or (padding.size and not 0 <= padding.min() <= padding.max() < 1 << 31):
        raise ValueError(f"the padding must be two counts for each of {len(data)} dimensions")
    return [tuple(n + int(before) + int(after) for n, (before, after) in zip(data, padding, strict=True))]


def _transpose(graph: Graph, op: Op) -> list[Shape]:
    data, order = _shape(graph, op, 0), _integers(graph, op, "the permutation")
    if sorted(order.reshape(-1).tolist()) != list(range(len(data))):
        raise ValueError(f"{order.tolist()} is no permutation of {len(data)} dimensions")
    return [tuple(data[i] for i in order.reshape(-1).tolist())]


def _mean(graph: Graph, op: Op) -> list[Shape]:
    assert isinstance(op.attributes, Mean)
    data, axes = _shape(graph, op, 0), _integers(graph, op, "the axes").reshape(-1).tolist()
    if any(not -len(data) <= a < len(data) for a in axes) or prod(data) < 1:
        raise ValueError(f"axes {axes} do not fit an input of shape {data}")
    reduced = {a % len(data) for a in axes}
    kept = tuple(1 if i in reduced else n for i, n in enumerate(data))
    dropped = tuple(n for i, n in enumerate(data) if i not in reduced)
    return [kept if op.attributes.keep_dims else dropped]


def _concatenation(graph: Graph, op: Op) -> list[Shape]:
    assert isinstance(op.attributes, Concatenation)
    if any(i < 0 for i in op.inputs):
        raise ValueError("every input must be present")
    shapes = [_shape(graph, op, i) for i in range(len(op.inputs))]
    rank, axis = len(shapes[0]), op.attributes.axis
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} does not fit inputs of {rank} dimensions")
    axis %= rank
    rest = {s[:axis] + s[axis + 1 :] for s in shapes}
    if len(rest) != 1 or any(len(s) != rank for s in shapes):
        raise ValueError(f"shapes {shapes} cannot be joined along dimension {axis}")
    return [(*shapes[0][:axis], sum(s[axis] for s in shapes), *shapes[0][axis + 1 :])]


def _resize(graph: Graph, op: Op) -> list[Shape]:
    data, size = _rank4("the input", _shape(graph, op, 0)), _integers(graph, op, "the size")
    if size.size != 2 or size.min() < 1:
        raise ValueError(f"the size must be a height and a width of at least 1, not {size.tolist()}")
    height, width = size.reshape(-1).tolist()
    return [(data[0], height, width, data[3])]


def _split(graph: Graph, op: Op) -> list[Shape]:
    assert isinstance(op.attributes, Split)
    axis_data, data, parts = graph.constant(op, 0), _shape(graph, op, 1), op.attributes.num_splits
    if axis_data is None or axis_data.dtype.kind not in "iu" or axis_data.size != 1:
        raise ValueError("the axis must be a constant integer: export the network with fixed shapes")
    rank, axis = len(data), int(axis_data.reshape(-1)[0])
    if not -rank <= axis < rank:
        raise ValueError(f"axis {axis} does not fit an input of shape {data}")
    axis %= rank
    if data[axis] % parts or len(op.outputs) != parts:
        raise ValueError(f"{data[axis]} indices do not split into {parts} equal parts in {len(op.outputs)} outputs")
    return [(*data[:axis], data[axis] // parts, *data[axis + 1 :])]


def _strided_slice(graph: Graph, op: Op) -> list[Shape]:
    assert isinstance(op.attributes, StridedSlice)
    shrunk = op.attributes.shrink_axis_mask
    return [tuple(len(r) for i, r in enumerate(slice_ranges(graph, op)) if not shrunk >> i & 1)]


RULES: dict[str, ShapeRule] = {
    "ADD": ShapeRule(2, _broadcast),
    "AVERAGE_POOL_2D": ShapeRule(1, _pool),
    "CONCATENATION": ShapeRule(1, _concatenation),
    "CONV_2D": ShapeRule(2, _conv),
    "DEPTHWISE_CONV_2D": ShapeRule(2, _depthwise),
    "FULLY_CONNECTED": ShapeRule(2, _fully_connected),
    "HARD_SWISH": ShapeRule(1, _same),
    "LEAKY_RELU": ShapeRule(1, _same),
    "LOGISTIC": ShapeRule(1, _same),
    "MAXIMUM": ShapeRule(2, _broadcast),
    "MAX_POOL_2D": ShapeRule(1, _pool),
    "MEAN": ShapeRule(2, _mean),
    "MINIMUM": ShapeRule(2, _broadcast),
    "MUL": ShapeRule(2, _broadcast),
    "PAD": ShapeRule(2, _pad),
    "PADV2": ShapeRule(3, _pad),
    "PRELU": ShapeRule(2, _broadcast),
    "QUANTIZE": ShapeRule(1, _same),
    "RELU": ShapeRule(1, _same),
    "RELU6": ShapeRule(1, _same),
    "RESHAPE": ShapeRule(1, _reshape),
    "RESIZE_BILINEAR": ShapeRule(2, _resize),
    "RESIZE_NEAREST_NEIGHBOR": ShapeRule(2, _resize),
    "SOFTMAX": ShapeRule(1, _softmax),
    "SPLIT": ShapeRule(2, _split, data=1, several=True),
    "STRIDED_SLICE": ShapeRule(4, _strided_slice),
    "SUB": ShapeRule(2, _broadcast),
    "TANH": ShapeRule(1, _same),
    "TRANSPOSE": ShapeRule(2, _transpose),
}
