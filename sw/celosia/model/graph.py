# SPDX-License-Identifier: Apache-2.0
"""A quantized network as a flat list of tensors and a topologically ordered list of operators."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from .attributes import (
    Add,
    Attributes,
    Concatenation,
    Conv2D,
    DepthwiseConv2D,
    FullyConnected,
    LeakyRelu,
    Mean,
    Mul,
    NoAttributes,
    Other,
    Pool2D,
    Reshape,
    ResizeBilinear,
    ResizeNearestNeighbor,
    Softmax,
    Split,
    StridedSlice,
    Sub,
)
from .errors import ModelError, quoted

__all__ = [
    "Add",
    "Attributes",
    "Concatenation",
    "Conv2D",
    "DepthwiseConv2D",
    "FullyConnected",
    "Graph",
    "LeakyRelu",
    "Mean",
    "Mul",
    "NoAttributes",
    "Op",
    "Other",
    "Pool2D",
    "Quantization",
    "Reshape",
    "ResizeBilinear",
    "ResizeNearestNeighbor",
    "Softmax",
    "Split",
    "StridedSlice",
    "Sub",
    "Tensor",
    "same_padding",
    "window_padding",
]


@dataclass(frozen=True)
class Quantization:
    """real = scale · (stored − zero_point).

    Parameters
    ----------
    scale
        One float32 value for the whole tensor, or one for each index of dimension `axis`.
        Values are rounded to float32, which is what a file can hold.
    zero_point
        As many as `scale`.
    axis
        The dimension that scales belong to; without meaning when there is one scale.

    Raises
    ------
    ValueError
        No scale, or lengths that differ.
    """

    scale: tuple[float, ...]
    zero_point: tuple[int, ...]
    axis: int = 0

    def __post_init__(self) -> None:
        if not self.scale or len(self.scale) != len(self.zero_point):
            raise ValueError(
                f"scale and zero_point must be of one length, at least 1, "
                f"not {len(self.scale)} and {len(self.zero_point)}"
            )
        exact = np.asarray(self.scale, np.float64).astype(np.float32)
        object.__setattr__(self, "scale", tuple(exact.tolist()))
        object.__setattr__(self, "zero_point", tuple(int(z) for z in self.zero_point))

    @property
    def per_tensor(self) -> bool:
        """Whether one scale holds for the whole tensor."""
        return len(self.scale) == 1


@dataclass(frozen=True, eq=False)
class Tensor:
    """A value of the graph: a constant when it has `data`, otherwise computed or given.

    Parameters
    ----------
    name
        As in the file; not necessarily unique.
    shape
        Sizes of the dimensions, outermost first (images NHWC); `()` is a scalar.
    dtype
        numpy's name ("int8", "int32", "float32" …), or "int4", "string", "resource", "variant".
        The data of "int4" is one int8 a value, of "string" raw bytes.
    data
        An array of `shape`, or None.
    variable
        The tensor keeps its value from one inference to the next.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    data: np.ndarray | None = None
    quantization: Quantization | None = None
    variable: bool = False

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def scale(self) -> float:
        """The scale of the whole tensor. Raises ModelError when there is none, or more than one."""
        return self._single().scale[0]

    @property
    def zero_point(self) -> int:
        """The zero point of the whole tensor. Raises ModelError when there is none, or more than one."""
        return self._single().zero_point[0]

    def _single(self) -> Quantization:
        if self.quantization is None:
            raise ModelError(
                f"tensor {quoted(self.name)} has no scale and zero point: quantize the network to int8 before export"
            )
        if not self.quantization.per_tensor:
            raise ModelError(
                f"tensor {quoted(self.name)} has {len(self.quantization.scale)} scales where one is needed: "
                f"only weights and biases may be quantized per channel"
            )
        return self.quantization


@dataclass(frozen=True)
class Op:
    """One operator.

    Parameters
    ----------
    kind
        TFLite's name, such as "CONV_2D"; "CUSTOM:name" for a custom operator.
    inputs, outputs
        Indices into `Graph.tensors`; −1 is an absent optional input.
    name
        The name of its first output, as TFLite's operators have none of their own.
    """

    kind: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    attributes: Attributes = field(default_factory=NoAttributes)
    name: str = ""


