# SPDX-License-Identifier: Apache-2.0
"""Pass 4, layout: which depthwise layers use the array's second dataflow, and where values lie for it.

Every depthwise convolution and pooling gets the plan (:mod:`celosia.compiler.plan`) that takes the fewest cycles, if it
takes fewer than a matrix product, among those whose needs all other operators on the same values can live with. What a
value needs is the sum of the needs of the layers around it. Values that an ADD joins lie alike, so that it can
go through them line by line.

An input of the network that only one convolution reads may have its rows interleaved.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from celosia.model.graph import Graph, Op

from ..average import average_parameters
from ..down import Walk, down_cycles
from ..forms import best_form, form_cycles
from ..interleave import interleaved, interleaved_window
from ..ir import Axis, Module, Node, Window
from ..layouts import Layout, Need, layout_for
from ..plan import Plan
from ..rules import WINDOW_RULES, Candidate, broken_rule
from ..walks import plans_for, walk_of
from .place import on_host

__all__ = ["able", "filter_of", "laid_out", "layout"]

Shape = tuple[int, int, int, int]


def layout(module: Module) -> Module:
    """The module with the layouts of its values and the plans of its depthwise layers."""
    talks = _Talks(module)
    nodes = tuple(_settle(module, talks, node) for node in module.nodes)
    layouts = talks.layouts()
    for node in nodes:
        if _may_interleave(module, node) and node.inputs[0] not in layouts:
            layouts |= _interleaved(module, node)
    return module.replace(nodes=nodes, layouts=layouts, plans=talks.plans)


def _may_interleave(module: Module, node: Node) -> bool:
    """Whether a node is a convolution that reads an input of the network which nothing else does."""
    if node.place != "array" or node.window is None or node.window.depthwise or node.layer in module.refused:
        return False
    value = node.inputs[0]
    inputs = {module.roots[tensor] for tensor in module.graph.inputs}
    alone = sum(value in other.inputs for other in module.nodes) == 1
    return alone and value in inputs and value not in module.outputs()


def _interleaved(module: Module, node: Node) -> dict[int, Layout]:
    """The layout of a convolution's input with interleaved rows, if that is faster."""
    window, value = node.window, node.inputs[0]
    assert window is not None
    weights = filter_of(module.graph, module.op(node.layer), window)
    cost = 1 / module.config.bus_bytes if module.memory == "external" else 0.0
    found = interleaved(module.config, weights, window, module.graph.tensors[value].zero_point, cost)
    return {} if found is None else {value: found}


def filter_of(graph: Graph, op: Op, window: Window) -> np.ndarray:
    """The weights of a convolution as (output channels, kernel rows, kernel columns, input channels that count), of
    a pooling as the same of a depthwise convolution."""
    y, x = window.y.kernel, window.x.kernel
    if window.maximum:
        return np.ones((window.outputs, y, x, 1), np.int8)
    if op.kind in ("AVERAGE_POOL_2D", "MEAN"):
        average = average_parameters(graph, op, window)
        assert average is not None
        return np.full((window.outputs, y, x, 1), average.weight, np.int8)
    weights = graph.constant(op, 1)
    assert weights is not None
    if op.kind == "DEPTHWISE_CONV_2D":
        weights = np.moveaxis(weights, 3, 0)
    if window.turned:
        return np.swapaxes(weights.reshape(window.outputs, x, y, -1), 1, 2)
    return weights.reshape(window.outputs, y, x, -1)


def laid_out(node: Node, layouts: dict[int, Layout]) -> Window | None:
    """The window of a node over values that lie as ``layouts`` says; None if it has none over them.

    A matrix product with all pixels of a value becomes a convolution whose kernel is the whole image.
    """
    window = node.window
    assert window is not None
    source, target = layouts.get(node.inputs[0]), layouts.get(node.outputs[0])
    if source is not None and source.lines is not None:
        window = interleaved_window(window, source)
    elif source is not None:
        pitch = source.seen_as((window.batch, window.y.size, window.x.size, window.channels))
        if pitch is not None:
            window = replace(window, source=pitch)
        elif not source.is_dense:
            images, height, width, channels = source.shape
            whole = window.y.size == window.x.size == images == 1 and window.channels == height * width * channels
            if not whole or window.depthwise:
                return None
            y, x = (Axis(size=size, kernel=size) for size in (height, width))
            window = replace(window, channels=channels, y=y, x=x, source=source.pitch)
    if target is not None:
        pitch = target.seen_as((window.batch, window.y.out, window.x.out, window.outputs))
        if pitch is None and not target.is_dense:
            return None
        window = replace(window, target=pitch)
    return window


