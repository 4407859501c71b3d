# SPDX-License-Identifier: Apache-2.0
"""Pass 9, schedule: commands in order, each waiting for exactly the commands whose bytes it needs.

A command waits for the last command of each engine that wrote what it reads (RAW), and for the last that
read or wrote what it writes (WAR, WAW). Within one engine only RAW needs a wait: an engine reads and writes
in the order of its commands. A later tile so waits only for the tiles it really reads.

Commands are dispatched in order, and one that waits holds up those behind it. So all but CONVs move
up to where what they need has just been dispatched, but for one CONV more, which keeps the array busy meanwhile.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from celosia.arch.isa import Engine, Opcode, Space
from celosia.arch.registers import PARAMETER_BYTES

from ..commands import add_command, conv_command, depthwise_command, end_command, load_image, transfer
from ..forms import group_words, records_in_all
from ..ir import AddLayer, ArrayLayer, Command, ConvLayer, Module, Piece, Region, Segment, Step, Tile
from ..regions import conflict

__all__ = ["AHEAD", "Tracker", "end_waits", "schedule"]

AHEAD = 127
"""How many commands of an engine may at most be between a count waited for and those dispatched."""


_MOST_ROWS = 256
"""Rows of a region beyond which it counts as one stretch."""


def schedule(module: Module) -> Module:
    """The module with its segments: the setup if memory is external, then one for each array step."""
    segments: list[Segment] = []
    if module.memory == "external":
        segments.append(Segment(step=None, commands=with_waits(module, _setup(module))))
    for index, step in enumerate(module.steps):
        if step.array:
            segments.append(Segment(step=index, commands=with_waits(module, _commands(module, step))))
    return module.replace(segments=tuple(segments))


def _setup(module: Module) -> list[Command]:
    groups = [g for layer in module.layers.values() if not isinstance(layer, AddLayer) for g in layer.groups]
    if not groups:
        return [end_command(0)]
    words = sum(group_words(module.config, group) for group in groups)
    records = records_in_all(module.config, groups)
    weights = load_image(module, Space.WEIGHTS, "weights", words * module.config.weight_word_bytes)
    parameters = load_image(module, Space.PARAMETERS, "parameters", records * PARAMETER_BYTES)
    return [weights, parameters, end_command(0)]


def _commands(module: Module, step: Step) -> list[Command]:
    """The commands of one array step, without waits."""
    external = module.memory == "external"
    commands: list[Command] = []
    left = set(step.uploads)
    for number in step.layers:
        layer = module.layers[number]
        inputs = dict.fromkeys(layer.inputs if isinstance(layer, AddLayer) else (layer.input,))
        for value in (value for value in inputs if external and value in left):
            commands.append(transfer(module, Opcode.LOAD, number, value))
            left.remove(value)
        for part in module.tiles[number]:
            if isinstance(layer, AddLayer):
                assert isinstance(part, Piece)
                commands.append(add_command(module, layer, part))
                continue
            assert isinstance(part, Tile)
            commands.append(_on_array(module, layer, part))
        if external and layer.output in step.downloads:
            commands.append(transfer(module, Opcode.STORE, number, layer.output))
    return [*hoisted(commands), end_command(step.layers[-1])]


def _on_array(module: Module, layer: ArrayLayer, tile: Tile) -> Command:
    if isinstance(layer, ConvLayer):
        return conv_command(module, layer, tile)
    return depthwise_command(module, layer, tile)


def hoisted(commands: list[Command]) -> list[Command]:
    """``commands`` with every ADD, STORE and LOAD as early as it can do any good, CONVs and DEPTHWISEs in their order.

    A LOAD passes the CONVs of one set of weights only: further ahead it would keep the machine from starting.
    """
    result: list[Command] = []
    for command in commands:
        place = len(result)
        passed: set[tuple[int, int]] = set()
        while command.engine is not Engine.CONV and place and _may_pass(command, result[place - 1], passed):
            place -= 1
        result.insert(min(place + 1, len(result)) if place else 0, command)
    return result


def _may_pass(command: Command, before: Command, passed: set[tuple[int, int]]) -> bool:
    """Whether ``command`` may move up before another; ``passed`` collects the weights of the CONVs it has passed."""
    if before.engine is Engine.CONV:
        passed.add((before.layer, before.fields["weight_address"]))
    elif command.opcode is not Opcode.LOAD or before.opcode is Opcode.LOAD:
        return False
    return not conflict(before, command) and (command.opcode is not Opcode.LOAD or len(passed) < 2)


class Tracker:
    """Which command of each engine last read and wrote each part of the memories.

    Kept for every ``granule`` bytes, so that two commands that touch different bytes of one such part count as touching
    the same: a wait too many, never one too few.

    Parameters
    ----------
    sizes:
        Bytes of every memory to watch, external memory (None) among them.
    """

    def __init__(self, sizes: Mapping[Space | None, int], granule: int):
        self._granule = granule
        self._base: dict[Space | None, int] = {}
        parts = 0
        for space, size in sizes.items():
            self._base[space] = parts
            parts += -(-size // granule)
        self._read = np.zeros((len(Engine), parts), np.int32)
        self._written = np.zeros((len(Engine), parts), np.int32)

    def needs(self, engine: Engine | None, reads: tuple[Region, ...], writes: tuple[Region, ...]) -> dict[Engine, int]:
        """Per engine, how many of its commands must have finished before one with these regions."""
        needed = np.zeros(len(Engine), np.int64)
        for index in self._parts(reads):
            needed = np.maximum(needed, self._written[:, index].max(axis=1))
        own = needed[engine] if engine is not None else 0
        for index in self._parts(writes):
            needed = np.maximum(needed, self._written[:, index].max(axis=1))
            needed = np.maximum(needed, self._read[:, index].max(axis=1))
        if engine is not None:
            needed[engine] = own
        return {e: int(needed[e]) for e in Engine}

    def note(self, engine: Engine, count: int, reads: tuple[Region, ...], writes: tuple[Region, ...]) -> None:
        """Command number ``count`` (from 1) of ``engine`` touches these regions."""
        for index in self._parts(reads):
            self._read[engine, index] = count
        for index in self._parts(writes):
            self._written[engine, index] = count

    def _parts(self, regions: tuple[Region, ...]) -> list[slice]:
        return [
            slice(
                self._base[region.space] + start // self._granule,
                self._base[region.space] - (-(start + size) // self._granule),
            )
            for region in regions
            if region.space in self._base
            for start, size in _stretches(region, self._granule)
        ]


def _stretches(region: Region, granule: int) -> list[tuple[int, int]]:
    """First bytes and sizes of what a region's rows cover, with gaps below a granule and those of very many rows."""
    if region.rows == 1 or region.pitch - region.row_bytes < granule or region.rows > _MOST_ROWS:
        return [(region.start, (region.rows - 1) * region.pitch + region.row_bytes)]
    return [(region.start + row * region.pitch, region.row_bytes) for row in range(region.rows)]


def end_waits(issued: Mapping[Engine, int]) -> dict[Engine, int]:
    """Waits of an END behind so many commands of each engine: it waits for all of them by itself, its header for none
    but those too long ago to be counted from."""
    return {engine: max(0, issued[engine] - AHEAD) for engine in Engine}


def with_waits(module: Module, commands: list[Command]) -> tuple[Command, ...]:
    """``commands`` with their waits."""
    config = module.config
    watched: dict[Space | None, int] = {Space.ACTIVATIONS: config.activation_bytes, Space.WEIGHTS: config.weight_bytes}
    tracker = Tracker(watched, config.bus_bytes)
    issued: Counter[Engine] = Counter()
    result: list[Command] = []
    for command in commands:
        engine = command.engine
        if engine is None:
            waits = end_waits(issued)
        else:
            waits = tracker.needs(engine, command.reads, command.writes)
            waits = {e: max(count, issued[e] - AHEAD) for e, count in waits.items()}
            issued[engine] += 1
            tracker.note(engine, issued[engine], command.reads, command.writes)
        result.append(replace(command, waits=waits))
    return tuple(result)
