# SPDX-License-Identifier: Apache-2.0
"""Pass 3, fit: depthwise convolutions that the memories have no room for go back to the host.

Their weight tiles hold a diagonal and zeros, so they take R times the room of their weights. The ones that
take most leave first; dense layers never do. A PAD that such a convolution had absorbed comes back, and only
then are the operators dropped whose result nothing reads.

If the dense layers' weights alone are too large and there is external memory, weights are streamed.
"""

from collections.abc import Collection
from itertools import groupby

from ..forms import group_records, group_words
from ..ir import ConvLayer, Layer, Module
from .lower import lower
from .place import drop_unread, on_host
from .tile import tile

__all__ = ["fit"]


def fit(module: Module) -> Module:
    """The module with as many depthwise convolutions on the array as fit, without operators nobody reads."""
    needed = drop_unread(module)
    if any(node.place == "unsupported" for node in needed.nodes):
        return needed
    tiled = tile(lower(needed))
    sizes = {number: _sizes(tiled, layer) for number, layer in tiled.layers.items()}
    movable = [n.layer for n in needed.nodes if n.place == "array" and n.window and n.window.depthwise]
    fixed = sum(words for number, (words, _, _) in sizes.items() if number not in movable)
    streamed = module.memory == "external" and fixed > module.config.weight_words
    room = (1 << 32 if streamed else module.config.weight_words, module.config.parameter_records)
    leaving: set[int] = set()
    for number in sorted(movable, key=lambda number: sizes[number], reverse=True):
        words, records, commands = (sum(column) for column in zip(*sizes.values(), strict=True))
        commands += _overhead(needed, sizes.keys(), streamed)
        if words <= room[0] and records <= room[1] and commands <= module.config.program_commands:
            break
        leaving.add(number)
        del sizes[number]
    why = "its weights, spread on diagonals, have no room in the core's memories beside the other layers'"
    nodes = tuple(on_host(module, node, why) if node.layer in leaving else node for node in module.nodes)
    return drop_unread(module.replace(nodes=nodes, streamed=streamed))


def _overhead(module: Module, layers: Collection[int], streamed: bool) -> int:
    """Commands besides the layers' tiles: setup, END, transfers, and the loading of streamed weights."""
    starts = [array for array, _ in groupby(node.layer in layers for node in module.nodes)].count(True)
    if module.memory == "local":
        return starts
    return 3 + 3 * starts + (2 * len(layers) if streamed else 0)


def _sizes(module: Module, layer: Layer) -> tuple[int, int, int]:
    """Weight words, parameter records and tiles of a layer."""
    groups = layer.groups if isinstance(layer, ConvLayer) else ()
    words = sum(group_words(module.config, group) for group in groups)
    return words, sum(group_records(module.config, group) for group in groups), len(module.tiles[layer.layer])
