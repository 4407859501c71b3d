# SPDX-License-Identifier: Apache-2.0
"""Rows that the bus can move one by one: gaps behind those of large values that do not end with a bus word.

An ADD goes through its values by lines, so that rows of values that it joins must be whole lines.
"""

from celosia.arch.config import Config

from ..ir import Module
from ..layouts import Layout, Pitch
from ..passes.layout import able

__all__ = ["with_whole_rows"]

_SMALL = 8
"""Values below this share of the activation memory stay as they are."""


def with_whole_rows(module: Module) -> Module:
    """The module, after the pass layout, with rows of whole bus words where all operators can live with them."""
    layouts = dict(module.layouts)
    for values in _classes(module):
        shape = module.graph.tensors[min(values)].shape
        if values & layouts.keys() or len(shape) != 4 or shape[0] != 1:
            continue
        joined = any(node.place == "lanes" and values & {*node.inputs, *node.outputs} for node in module.nodes)
        found = _layout(module.config, shape, joined)
        if found.is_dense or module.size(min(values)) * _SMALL < module.config.activation_bytes:
            continue
        wanted = layouts | dict.fromkeys(values, found)
        near = [n for n in module.nodes if n.place == "array" and values & {*n.inputs, *n.outputs}]
        if all(able(module, node, module.plans, wanted) for node in near):
            layouts = wanted
    return module.replace(layouts=layouts)


def _layout(config: Config, shape: tuple[int, ...], joined: bool) -> Layout:
    images, height, width, channels = shape
    unit = config.line_bytes if joined else config.bus_bytes
    row = -(-width * channels // unit) * unit
    return Layout((images, height, width, channels), Pitch(channels, row, height * row))


def _classes(module: Module) -> list[set[int]]:
    """The values of the core, those together that ADDs join."""
    classes: list[set[int]] = []
    for node in module.nodes:
        if node.place == "host":
            continue
        values = [*node.inputs, *node.outputs]
        for group in [values] if node.place == "lanes" else [[value] for value in values]:
            touched = [known for known in classes if known & {*group}]
            classes = [known for known in classes if known not in touched]
            classes.append({*group}.union(*touched))
    return classes
