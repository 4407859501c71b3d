# SPDX-License-Identifier: Apache-2.0
"""What a stage costs, from the timing model's terms: fast enough to ask about thousands of stages.

The array works, the bus moves bytes, and convolutions' results, element-wise lines and transfers of activations take
turns at one port of the activation memory. The busiest of them decides; what cannot overlap comes on top. Whole
programs are predicted exactly afterwards (:mod:`celosia.arch.timing`): these are estimates to search with.
"""

from collections.abc import Set
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

from celosia.arch.isa import Engine
from celosia.arch.registers import PARAMETER_BYTES
from celosia.arch.timing.conv import (
    LANES_LATENCY,
    STEP_LATENCY,
    accumulator_latency,
    array_latency,
    feeder_latency,
    minimum_tile_cycles,
    output_latency,
)
from celosia.arch.timing.elementwise import slots_per_line
from celosia.arch.timing.program import CHECK_CYCLES, FETCH_CYCLES
from celosia.arch.timing.transfer import transfer_cycles

from ..forms import group_records
from ..ir import AddLayer, ConvLayer, DepthwiseLayer, DownGroup
from ..passes.allocate import Buffer, first_fit
from ..strategies import split
from ..walks import walk_of
from .network import Network
from .parts import part_limits, units
from .storage import pairs, stage_rooms
from .strips import Strip, strip_count, typical
from .tiling import Order, Stage

__all__ = ["Costs", "Estimate"]


class Estimate(NamedTuple):
    """What a stage takes: cycles, and bytes through the external bus."""

    cycles: float
    traffic: int


class _Constants(NamedTuple):
    """Bytes of weights and records that a stage loads, and in how many LOADs."""

    size: int
    transfers: int


class _Share(NamedTuple):
    """Cycles of the array, and cycles in which results are written, of a layer's rows."""

    array: int
    writes: int
    commands: int