@dataclass
class _Talks:
    """What has been agreed so far: shape and needs of every class of values that lie alike."""

    module: Module
    plans: dict[int, Plan] = field(default_factory=dict)
    settled: dict[int, Node] = field(default_factory=dict)
    """Layers with a plan, with the windows that it is for."""
    needs: dict[int, tuple[Shape, Need]] = field(default_factory=dict)
    classes: dict[int, int] = field(default_factory=dict)
    """The representative of every value that an ADD joins with others."""

    def __post_init__(self):
        for node in self.module.nodes:
            if node.place == "lanes":
                values = (*node.inputs, *node.outputs)
                old = {self.of(value) for value in values}
                merged = {value for value in self.classes if self.classes[value] in old} | {*values}
                self.classes |= dict.fromkeys(merged, min(old))

    def of(self, value: int) -> int:
        """The representative of a value's class."""
        return self.classes.get(value, value)

    def layouts(self, needs: dict[int, tuple[Shape, Need]] | None = None) -> dict[int, Layout]:
        """The layout of every value with needs."""
        needs = self.needs if needs is None else needs
        by_class = {key: layout_for(self.module.config, *need) for key, need in needs.items()}
        members = {*self.classes, *needs}
        return {value: by_class[self.of(value)] for value in members if self.of(value) in by_class}

    def agree(self, node: Node, walk: Walk) -> bool:
        """Whether all operators can live with a plan, for a window of the node or the same in one row; if so, it is
        taken."""
        window, plan = node.window, walk.plan
        assert window is not None
        needs = dict(self.needs)
        wanted = (
            (node.inputs[0], (window.batch, window.y.size, window.x.size, window.channels), plan.needs_of_input),
            (node.outputs[0], (window.batch, window.y.out, window.x.out, window.outputs), plan.needs_of_output),
        )
        for value, shape, need in wanted:
            known, before = needs.get(self.of(value), (shape, Need()))
            if known != shape:
                return False
            needs[self.of(value)] = (shape, before.joined(need))
        plans = {**self.plans, node.layer: plan}
        settled = {**self.settled, node.layer: replace(node, window=walk.window)}
        layouts = self.layouts(needs)
        changed = {self.of(value) for value, *_ in wanted}
        for near in (settled.get(n.layer, n) for n in self.module.nodes):
            touched = {self.of(value) for value in (*near.inputs, *near.outputs)}
            if near.place == "array" and changed & touched and not able(self.module, near, plans, layouts):
                return False
        self.plans, self.settled, self.needs = plans, settled, needs
        return True


def able(module: Module, node: Node, plans: dict[int, Plan], layouts: dict[int, Layout]) -> bool:
    """Whether a node on the array can work on values that lie like this."""
    window = laid_out(node, layouts)
    if window is None:
        return False
    if node.layer in plans:
        return walk_of(module.config, window, plans[node.layer]).legal()
    candidate = Candidate(module.graph, module.op(node.layer), replace(node, window=window), module.config)
    return broken_rule(WINDOW_RULES, candidate) is None


def _settle(module: Module, talks: _Talks, node: Node) -> Node:
    """The node with the plan that suits it best, if it is a depthwise one."""
    window = node.window
    if node.place != "array" or window is None or not window.depthwise:
        return node
    pooling = node.kind != "DEPTHWISE_CONV_2D"
    limit = None if pooling else _as_product(module, node, window)
    windows = () if node.layer in module.refused else (window, *_in_one_row(window))
    walks = [walk for one in windows for walk in plans_for(module.config, one) if walk.legal()]
    for cycles, _, walk in sorted((down_cycles(walk), index, walk) for index, walk in enumerate(walks)):
        if limit is not None and cycles >= limit:
            break
        if talks.agree(node, walk):
            passes = walk.passes[0] * walk.passes[1]
            why = f"{walk.config.down_channels} channels at a time down the array: {walk.plan.name}"
            return replace(node, window=walk.window, why=why if passes == 1 else f"{why}, {passes} passes")
    if pooling:
        return on_host(module, node, "to run on the array, its image must be one that can be laid out for it")
    return replace(node, why="a matrix product, one diagonal a weight tile")


def _in_one_row(window: Window) -> list[Window]:
    """The same window over an image of one row, if it is the whole image: rows without gaps follow each other."""
    y, x = window.y, window.x
    if y.size == 1 or any((a.kernel, a.before, a.out) != (a.size, 0, 1) for a in (y, x)):
        return []
    size = y.size * x.size
    return [replace(window, y=Axis(size=1), x=Axis(size=size, kernel=size))]


def _as_product(module: Module, node: Node, window: Window) -> int:
    """Cycles of a depthwise convolution as a matrix product."""
    weights = filter_of(module.graph, module.op(node.layer), window)
    return form_cycles(module.config, best_form(module.config, weights, window))
