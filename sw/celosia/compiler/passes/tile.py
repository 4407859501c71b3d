# SPDX-License-Identifier: Apache-2.0
"""Pass 6, tile: each layer as commands that fit the accumulators.

Convolutions are cut by a strategy (:mod:`celosia.compiler.strategies`). An ADD is cut where the later of its
inputs was, so that its first piece runs while the array still makes the rest.
"""

from itertools import pairwise

from ..ir import AddLayer, ArrayLayer, Module, Piece, Tile
from ..strategies import Strategy, largest

__all__ = ["cuts", "tile"]


def tile(module: Module, strategy: Strategy = largest) -> Module:
    """The module with the commands of every layer, convolutions cut by ``strategy``."""
    tiles: dict[int, tuple[Tile | Piece, ...]] = {}
    makers: dict[int, int] = {}
    for number, layer in module.layers.items():
        makers[layer.output] = number
        if isinstance(layer, AddLayer):
            tiles[number] = _pieces(module, layer, tiles, makers)
        else:
            tiles[number] = _tiles(module, layer, strategy)
    return module.replace(tiles=tiles)


def _tiles(module: Module, layer: ArrayLayer, strategy: Strategy) -> tuple[Tile, ...]:
    """Every group of a rectangle before the next rectangle."""
    return tuple(
        Tile(batch=batch, group=group, y=y, x=x, height=height, width=width)
        for batch in range(layer.window.batch)
        for y, height, x, width in strategy(module, layer)
        for group in range(len(layer.groups))
    )


def cuts(module: Module, number: int, tiles: dict[int, tuple[Tile | Piece, ...]]) -> list[int]:
    """Byte offsets in a layer's output up to which it is complete after some of its commands, ascending."""
    layer = module.layers[number]
    if isinstance(layer, AddLayer):
        line = module.config.line_bytes
        pieces = [piece for piece in tiles[number] if isinstance(piece, Piece)]
        return [min((piece.line + piece.lines) * line, layer.size) for piece in pieces]
    window = layer.window
    row, image = window.written.row, window.written.image
    blocks = [t for t in tiles[number] if isinstance(t, Tile) and t.x + t.width == window.x.out]
    return sorted({t.batch * image + (t.y + t.height) * row for t in blocks})


def _pieces(
    module: Module, layer: AddLayer, tiles: dict[int, tuple[Tile | Piece, ...]], makers: dict[int, int]
) -> tuple[Piece, ...]:
    line = module.config.line_bytes
    lines = -(-layer.size // line)
    known = [makers[value] for value in layer.inputs if value in makers]
    edges = {0, lines}
    if known:
        edges |= {cut // line for cut in cuts(module, max(known), tiles)[:-1]}
    ordered = sorted(edges)
    return tuple(Piece(line=a, lines=b - a) for a, b in pairwise(ordered))