@dataclass(eq=False)
class Graph:
    """A network. Tensors are referred to by their index; operators are in an order they can run in.

    Parameters
    ----------
    inputs, outputs
        Tensor indices, in the order a caller gives and gets them.
    """

    name: str
    tensors: list[Tensor]
    ops: list[Op]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    description: str = ""

    def producer(self, tensor: int) -> Op | None:
        """The operator that computes `tensor`; None for inputs and constants."""
        return next((op for op in self.ops if tensor in op.outputs), None)

    def consumers(self, tensor: int) -> list[Op]:
        """The operators that read `tensor`, in order, each once."""
        return [op for op in self.ops if tensor in op.inputs]

    def input(self, op: Op, position: int) -> Tensor | None:
        """Input number `position` of `op`; None where it is absent."""
        index = op.inputs[position] if position < len(op.inputs) else -1
        return None if index < 0 else self.tensors[index]

    def output(self, op: Op, position: int = 0) -> Tensor:
        """Output number `position` of `op`."""
        return self.tensors[op.outputs[position]]

    def constant(self, op: Op, position: int) -> np.ndarray | None:
        """The data of input number `position` of `op`; None where it is absent or not a constant."""
        tensor = self.input(op, position)
        return None if tensor is None else tensor.data

    def describe(self, op: Op) -> str:
        """`op` in an error message: "operator 3 CONV_2D 'name'"."""
        index = next((str(i) for i, o in enumerate(self.ops) if o is op), "?")
        return f"operator {index} {op.kind} {quoted(op.name)}"

    def macs(self, op: Op) -> int:
        """Multiply-accumulates of `op` for one inference, padding counted; 0 for kinds without weights."""
        if op.kind not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
            return 0
        weights = self.input(op, 1)
        assert weights is not None
        if op.kind == "DEPTHWISE_CONV_2D":
            return self.output(op).size * prod(weights.shape[1:3])
        return self.output(op).size * prod(weights.shape[1:])

    def total_macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(self.macs(op) for op in self.ops)

    def constants(self) -> Iterator[tuple[int, Tensor]]:
        """Index and tensor of every constant."""
        return ((i, t) for i, t in enumerate(self.tensors) if t.data is not None)

    def replace_tensor(self, index: int, **changes: object) -> None:
        """Put a changed copy in place of tensor `index` (see `dataclasses.replace`)."""
        self.tensors[index] = replace(self.tensors[index], **changes)  # pyright: ignore[reportArgumentType]

    def validate(self) -> None:
        """Check indices, order, constants and the shapes of every operator whose rule is known.

        Raises
        ------
        ModelError
            The first thing found wrong.
        """
        from .validate import validate_graph  # the checks import this module

        validate_graph(self)

    def check_int8(self) -> None:
        """Check that the network is int8-quantized from its inputs to its outputs.

        Raises
        ------
        ModelError
            It is not; the message says what it is and how to quantize it.
        """
        from .validate import check_int8  # the checks import this module

        check_int8(self)


def same_padding(size: int, kernel: int, stride: int, dilation: int, padding: str) -> tuple[int, int, int]:
    """Output size and explicit padding along one dimension, TFLite's way (ComputeOutSize, ComputePadding).

    SAME puts the odd pixel after the data. `before` and `after` are what the window really covers outside
    `0 … size−1`, never negative.

    Parameters
    ----------
    size, kernel, stride, dilation
        In pixels, all positive.
    padding
        "SAME" or "VALID".

    Returns
    -------
    tuple
        (output size, pixels before, pixels after). The output size is < 1 where the kernel does not fit.

    Raises
    ------
    ValueError
        A number is not positive or the padding is unknown.
    """
    for what, value in (("size", size), ("kernel", kernel), ("stride", stride), ("dilation", dilation)):
        if value < 1:
            raise ValueError(f"{what} must be a positive integer, not {value!r}")
    extent = (kernel - 1) * dilation + 1
    if padding == "VALID":
        return (size - extent + stride) // stride, 0, 0
    if padding != "SAME":
        raise ValueError(f"padding must be SAME or VALID, not {padding!r}")
    out = (size + stride - 1) // stride
    total = max((out - 1) * stride + extent - size, 0)
    return out, total // 2, total - total // 2


def window_padding(graph: Graph, op: Op) -> tuple[int, int, int, int]:
    """Explicit (top, bottom, left, right) padding of a convolution or pooling operator, in pixels.

    Raises
    ------
    ModelError
        The operator has no window.
    """
    attributes, data = op.attributes, graph.input(op, 0)
    if isinstance(attributes, Conv2D):
        weights = graph.input(op, 1)
        assert weights is not None
        kernel, dilation = weights.shape[1:3], (attributes.dilation_h, attributes.dilation_w)
    elif isinstance(attributes, Pool2D):
        kernel, dilation = (attributes.filter_h, attributes.filter_w), (1, 1)
    else:
        raise ModelError(f"{graph.describe(op)} has no window to pad: ask for convolutions and pooling only")
    assert data is not None
    stride = (attributes.stride_h, attributes.stride_w)
    _, top, bottom = same_padding(data.shape[1], kernel[0], stride[0], dilation[0], attributes.padding)
    _, left, right = same_padding(data.shape[2], kernel[1], stride[1], dilation[1], attributes.padding)
    return top, bottom, left, right