@dataclass(eq=False)
class Costs:
    """Estimates for one network; what has been computed is kept."""

    network: Network

    def __post_init__(self):
        self._shares: dict[tuple[int, int, int], _Share] = {}
        self._lines: dict[tuple[Stage, frozenset[int]], int] = {}
        self._typical: dict[tuple[tuple[int, ...], int], list[tuple[Strip, int]]] = {}

    @cached_property
    def _latency(self) -> int:
        """From the end of a command to the start of one that waits for it."""
        config = self.network.config
        return (
            STEP_LATENCY + feeder_latency(config) + array_latency(config) + accumulator_latency(config)
            + LANES_LATENCY + output_latency(config) + CHECK_CYCLES
        )  # fmt: skip

    def strips(self, stage: Stage) -> list[tuple[Strip, int]]:
        """:func:`typical` of a stage, which depends on its layers and its height alone."""
        key = (stage.layers, stage.height)
        if key not in self._typical:
            self._typical[key] = typical(self.network, stage)
        return self._typical[key]

    def lines(self, stage: Stage, resident: frozenset[int]) -> int:
        """The most activation lines that a stage's own buffers take at once."""
        key = (stage, resident)
        if key not in self._lines:
            self._lines[key] = self._find_lines(stage, resident)
        return self._lines[key]

    def _find_lines(self, stage: Stage, resident: Set[int]) -> int:
        some = [strip for strip, _ in self.strips(stage)]
        if strip_count(self.network, stage) > 1 and len(some) == 1:
            some = some * 2
        end = len(stage.layers) + 1
        rooms = stage_rooms(self.network, stage, resident, 0, end, some)
        unique = {id(room): room for room in rooms.values()}.values()
        buffers = [Buffer([r.value], r.lines, r.first, r.last) for r in unique for _ in range(r.copies)]
        return first_fit(sorted(buffers, key=lambda b: (-b.lines, b.first)))

    def estimate(self, stage: Stage, resident: Set[int], stored: Set[int]) -> Estimate:
        """A stage whose ``resident`` values are on chip, and which stores what it makes of ``stored``."""
        network, config = self.network, self.network.config
        beats_cost = (1 + network.timing.gap) / config.bus_bytes
        count = strip_count(network, stage)
        array = writes = lanes = waits = 0
        moved = transfers = first_load = 0
        split_pairs = pairs(network, stage)
        followers = set(split_pairs.values())
        for index, (strip, times) in enumerate(self.strips(stage)):
            for number, rows in strip.made.items():
                layer = network.layers[number]
                if isinstance(layer, AddLayer):
                    size = min((rows[1] - rows[0]) * network.rows(layer.output).pitch, network.rows(layer.output).size)
                    lanes += times * 3 * -(-size // config.line_bytes) * slots_per_line(config)
                    continue
                chunk = stage.split if number in split_pairs or number in followers else 0
                share = self._share(number, rows[1] - rows[0], chunk)
                array += times * share.array
                writes += times * share.writes
                waits += times * (share.commands * CHECK_CYCLES + (0 if number in followers else self._latency))
            loads = [self._bytes(v, r) for v, r in strip.read.items() if v not in resident]
            stores = [self._bytes(v, r) for v, r in strip.stored.items() if v in stored]
            moved += times * (sum(loads) + sum(stores))
            transfers += times * (len(loads) + len(stores))
            first_load = sum(loads) if index == 0 else first_load
        activations = moved
        constants, pieces = self._constants(stage, 1 if stage.order is Order.WEIGHTS else count)
        if stage.order is Order.WEIGHTS:
            activations = moved = moved + (pieces - 1) * self._loaded(stage, resident)
            transfers *= pieces
        if stage.order is not Order.STRIPS:
            transfers += count * pieces
        moved += constants.size
        transfers += constants.transfers
        overhead = transfers * (
            transfer_cycles(config, {"rows": 0, "row_bytes": 0}, network.timing, Engine.LOAD) + FETCH_CYCLES
        )
        bus = moved * beats_cost + overhead
        busy = array + waits
        port = writes + activations / config.bus_bytes
        fill = first_load * beats_cost if count > 1 else activations * beats_cost
        if not stage.doubled and count > 1:
            fill += activations * beats_cost * (0.5 if len(stage.layers) > 2 else 1)
        return Estimate(max(busy, bus, port, writes + lanes) + 0.5 * fill, moved)

    def _loaded(self, stage: Stage, resident: Set[int]) -> int:
        return sum(
            times * self._bytes(v, rows)
            for strip, times in self.strips(stage)
            for v, rows in strip.read.items()
            if v not in resident
        )

    def _bytes(self, value: int, rows: tuple[int, int]) -> int:
        lie = self.network.rows(value)
        return min(rows[1] * lie.pitch, lie.size) - rows[0] * lie.pitch

    def _constants(self, stage: Stage, count: int) -> tuple[_Constants, int]:
        """What a stage of ``count`` strips loads of weights and records, each once if all of it fits, and its parts."""
        config = self.network.config
        words = records = parts = 0
        most = part_limits(config)
        for number in stage.layers:
            layer = self.network.layers[number]
            for group in () if isinstance(layer, AddLayer) else layer.groups:
                units_, each, width = units(config, group)
                words += units_ * each
                records += group_records(group)
                at_once = max(1, min(most[0] // each, most[1] // width))
                if stage.split:
                    at_once = max(1, min(at_once, stage.split // width))
                parts += -(-units_ // at_once)
        times = (1 if words <= config.weight_words else count, 1 if records <= config.parameter_records else count)
        size = words * config.weight_word_bytes * times[0] + records * PARAMETER_BYTES * times[1]
        return _Constants(size, parts * sum(times)), parts

    def _share(self, number: int, rows: int, chunk: int) -> _Share:
        key = (number, rows, chunk)
        if key not in self._shares:
            self._shares[key] = self._find_share(number, rows, chunk)
        return self._shares[key]

    def _find_share(self, number: int, rows: int, chunk: int) -> _Share:
        network, config = self.network, self.network.config
        layer = network.layers[number]
        assert isinstance(layer, ConvLayer | DepthwiseLayer)
        w = layer.window
        rows = w.y.out if network.made(number) == 1 else rows
        shortest = minimum_tile_cycles(config)
        if isinstance(layer, DepthwiseLayer):
            walk = walk_of(config, replace(w, y=replace(w.y, out=rows)), layer.plan)
            tiles = walk.tiles()
            cycles = sum(walk.cycles(x, width, height) for _, height, x, width in tiles)
            groups = -(-w.outputs // config.down_channels)
            written = groups * walk.rows(rows) * sum(walk.outputs(width) for y, _, _, width in tiles if y == 0)
            pieces = len(tiles) * (-(-w.outputs // chunk) if chunk else len(layer.groups))
            return _Share(w.batch * cycles, w.batch * written, pieces)
        pixels = [
            tall * wide
            for _, tall in split(rows, max(1, config.accumulators // w.x.out))
            for _, wide in split(w.x.out, config.accumulators)
        ]
        cycles = written = pieces = 0
        for group in layer.groups:
            assert not isinstance(group, DownGroup)
            n_tiles, each, _ = units(config, group)
            tiles = each // config.tile_words
            pace = config.lane_groups
            cycles += n_tiles * sum((tiles - 1) * max(p, shortest) + max(p * pace, shortest) for p in pixels)
            written += n_tiles * sum(pixels)
            pieces += len(pixels) * (-(-w.outputs // chunk) if chunk else 1)
        return _Share(w.batch * cycles, w.batch * written, w.batch * pieces)
