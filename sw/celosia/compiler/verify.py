# SPDX-License-Identifier: Apache-2.0
"""What must hold after each pass. A violation is a bug in that pass, and says so."""

from collections import Counter
from collections.abc import Callable
from math import prod

import numpy as np

from celosia.arch.isa import Engine

from .errors import VerifierError
from .ir import AddLayer, Command, DepthwiseLayer, DownGroup, Module, Piece, Tile
from .passes.layout import laid_out
from .passes.place import PLACES
from .regions import touch
from .walks import walk_of

__all__ = ["CHECKS", "verify"]


def verify(name: str, module: Module) -> Module:
    """``module`` itself, if it is what pass ``name`` promises.

    Raises
    ------
    VerifierError
        It is not; the message names the pass.
    """
    for problem in CHECKS[name](module):
        raise VerifierError(f"pass {name} left a fault behind: {problem}; please report the network that causes it")
    return module


def _legalized(module: Module) -> list[str]:
    problems: list[str] = []
    known = {module.roots[i] for i in module.graph.inputs}
    for node in module.nodes:
        for value in node.inputs:
            if module.roots[value] != value:
                problems.append(f"operator {node.layer} reads tensor {value}, which has no bytes of its own")
            if value not in known and not module.graph.tensors[value].variable:
                problems.append(f"operator {node.layer} reads tensor {value} before it is made")
        known.update(node.outputs)
        w = node.window
        if w is None:
            continue
        if w.batch * w.y.out * w.x.out * w.outputs != module.size(node.outputs[0]):
            problems.append(f"the window of operator {node.layer} does not make its output")
        if w.batch * w.y.size * w.row_bytes != module.size(node.inputs[0]):
            problems.append(f"the window of operator {node.layer} does not cover its input")
    return problems


def _placed(module: Module) -> list[str]:
    wrong = [n for n in module.nodes if n.place not in PLACES]
    blind = [n for n in module.nodes if n.place == "array" and n.window is None]
    return [f"operator {n.layer} has place {n.place!r}" for n in wrong] + [
        f"operator {n.layer} is on the array without a window" for n in blind
    ]


def _laid_out(module: Module) -> list[str]:
    problems: list[str] = []
    for node in module.nodes:
        if node.place == "array" and laid_out(node, module.layouts) is None:
            problems.append(f"operator {node.layer} cannot read or write its values where they lie")
        if node.place == "lanes" and len({module.layouts.get(v) for v in (*node.inputs, *node.outputs)}) > 1:
            problems.append(f"the values of operator {node.layer} do not lie alike")
    for value, layout in module.layouts.items():
        if prod(layout.shape) != module.size(value):  # a value, not the lines it may be stored as
            problems.append(f"value {value} does not have {layout.shape} bytes")
    return problems


def _lowered(module: Module) -> list[str]:
    problems: list[str] = []
    wanted = {node.layer for node in module.nodes if node.place != "host"}
    if wanted != set(module.layers):
        problems.append(f"layers {sorted(module.layers)} where {sorted(wanted)} are placed")
    for layer in module.layers.values():
        if isinstance(layer, AddLayer):
            continue
        sizes = [(g.first, g.channels if isinstance(g, DownGroup) else len(g.weights)) for g in layer.groups]
        channels = [c for first, size in sizes for c in range(first, first + size)]
        w = layer.window
        if sorted(channels) != list(range(w.outputs)):
            problems.append(f"the groups of layer {layer.layer} do not make each channel once")
        written = w.written
        end = (w.batch - 1) * written.image + (w.y.out - 1) * written.row + (w.x.out - 1) * written.pixel + w.outputs
        if not module.size(layer.output) <= end <= module.stored(layer.output):
            problems.append(f"the window of layer {layer.layer} does not make its output")
    return problems


