# SPDX-License-Identifier: Apache-2.0
"""Operators that move values without changing them.

CONCATENATION, PAD, PADV2, RESHAPE, SPLIT, STRIDED_SLICE, TRANSPOSE. TFLM's int8 kernels copy bytes: they never
rescale, whatever the tensors' scales.
"""

import numpy as np

from celosia.model.attributes import Concatenation, Split, StridedSlice
from celosia.model.errors import ModelError
from celosia.model.graph import Graph, Op
from celosia.model.slices import slice_ranges

from .common import Inputs, UnsupportedOperator, int8_input, int8_output

__all__ = [
    "check_concatenation",
    "check_pad",
    "concatenation",
    "pad",
    "pad_v2",
    "reshape",
    "split",
    "strided_slice",
    "transpose",
]


def reshape(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """The same values in the output tensor's shape."""
    data = inputs[0]
    assert data is not None
    return [data.reshape(graph.output(op).shape)]


def transpose(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """Dimensions in the order that the second input gives."""
    data, order = inputs[0], inputs[1]
    assert data is not None
    assert order is not None
    return [np.ascontiguousarray(data.transpose(order.reshape(-1).tolist()))]


def check_pad(graph: Graph, op: Op) -> None:
    """Raise ModelError for a PAD or PADV2 that TFLM does not run (its pad_common)."""
    out = int8_output(graph, op)
    if op.kind == "PAD" and len(op.inputs) > 2:
        raise UnsupportedOperator(f"{graph.describe(op)} has a value to pad with: export it as a PADV2")
    if op.kind == "PADV2":
        value = int8_input(graph, op, 2)
        if value.size != 1 or (value.scale, value.zero_point) != (out.scale, out.zero_point):
            raise ModelError(
                f"{graph.describe(op)} pads with a value of shape {value.shape}, scale {value.scale} and zero point "
                f"{value.zero_point} where one value of the output's {out.scale} and {out.zero_point} is needed: "
                f"quantize the network again"
            )


def pad(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """Values of the output's zero point around the data, as many as the second input, (rank, 2), says."""
    check_pad(graph, op)
    return _padded(inputs, int8_output(graph, op).zero_point)


def pad_v2(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """As `pad`, with the value in the third input, which has the output's scale and zero point."""
    check_pad(graph, op)
    value = inputs[2]
    assert value is not None
    return _padded(inputs, int(value.reshape(-1)[0]))


def _padded(inputs: Inputs, value: int) -> list[np.ndarray]:
    data, padding = inputs[0], inputs[1]
    assert data is not None
    assert padding is not None
    return [np.pad(data, padding.tolist(), constant_values=value)]


def split(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """Equal parts of the second input along the axis in the first, one for each output."""
    attributes, axis, data = op.attributes, inputs[0], inputs[1]
    assert isinstance(attributes, Split)
    assert axis is not None
    assert data is not None
    return np.split(data, attributes.num_splits, axis=int(axis.reshape(-1)[0]))


def strided_slice(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """The indices that `slice_ranges` lists, along every dimension of the first input."""
    data = inputs[0]
    assert isinstance(op.attributes, StridedSlice)
    assert data is not None
    return [data[np.ix_(*slice_ranges(graph, op))].reshape(graph.output(op).shape)]


def check_concatenation(graph: Graph, op: Op) -> None:
    """Raise UnsupportedOperator for a fused activation."""
    assert isinstance(op.attributes, Concatenation)
    if op.attributes.activation != "NONE":
        raise UnsupportedOperator(
            f"{graph.describe(op)} has a fused {op.attributes.activation}: export it as an operator of its own"
        )


def concatenation(graph: Graph, op: Op, inputs: Inputs) -> list[np.ndarray]:
    """The inputs one after the other along an axis."""
    check_concatenation(graph, op)
    assert isinstance(op.attributes, Concatenation)
    return [np.concatenate([x for x in inputs if x is not None], axis=op.attributes.axis)]
