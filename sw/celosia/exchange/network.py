# SPDX-License-Identifier: Apache-2.0
"""A workload as an int8 network: random weights from a seed, scales under which outputs spread over int8.

What no layer of the workload makes is an input of the network, and what none reads is an output. So a workload whose
layers do not fit each other is one network with several inputs and outputs, which the compiler runs like any other.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from celosia.fuzz.builder import Builder
from celosia.model import Graph
from celosia.model.graph import same_padding

from .errors import ExchangeError
from .workload import Layer, Span

__all__ = ["network_of"]


def network_of(layers: Sequence[Layer], name: str, seed: int = 0) -> Graph:
    """The network.

    Parameters
    ----------
    layers:
        Each reads layers before it only.
    name:
        What messages call the network.

    Raises
    ------
    ExchangeError
        A layer reads a value of a shape that does not fit it.
    """
    builder = Builder(np.random.default_rng(seed))
    builder.graph.name = name
    made: list[int] = []
    for layer in layers:
        values = tuple(_value(builder, layers, layer, source, made) for source in layer.sources)
        made.append(_MAKERS[layer.kind](builder, layer, *values))
        builder.graph.replace_tensor(made[-1], name=layer.name)
        builder.graph.ops[-1] = replace(builder.graph.ops[-1], name=layer.name)
    read = {source for layer in layers for source in layer.sources if source is not None}
    return builder.output(*(value for number, value in enumerate(made) if number not in read))


def _value(b: Builder, layers: Sequence[Layer], layer: Layer, source: int | None, made: list[int]) -> int:
    """The tensor that a layer reads, in the shape it needs."""
    if source is None:
        return b.input(*layer.input_shape)
    shape = b.shape(made[source])
    wanted = layer.input_shape
    if len(shape) == len(wanted) and all(
        0 <= have - want < max(step, 1)
        for have, want, step in zip(shape, wanted, _slack(layer, len(wanted)), strict=True)
    ):
        return made[source]
    if prod(shape) == prod(wanted):
        return b.reshape(made[source], *wanted)
    raise ExchangeError(
        f"layer {layer.name} reads {'x'.join(map(str, wanted))} values, and layer {layers[source].name} makes "
        f"{'x'.join(map(str, shape))}: change one of them, or let it read another layer"
    )


def _slack(layer: Layer, rank: int) -> tuple[int, ...]:
    """How many more than it covers each dimension may have."""
    return (0, layer.y.stride, layer.x.stride, 0) if rank == 4 else (0,) * rank


def _windowed(b: Builder, layer: Layer, value: int) -> tuple[int, dict[str, object]]:
    """The padded value, and the attributes of a window."""
    shape = b.shape(value)
    same = all(_is_same(span, size) for span, size in zip((layer.y, layer.x), shape[1:3], strict=True))
    padding = (layer.y.before, layer.y.after, layer.x.before, layer.x.after)
    if any(padding) and not same:
        value = b.pad(value, *padding)
    return value, {"padding": "SAME" if any(padding) and same else "VALID"}


def _is_same(span: Span, size: int) -> bool:
    wanted = (span.out, span.before, span.after)
    return same_padding(size, span.kernel, span.stride, span.dilation, "SAME") == wanted


def _convolution(b: Builder, layer: Layer, value: int) -> int:
    value, attributes = _windowed(b, layer, value)
    attributes |= {
        "stride_h": layer.y.stride, "stride_w": layer.x.stride,
        "dilation_h": layer.y.dilation, "dilation_w": layer.x.dilation,
    }  # fmt: skip
    kernel = (layer.y.kernel, layer.x.kernel)
    if layer.kind == "depthwise":
        return b.depthwise(value, layer.filters // layer.channels, kernel, **attributes)
    return b.conv(value, layer.filters, kernel, **attributes)


def _pooling(b: Builder, layer: Layer, value: int) -> int:
    value, attributes = _windowed(b, layer, value)
    make = b.average if layer.kind == "average" else b.maximum
    return make(value, (layer.y.kernel, layer.x.kernel), (layer.y.stride, layer.x.stride), **attributes)


_MAKERS = {
    "conv": _convolution,
    "depthwise": _convolution,
    "dense": lambda b, layer, value: b.dense(value, layer.filters),
    "average": _pooling,
    "maximum": _pooling,
    "add": lambda b, layer, first, second: b.add(first, second),
}
