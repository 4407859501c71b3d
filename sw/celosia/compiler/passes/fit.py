# SPDX-License-Identifier: Apache-2.0
"""Pass 3, fit: depthwise layers that the memories have no room for go back to the host.

As matrix products their weight tiles hold a diagonal and zeros, so that they take R times the room of their weights.
The ones that take most leave first; dense layers never do. A PAD that such a convolution had absorbed comes back, and
only then are the operators dropped whose result nothing reads.

Where the gaps that DEPTHWISE needs in images make a memory too small, layers lose it, those with the widest gaps first.
"""

from collections.abc import Collection
from itertools import groupby

from ..errors import CompileError
from ..forms import group_words, records_in_all
from ..ir import AddLayer, DownGroup, Group, Layer, Module, Node
from .allocate import allocate
from .layout import layout
from .lower import lower
from .place import drop_unread, on_host
from .segment import segment
from .tile import tile

__all__ = ["fit"]


def fit(module: Module) -> Module:
    """The module with as many depthwise layers on the array as fit, without operators nobody reads."""
    needed = drop_unread(module)
    if any(node.place == "unsupported" for node in needed.nodes):
        return needed
    while True:
        fitting = _constants_fit(module)
        laid = layout(fitting)
        if not laid.layouts or _fits(laid):
            return fitting
        module = module.replace(refused=module.refused | {_widest(laid)})


def _fits(module: Module) -> bool:
    """Whether a module with layouts has room in the local memories."""
    try:
        allocate(segment(tile(lower(module))))
    except CompileError:
        return False
    return True


def _widest(module: Module) -> int:
    """The layer for which values are laid out with the most bytes of gaps, or of rows stored twice."""

    def gaps(node: Node) -> int:
        values = (*node.inputs, *(node.outputs if node.layer in module.plans else ()))
        return sum(module.stored(value) - module.size(value) for value in values)

    interleaved = {value for value, layout in module.layouts.items() if layout.lines is not None}
    laid_out = (n for n in module.nodes if n.layer in module.plans or interleaved & {*n.inputs})
    return max(laid_out, key=gaps).layer


def _constants_fit(module: Module) -> Module:
    """The module with the layers on the host that the weight, parameter and program memories have no room for."""
    needed = drop_unread(module)
    tiled = tile(lower(layout(needed)))
    sizes = {number: _sizes(tiled, layer) for number, layer in tiled.layers.items()}
    movable = [n.layer for n in tiled.nodes if n.place == "array" and n.window and n.window.depthwise]
    room = (needed.config.weight_words, needed.config.parameter_records)
    leaving: set[int] = set()
    for number in sorted(movable, key=lambda number: sizes[number], reverse=True):
        words, commands = (sum(column) for column in zip(*sizes.values(), strict=True))
        commands += _overhead(needed, sizes.keys())
        records = records_in_all(needed.config, (g for number in sizes for g in _groups(tiled.layers[number])))
        if words <= room[0] and records <= room[1] and commands <= needed.config.program_commands:
            break
        leaving.add(number)
        del sizes[number]
    why = "its weight tiles have no room in the core's memories beside the other layers'"
    nodes = tuple(on_host(needed, node, why) if node.layer in leaving else node for node in module.nodes)
    return drop_unread(module.replace(nodes=nodes))


def _overhead(module: Module, layers: Collection[int]) -> int:
    """Commands besides the layers' tiles: setup, END and transfers."""
    starts = [array for array, _ in groupby(node.layer in layers for node in module.nodes)].count(True)
    if module.memory == "local":
        return starts
    return 3 + 3 * starts


def _groups(layer: Layer) -> tuple[Group | DownGroup, ...]:
    return () if isinstance(layer, AddLayer) else layer.groups


def _sizes(module: Module, layer: Layer) -> tuple[int, int]:
    """Weight words and tiles of a layer."""
    return sum(group_words(module.config, group) for group in _groups(layer)), len(module.tiles[layer.layer])
