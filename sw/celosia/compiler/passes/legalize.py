# SPDX-License-Identifier: Apache-2.0
"""Pass 1, legalize: the graph's operators as nodes over values, every convolution with its window.

- RESHAPE (and SQUEEZE, EXPAND_DIMS) of whole bytes disappears: both tensors become one value.
- FULLY_CONNECTED becomes a convolution over an image one pixel wide; each row is K bytes.
- PAD before a convolution is folded into its window; the PAD node stays until nothing reads it (pass place).
- AVERAGE_POOL_2D, MAX_POOL_2D, and MEAN over rows and columns get a window as depthwise convolutions do.
- Images one pixel wide are turned on their side: the same bytes as one row.
"""

from dataclasses import replace

import numpy as np

from celosia.arch.config import Config
from celosia.model.attributes import Conv2D, DepthwiseConv2D, FullyConnected, Pool2D
from celosia.model.graph import Graph, Op, window_padding

from ..ir import Axis, Module, Node, Window

__all__ = ["legalize", "turned"]

_ALIASES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS")


def legalize(graph: Graph, config: Config, memory: str) -> Module:
    """The first :class:`Module` of a valid int8 graph."""
    roots = list(range(len(graph.tensors)))
    free: dict[int, str] = {}
    nodes: list[Node] = []
    for layer, op in enumerate(graph.ops):
        if _is_alias(graph, op):
            roots[op.outputs[0]] = roots[op.inputs[0]]
            free[layer] = "costs nothing: the same bytes under another shape"
            continue
        inputs = [roots[i] for i in op.inputs if i >= 0 and graph.tensors[roots[i]].data is None]
        nodes.append(Node(layer=layer, kind=op.kind, inputs=tuple(inputs), outputs=op.outputs))
    module = Module(graph=graph, config=config, memory=memory, roots=tuple(roots), nodes=tuple(nodes), free=free)
    return module.replace(nodes=tuple(_with_window(module, node) for node in nodes))


def _is_alias(graph: Graph, op: Op) -> bool:
    if op.kind not in _ALIASES or not op.inputs or op.inputs[0] < 0 or len(op.outputs) != 1:
        return False
    data, out = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    return data.size == out.size and data.dtype == out.dtype and not data.variable and not out.variable


def _with_window(module: Module, node: Node) -> Node:
    """`node` with its window, and past the PAD that its window absorbs."""
    graph, op = module.graph, module.op(node.layer)
    if node.kind in ("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN") and node.inputs:
        window = _pool_window(graph, op)
        return replace(node, window=window and turned(window))
    weights = graph.input(op, 1)
    if not node.inputs or weights is None or weights.data is None or len(op.outputs) != 1:
        return node
    if isinstance(op.attributes, FullyConnected):
        outputs, width = weights.shape
        batch = graph.tensors[node.inputs[0]].size // width
        window = Window(batch=1, channels=width, outputs=outputs, y=Axis(size=batch, out=batch), x=Axis(size=1))
        return replace(node, window=turned(window))
    if isinstance(op.attributes, Conv2D):
        window = _conv_window(graph, op, weights.shape)
        source, padding = _folded_pad(module, op)
        if source is None:
            return replace(node, window=turned(window))
        shape = graph.tensors[source].shape
        y = replace(window.y, size=shape[1], before=window.y.before + padding[0])
        x = replace(window.x, size=shape[2], before=window.x.before + padding[1])
        root = module.roots[source]
        return replace(node, window=turned(replace(window, y=y, x=x)), inputs=(root,))
    return node


def _pool_window(graph: Graph, op: Op) -> Window | None:
    """The window of a pooling; None if it is none over rows and columns."""
    shape = graph.tensors[op.inputs[0]].shape
    if len(shape) != 4:
        return None
    batch, height, width, channels = shape
    if isinstance(op.attributes, Pool2D):
        a, out = op.attributes, graph.output(op).shape
        top, _, left, _ = window_padding(graph, op)
        y = Axis(size=height, kernel=a.filter_h, stride=a.stride_h, before=top, out=out[1])
        x = Axis(size=width, kernel=a.filter_w, stride=a.stride_w, before=left, out=out[2])
    else:
        axes = graph.constant(op, 1)
        over = {int(axis) % 4 for axis in axes.reshape(-1)} if axes is not None else set()
        if not over or not over <= {1, 2}:
            return None
        y = Axis(size=height, kernel=height) if 1 in over else Axis(size=height, out=height)
        x = Axis(size=width, kernel=width) if 2 in over else Axis(size=width, out=width)
    maximum = op.kind == "MAX_POOL_2D"
    return Window(batch=batch, channels=channels, outputs=channels, y=y, x=x, depthwise=True, maximum=maximum)


def _conv_window(graph: Graph, op: Op, weights: tuple[int, ...]) -> Window:
    attributes = op.attributes
    assert isinstance(attributes, Conv2D)
    data, out = graph.tensors[op.inputs[0]].shape, graph.output(op).shape
    top, _, left, _ = window_padding(graph, op)
    return Window(
        batch=data[0],
        channels=data[3],
        outputs=out[3],
        y=Axis(
            size=data[1],
            kernel=weights[1],
            stride=attributes.stride_h,
            dilation=attributes.dilation_h,
            before=top,
            out=out[1],
        ),
        x=Axis(
            size=data[2],
            kernel=weights[2],
            stride=attributes.stride_w,
            dilation=attributes.dilation_w,
            before=left,
            out=out[2],
        ),
        depthwise=isinstance(attributes, DepthwiseConv2D) and data[3] > 1,
    )


def _folded_pad(module: Module, op: Op) -> tuple[int | None, tuple[int, int]]:
    """The tensor that a PAD in front of `op` pads, and how many rows and columns it puts before it."""
    graph, attributes = module.graph, op.attributes
    pad = graph.producer(op.inputs[0])
    assert isinstance(attributes, Conv2D)
    if pad is None or pad.kind != "PAD" or attributes.padding != "VALID":
        return None, (0, 0)
    data, out, counts = graph.input(pad, 0), graph.output(pad), graph.constant(pad, 1)
    if data is None or data.data is not None or counts is None or len(data.shape) != 4:
        return None, (0, 0)
    same = data.dtype == out.dtype == "int8" and data.quantization == out.quantization
    if not same or np.any(counts[[0, 3]]):
        return None, (0, 0)
    return pad.inputs[0], (int(counts[1][0]), int(counts[2][0]))


def turned(window: Window) -> Window:
    """The same convolution with rows and columns swapped, if its images are one pixel wide: the same bytes."""
    y, x = window.y, window.x
    row_bytes = max(y.size * window.channels, y.out * window.outputs)
    if x.size > 1 or x.out > 1 or y.size == 1 or row_bytes >= 1 << 15:
        return window
    return replace(window, y=x, x=y, turned=True)