def _tiled(module: Module) -> list[str]:
    problems: list[str] = []
    for number, layer in module.layers.items():
        parts = module.tiles[number]
        if isinstance(layer, AddLayer):
            lines = [line for p in parts if isinstance(p, Piece) for line in range(p.line, p.line + p.lines)]
            if lines != list(range(module.lines(layer.output))):
                problems.append(f"the pieces of layer {number} do not make each line once")
            continue
        window = layer.window
        limit = module.config.accumulators
        made = np.zeros((window.batch, len(layer.groups), window.y.out, window.x.out), np.int32)
        for tile in (part for part in parts if isinstance(part, Tile)):
            made[tile.batch, tile.group, tile.y : tile.y + tile.height, tile.x : tile.x + tile.width] += 1
            if isinstance(layer, DepthwiseLayer):
                walk = walk_of(module.config, window, layer.plan)
                pixels = walk.rows(tile.height) * walk.outputs(tile.width) if walk.several else 0
            else:
                pixels = tile.height * tile.width
            if pixels > limit:
                problems.append(f"a tile of layer {number} has more pixels than there are accumulators")
        if (made != 1).any():
            problems.append(f"the tiles of layer {number} do not make each pixel once")
    return problems


def _segmented(module: Module) -> list[str]:
    order = [layer for step in module.steps for layer in step.layers]
    return [] if order == [n.layer for n in module.nodes] else [f"the steps hold operators {order}"]


def _allocated(module: Module) -> list[str]:
    """Follow the values through the lines: whoever reads one must find it as it was made."""
    problems: list[str] = []
    owner = np.full(module.config.activation_lines, -1)

    def lines(value: int) -> slice:
        first, rest = divmod(module.addresses[value], module.config.line_bytes)
        if rest or first + module.lines(value) > len(owner):
            problems.append(f"value {value} is not on lines of the memory")
        return slice(first, first + module.lines(value))

    def find(value: int, who: str) -> None:
        if (owner[lines(value)] != value).any():
            problems.append(f"value {value} is overwritten before {who} reads it")

    for index, step in enumerate(step for step in module.steps if step.array):
        for value in step.uploads:
            owner[lines(value)] = value
        for number in step.layers:
            layer = module.layers[number]
            for value in layer.inputs if isinstance(layer, AddLayer) else (layer.input,):
                find(value, f"layer {number}")
            if not isinstance(layer, AddLayer) and (owner[lines(layer.output)] == layer.input).any():
                problems.append(f"layer {number} writes over its own input")
            owner[lines(layer.output)] = layer.output
        for value in step.downloads:
            find(value, f"the download after step {index}")
    return problems


def _scheduled(module: Module) -> list[str]:
    """Every two commands that touch the same bytes, one of them writing, are ordered by waits or engine."""
    return [problem for segment in module.segments for problem in races(segment.commands)]


def races(commands: tuple[Command, ...]) -> list[str]:
    """Pairs of commands that may run at once although they touch the same bytes, and waits without end."""
    problems: list[str] = []
    reached: Counter[Engine] = Counter()
    issued: Counter[Engine] = Counter()
    earlier: list[tuple[Command, Engine, int]] = []
    for number, command in enumerate(commands):
        for engine, count in command.waits.items():
            if not issued[engine] - 127 <= count <= issued[engine]:
                problems.append(f"command {number} waits for {count} of {issued[engine]} {engine.name} commands")
            reached[engine] = max(reached[engine], count)
        for other, engine, count in earlier:
            if count > reached[engine] and _conflict(command, other, engine is command.engine):
                problems.append(f"command {number} does not wait for {engine.name} command {count}")
        if command.engine is not None:
            issued[command.engine] += 1
            earlier.append((command, command.engine, issued[command.engine]))
    return problems


def _conflict(late: Command, early: Command, same_engine: bool) -> bool:
    if touch(late.reads, early.writes):
        return True
    return not same_engine and (touch(late.writes, early.reads) or touch(late.writes, early.writes))


CHECKS: dict[str, Callable[[Module], list[str]]] = {
    "legalize": _legalized,
    "place": _placed,
    "fit": lambda module: _legalized(module) + _placed(module),
    "layout": lambda module: _placed(module) + _laid_out(module),
    "lower": _lowered,
    "tile": _tiled,
    "segment": _segmented,
    "allocate": _allocated,
    "schedule": _scheduled,
}
"""By pass, what is wrong with what it made."""
