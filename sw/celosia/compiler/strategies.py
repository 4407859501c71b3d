# SPDX-License-Identifier: Apache-2.0
"""How layers are cut into tiles: small functions that the compiler races against each other.

A strategy gets a module and one of its convolutions, and returns the rectangles of output pixels that its
commands make, in order. Each output pixel must be in one of them, and none may have more pixels than there
are accumulators. To try one of your own::

    def rows(module, layer):
        return [(y, 1, x, width) for y in range(layer.window.y.out)
                for x, width in split(layer.window.x.out, module.config.accumulators)]

    program = compile(graph, config, strategies={"a row at a time": rows})

Few large tiles load each weight least often. Smaller ones let what follows (the next layer's first tile, an ADD)
start before a layer is done. Which is better depends on the network: the timing model decides.
"""

from collections.abc import Callable, Sequence

from .ir import ArrayLayer, DepthwiseLayer, Module
from .walks import walk_of

__all__ = ["STRATEGIES", "Rectangle", "Strategy", "blocks", "largest", "split"]

Rectangle = tuple[int, int, int, int]
"""First row, rows, first column, columns of output pixels."""

Strategy = Callable[[Module, ArrayLayer], Sequence[Rectangle]]


def split(total: int, most: int) -> list[tuple[int, int]]:
    """(start, length) of the fewest parts of ``total`` of at most ``most`` each, as even as they can be."""
    parts = -(-total // most)
    edges = [total * part // parts for part in range(parts + 1)]
    return [(edges[part], edges[part + 1] - edges[part]) for part in range(parts)]


def largest(module: Module, layer: ArrayLayer) -> list[Rectangle]:
    """The fewest blocks of whole rows; where one row has more pixels than there are accumulators, parts of it."""
    return _blocks(module, layer, 1)


def blocks(count: int) -> Strategy:
    """At least ``count`` blocks of rows, unless they become so small that the array waits for weights."""

    def strategy(module: Module, layer: ArrayLayer) -> list[Rectangle]:
        return _blocks(module, layer, count)

    return strategy


def _blocks(module: Module, layer: ArrayLayer, count: int) -> list[Rectangle]:
    y, x, config = layer.window.y, layer.window.x, module.config
    if isinstance(layer, DepthwiseLayer):
        return walk_of(config, layer.window, layer.plan).tiles()
    enough = -(-2 * config.weight_cycles // x.out)
    rows = min(max(1, config.accumulators // x.out), max(enough, -(-y.out // count)))
    return [
        (first_y, height, first_x, width)
        for first_y, height in split(y.out, rows)
        for first_x, width in split(x.out, config.accumulators)
    ]


STRATEGIES: dict[str, Strategy] = {
    "largest": largest,
    "two blocks": blocks(2),
    "three blocks": blocks(3),
    "four blocks": blocks(4),
    "six blocks": blocks(6),
}
"""What :func:`celosia.compiler.compile` tries; of equals, the first wins."""
