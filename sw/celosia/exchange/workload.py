# SPDX-License-Identifier: Apache-2.0
"""A network as loop nests: what SCALE-Sim, Timeloop and ZigZag know of it, and nothing else.

Each :class:`Layer` is a nest of loops over batch, output rows and columns, filters, channels and the window. An input
is as large as what its windows cover: rows at the edge that no window reaches are no work.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from celosia.model import Graph, Op
from celosia.model.attributes import Conv2D, DepthwiseConv2D, Mean, Pool2D
from celosia.model.graph import window_padding

from .errors import ExchangeError

__all__ = ["KINDS", "Layer", "Span", "chained", "plain", "workload_of"]

MULTIPLYING = ("conv", "depthwise", "dense")
KINDS = (*MULTIPLYING, "average", "maximum", "add")
"""What a layer may be; the first three multiply by weights."""


@dataclass(frozen=True)
class Span:
    """One direction of a window, in pixels: output ``o`` reads ``o·stride + k·dilation − before``.

    The distance between taps is 1 where there is one tap.

    Raises
    ------
    ValueError
        A number is below 1, or padding is negative, or leaves nothing of the input.
    """

    out: int = 1
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    def __post_init__(self) -> None:
        for what in ("out", "kernel", "stride", "dilation"):
            if getattr(self, what) < 1:
                raise ValueError(f"{what} must be at least 1, not {getattr(self, what)}")
        object.__setattr__(self, "dilation", self.dilation if self.kernel > 1 else 1)
        if min(self.before, self.after) < 0 or self.size < 1:
            raise ValueError(f"padding of {self.before} and {self.after} does not fit {self.covered} covered pixels")

    @property
    def extent(self) -> int:
        """Pixels from the first to the last tap."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def covered(self) -> int:
        """Pixels that windows cover, padding included."""
        return (self.out - 1) * self.stride + self.extent

    @property
    def size(self) -> int:
        """Pixels of the input that windows cover."""
        return self.covered - self.before - self.after

    def over(self, size: int) -> "Span | None":
        """The same windows over an input of another size, padded as TFLite's SAME does; None if they do not fit it."""
        missing = self.covered - size
        if not -self.stride < missing < self.extent:
            return None
        padding = max(missing, 0)
        return replace(self, before=padding // 2, after=padding - padding // 2)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One operator.

    Parameters
    ----------
    name:
        Letters, digits and underscores.
    kind:
        One of :data:`KINDS`. "dense" is a product of a matrix of ``batch`` rows; "depthwise" has several channels.
    channels, filters:
        Of the input and of the output. They are equal, or of "depthwise" a multiple, where channels stay apart.
    sources:
        For each value it reads, the number of the layer that makes it; None where it is given from outside.
    op:
        The operator's number in the graph it came from; −1 if it came from a file.
    """

    name: str
    kind: str
    batch: int = 1
    channels: int
    filters: int
    y: Span = Span()
    x: Span = Span()
    sources: tuple[int | None, ...] = (None,)
    op: int = -1

    @property
    def multiplies(self) -> bool:
        """Whether it multiplies by weights."""
        return self.kind in MULTIPLYING

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of what it reads."""
        if self.kind == "dense":
            return self.batch, self.channels
        return self.batch, self.y.size, self.x.size, self.channels

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The shape of what it makes."""
        if self.kind == "dense":
            return self.batch, self.filters
        return self.batch, self.y.out, self.x.out, self.filters

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        each = self.filters if self.kind == "depthwise" else self.channels * self.filters
        return self.batch * each * self.y.out * self.y.kernel * self.x.out * self.x.kernel if self.multiplies else 0

    def after(self, shape: Sequence[int]) -> "Layer | None":
        """The same layer reading a value of this shape; None if it does not fit, with padding where that is needed."""
        if self.kind == "dense":
            fits = prod(shape) == self.batch * self.channels and (self.batch == 1 or shape[0] == self.batch)
            return self if fits else None
        if len(shape) == 2:
            return self if prod(shape) == prod(self.input_shape) and self.y.covered == self.x.covered == 1 else None
        y, x = self.y.over(shape[1]), self.x.over(shape[2])
        if y is None or x is None or (shape[0], shape[3]) != (self.batch, self.channels):
            return None
        return replace(self, y=y, x=x)


def chained(layers: Sequence[Layer]) -> list[Layer]:
    """Layers of a format that does not say what they read: each reads the one before it if that fits."""
    result: list[Layer] = []
    for number, layer in enumerate(layers):
        fitting = layer.after(result[-1].output_shape) if result else None
        result.append(layer if fitting is None else replace(fitting, sources=(number - 1,)))
    return result


def plain(name: str) -> str:
    """A name that every format can hold: letters, digits, underscores; the first of names joined by semicolons, as
    TensorFlow writes them."""
    return re.sub(r"\W+", "_", name.partition(";")[0], flags=re.ASCII).strip("_")


def workload_of(graph: Graph) -> list[Layer]:
    """The operators of a network that are loops over a window, in order, each with a name of its own.

    PAD becomes padding of the layer that reads it, and RESHAPE disappears; other operators (SOFTMAX, CONCATENATION,
    …) are left out, and what reads them is given from outside.

    Raises
    ------
    ExchangeError
        A convolution has groups, or the network has nothing to export.
    """
    makers: dict[int, int] = {}
    layers: list[Layer] = []
    for number, op in enumerate(graph.ops):
        layer = _layer(graph, op, makers)
        if layer is not None:
            makers[op.outputs[0]] = len(layers)
            layers.append(replace(layer, op=number))
    if not any(layer.multiplies for layer in layers):
        raise ExchangeError(f"{graph.name}: nothing in it multiplies by weights, so there is no workload to export")
    return list(_named(layers))


def _named(layers: Sequence[Layer]) -> Iterator[Layer]:
    taken: set[str] = set()
    for number, layer in enumerate(layers):
        name = plain(layer.name) or f"layer{number}"
        while name in taken:
            name += f"_{number}"
        taken.add(name)
        yield replace(layer, name=name)


def _layer(graph: Graph, op: Op, makers: dict[int, int]) -> Layer | None:
    if op.kind == "ADD":
        return _add(graph, op, makers)
    if op.kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "CONV_2D", "DEPTHWISE_CONV_2D"):
        return _windowed(graph, op, makers)
    if op.kind == "MEAN":
        return _mean(graph, op, makers)
    if op.kind != "FULLY_CONNECTED":
        return None
    weights = graph.input(op, 1)
    assert weights is not None
    filters, channels = weights.shape
    source, _ = _source(graph, op.inputs[0], makers)
    batch = graph.output(op).size // filters
    return Layer(name=op.name, kind="dense", batch=batch, channels=channels, filters=filters, sources=(source,))


def _add(graph: Graph, op: Op, makers: dict[int, int]) -> Layer | None:
    first, second = (graph.tensors[index].shape for index in op.inputs)
    shape = graph.output(op).shape
    if first != second or len(shape) != 4 or any(graph.tensors[index].data is not None for index in op.inputs):
        return None
    sources = [_source(graph, index, makers) for index in op.inputs]
    both = tuple(source if padding == (0, 0, 0, 0) else None for source, padding in sources)
    return Layer(
        name=op.name, kind="add", batch=shape[0], channels=shape[3], filters=shape[3],
        y=Span(out=shape[1]), x=Span(out=shape[2]), sources=both,
    )  # fmt: skip


def _mean(graph: Graph, op: Op, makers: dict[int, int]) -> Layer | None:
    """A mean over the image is an average pooling by a window as large as it."""
    axes, data = graph.constant(op, 1), graph.input(op, 0)
    assert isinstance(op.attributes, Mean)
    assert data is not None
    if axes is None or len(data.shape) != 4 or sorted(int(a) % 4 for a in axes.reshape(-1)) != [1, 2]:
        return None
    n, height, width, channels = data.shape
    source, padding = _source(graph, op.inputs[0], makers)
    return Layer(
        name=op.name, kind="average", batch=n, channels=channels, filters=channels,
        y=Span(kernel=height), x=Span(kernel=width), sources=(None if any(padding) else source,),
    )  # fmt: skip


def _windowed(graph: Graph, op: Op, makers: dict[int, int]) -> Layer:
    attributes, data, out = op.attributes, graph.input(op, 0), graph.output(op)
    assert data is not None
    if isinstance(attributes, Conv2D):
        weights = graph.input(op, 1)
        assert weights is not None
        apart = isinstance(attributes, DepthwiseConv2D)
        kind = "depthwise" if apart and data.shape[3] > 1 else "conv"
        if not apart and weights.shape[3] != data.shape[3]:
            raise ExchangeError(
                f"{graph.describe(op)} has {data.shape[3] // weights.shape[3]} groups: split it into a convolution for "
                f"each before export"
            )
        kernel, dilation = weights.shape[1:3], (attributes.dilation_h, attributes.dilation_w)
    else:
        assert isinstance(attributes, Pool2D)
        kind = "average" if op.kind == "AVERAGE_POOL_2D" else "maximum"
        kernel, dilation = (attributes.filter_h, attributes.filter_w), (1, 1)
    source, outside = _source(graph, op.inputs[0], makers)
    own = window_padding(graph, op)
    spans: list[Span] = []
    for axis, stride in enumerate((attributes.stride_h, attributes.stride_w)):
        size = data.shape[1 + axis] - sum(outside[2 * axis : 2 * axis + 2])
        bare = Span(out.shape[1 + axis], kernel[axis], stride, dilation[axis])
        before = min(own[2 * axis] + outside[2 * axis], bare.covered - 1)
        spans.append(replace(bare, before=before, after=max(0, bare.covered - before - size)))
    return Layer(
        name=op.name, kind=kind, batch=data.shape[0], channels=data.shape[3], filters=out.shape[3],
        y=spans[0], x=spans[1], sources=(source,),
    )  # fmt: skip


def _source(graph: Graph, tensor: int, makers: dict[int, int]) -> tuple[int | None, tuple[int, int, int, int]]:
    """The layer that makes a value, behind RESHAPE and PAD, and the rows and columns of padding around it."""
    padding = np.zeros((2, 2), np.int64)
    while tensor not in makers:
        op = graph.producer(tensor)
        counts = graph.constant(op, 1) if op is not None and op.kind == "PAD" else None
        if op is None or not (op.kind == "RESHAPE" or _pads_image(counts)):
            return None, _flat(padding)
        if counts is not None:
            padding += counts[1:3]
        tensor = op.inputs[0]
    return makers[tensor], _flat(padding)


def _pads_image(counts: np.ndarray | None) -> bool:
    return counts is not None and counts.shape == (4, 2) and not counts[[0, 3]].any()


def _flat(padding: np.ndarray) -> tuple[int, int, int, int]:
    top, bottom, left, right = (int(n) for n in padding.reshape(-1))
    return top, bottom, left, right
