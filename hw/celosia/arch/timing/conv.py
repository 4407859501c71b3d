# SPDX-License-Identifier: Apache-2.0
"""Cycles of CONV and DEPTHWISE commands.

The walker issues one vector a cycle and everything behind it has a fixed latency, so the model follows the walker
alone: tile after tile, each as long as its vectors, its weights or its accumulators need, and the first tile of each
n-tile not before its parameters are under way. The names are the gateware's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..config import Config
from ..isa import Opcode, Routing

__all__ = [
    "ConvModel",
    "accumulator_latency",
    "accumulator_way",
    "array_latency",
    "array_stages",
    "clamp_latency",
    "column_latency",
    "feeder_latency",
    "memory_way",
    "minimum_tile_cycles",
    "output_latency",
    "parameter_ring",
    "parameter_slack",
    "record_latency",
    "record_way",
    "rows_per_stage",
]

STEP_LATENCY = 1
"""Cycles from the decision that there is a step to the step with its address."""

LANES_LATENCY = 9
"""Cycles from a total to its scaled value."""

REVISIT = 4
"""Cycles that must lie between two visits to one accumulator: its read-modify-write, if it has no ways."""

_ACCUMULATOR_WAYS = 3
"""Where there are ways: from the memory to the additions, from those to the choice, and back."""

START_LATENCY = 2
"""Cycles from a command, or from the fetch that its parameters wait for, to the start of the tile they are for."""

SPREAD = 64
"""Products a cycle from which on a core, whatever it goes without, lies all over the chip that it is for."""

FREED_LATENCY = 3
"""Cycles from the lanes' moving on to the next n-tile to a fetch that waited for the place in the ring: the ring's
pointer, its copy near the prefetcher, whether there is room."""

WRITER_QUEUE = 8
"""Commands that may wait between walker and writer: more than the pipeline holds of all but the shortest."""


def memory_way(config: Config) -> int:
    """Cycles on the way to the activation memory, and as many on the way back: its blocks lie all over the chip. None
    in a small core of one command at a time."""
    return int(config.overlap or config.macs_per_cycle >= SPREAD)


def accumulator_way(config: Config) -> int:
    """Cycles from the accumulators' memory to the additions, which lie all over the chip, from those to the choice
    between sum and maximum, and from there back: one each, where a tile's weights take so long that it costs nothing.
    """
    return int(config.weight_cycles >= REVISIT + _ACCUMULATOR_WAYS)


def accumulator_latency(config: Config) -> int:
    """Cycles from a vector's sums to its totals: the bias, the old sums, perhaps the choice."""
    return 2 + accumulator_way(config)


def record_latency(config: Config) -> int:
    """Cycles from a record's address to the record: the port's register, perhaps one on the way to it, the memory
    (2)."""
    return 3 + memory_way(config)


def record_way(config: Config) -> int:
    """Cycles from the parameter memory to the ring, whose columns lie all over the chip."""
    return 3 * memory_way(config)


def parameter_latency(config: Config) -> int:
    """Cycles from a record's fetch to its presence in the ring."""
    return record_latency(config) + record_way(config) + 1


def clamp_latency(config: Config) -> int:
    """Cycles from a scaled value to int8: zero point, comparisons, choice; and, where the lanes lie all over the chip,
    the way to them of what is the same for all, in two steps."""
    return 3 + 2 * memory_way(config)


def output_latency(config: Config) -> int:
    """Cycles from a scaled value to its write: two of rotation behind the clamp."""
    return clamp_latency(config) + 2


def feeder_latency(config: Config) -> int:
    """Cycles from a step to its vector: address, lines, memory (2 and its ways), coarse and fine rotation. Words that
    come a long way are first halved."""
    return 6 + 3 * memory_way(config)


def rows_per_stage(config: Config) -> int:
    """Rows of the array whose products are added before they join the sums from above.

    Two, if the weights of two rows come in the same cycle; a stage of two rows could not have its second row's in
    time otherwise.
    """
    return 2 if config.weight_rows % 2 == 0 else 1


def array_stages(config: Config) -> int:
    """Stages of the array: cycles that sums take from top to bottom."""
    return config.rows // rows_per_stage(config)


def column_latency(config: Config) -> int:
    """Cycles from a vector at the first stage of a column pair to its sums.

    One for each stage, and of the longest body: activation register, product (2), undoing what two products share or
    the last of the adders, where there are two rows their sum, and the foot.
    """
    return array_stages(config) + 3 + rows_per_stage(config)


def array_latency(config: Config) -> int:
    """Cycles from a vector at the array's edge to its sums, all columns in line."""
    return column_latency(config) + config.pairs - 1


def parameter_ring(config: Config) -> int:
    """n-tiles whose parameters have a place: as many as the smallest distributed RAM, of which one stays free.

    A core of one command at a time has registers for one n-tile; the next one's are fetched when all of its sums have
    been clamped.
    """
    return 16 if config.overlap else 1


def minimum_tile_cycles(config: Config) -> int:
    """Cycles a tile lasts even if it has fewer vectors: its weights must pass, its accumulators must settle."""
    return max(config.weight_cycles, REVISIT + _ACCUMULATOR_WAYS * accumulator_way(config))


def parameter_slack(config: Config) -> int:
    """Records of an n-tile that may still be missing when the fetch of one lets its first tile start.

    Its vector passes feeder and array before its bias is read, three cycles before the sums.
    """
    to_bias = START_LATENCY + STEP_LATENCY + feeder_latency(config) + array_latency(config) - 3
    return to_bias - parameter_latency(config) - 2


def records_ahead(config: Config) -> int:
    """Index of the record with whose fetch an n-tile of a CONV may start."""
    return min(max(0, config.columns - parameter_slack(config)), config.columns - 1)


def _nth_zero(window: bytes | bytearray, count: int) -> int:
    """The index of the ``count``-th zero (from 1), by bisection."""
    low, high = 0, len(window)
    while low < high:
        middle = (low + high) // 2
        if middle + 1 - sum(window[: middle + 1]) >= count:
            high = middle
        else:
            low = middle + 1
    return low


class Occupation:
    """In which cycles convolutions take the lanes, and, a fixed time later, write to the activation memory."""

    def __init__(self, config: Config):
        self._to_memory = LANES_LATENCY + output_latency(config)
        self._taken = bytearray()
        self._port = bytearray()  # and ADDs' lines, as transfers see them

    def take(self, first: int, count: int, step: int, length: int) -> None:
        """The lanes are taken ``count`` times for ``length`` cycles, every ``step`` cycles from cycle ``first`` on."""
        end = first + (count - 1) * step + length
        if end > len(self._taken):
            self._taken.extend(bytes(2 * end - len(self._taken)))
        if end > len(self._port):
            self._port.extend(bytes(2 * end - len(self._port)))
        for where in (self._taken, self._port):
            if step == length:
                where[first:end] = b"\1" * (end - first)
                continue
            for cycle in range(first, end, step):
                where[cycle : cycle + length] = b"\1" * length

    def take_lines(self, first: int, length: int) -> None:
        """An ADD takes the memory for lines from cycle ``first`` on: three times in every six cycles of ``length``."""
        start, end = max(0, first - self._to_memory), max(0, first - self._to_memory + length)
        if end > len(self._port):
            self._port.extend(bytes(2 * end - len(self._port)))
        self._port[start:end:2] = b"\1" * len(range(start, end, 2))

    def lanes(self, cycle: int) -> bool:
        """Whether a convolution's sums enter the lanes in this cycle."""
        return cycle < len(self._taken) and bool(self._taken[cycle])

    def memory(self, cycle: int) -> bool:
        """Whether a convolution's results are written in this cycle."""
        return self.lanes(cycle - self._to_memory)

    def free(self, first: int, count: int) -> int:
        """The last of the first ``count`` cycles from ``first`` on in which a transfer may use the memory."""
        position, taken = max(first - self._to_memory, 0), self._port
        if count == 1 and first >= self._to_memory:
            found = taken.find(0, position)
            return first if position >= len(taken) else (len(taken) if found < 0 else found) + self._to_memory
        left = count - max(0, min(count, self._to_memory - first))
        while left:
            window = taken[position : position + 2 * left]
            if len(window) < 2 * left:
                window += bytes(2 * left - len(window))
            here = len(window) - sum(window)
            if here >= left:
                return self._to_memory + position + _nth_zero(window, left)
            left -= here
            position += len(window)
        return first + count - 1

    def free_pairs(self, first: int, count: int) -> int:
        """The last cycle of ``count`` pairs of cycles, one after the other from ``first`` on, whose first is free."""
        cycle = first - self._to_memory
        taken, end = self._port, len(self._port)
        for number in range(count):
            if cycle >= 0:
                cycle = taken.find(0, cycle)
                if cycle < 0 or cycle >= end:
                    return max(first, end + self._to_memory) + 2 * (count - number) - 1
            cycle += 2
        return cycle + self._to_memory - 1

    def count_free(self, first: int, end: int) -> int:
        """How many cycles from ``first`` up to and without ``end`` a transfer may use the memory in."""
        return end - first - sum(self._port[max(0, first - self._to_memory) : max(0, end - self._to_memory)])

    def any(self, first: int, last: int) -> bool:
        """Whether either is so in any cycle from ``first`` to ``last``."""
        return self._taken.find(1, max(0, first - self._to_memory), last + 1) >= 0


@dataclass(frozen=True)
class _Walk:
    """What of a command decides its cycles, in the walker's terms."""

    n_tiles: int
    tiles: int  # per n
    steps: int  # per tile
    first_output: int  # step of a tile's first output
    rows: int  # of outputs, per tile
    row_steps: int  # from one such row to the next
    outputs: int  # per row
    stride: int  # steps from one output to the next
    records: int  # of parameters per n

    @property
    def last_output(self) -> int:
        """Step of a tile's last output."""
        return self.first_output + (self.rows - 1) * self.row_steps + (self.outputs - 1) * self.stride

    @classmethod
    def of(cls, config: Config, command: Mapping[str, Any]) -> "_Walk":
        if command["opcode"] is Opcode.DEPTHWISE:
            warm_up = command["routing"] == Routing.ROWS.value
            return cls(
                n_tiles=command["groups"],
                tiles=command["passes_h"] * command["passes_w"],
                steps=(command["output_h"] + warm_up) * command["steps"],
                first_output=warm_up * command["steps"] + command["skip_steps"],
                rows=command["output_h"],
                row_steps=command["steps"],
                outputs=command["output_w"],
                stride=command["stride_steps"],
                records=config.down_channels,
            )
        vectors = command["output_w"] * command["output_h"]
        return cls(
            n_tiles=command["n_tiles"],
            tiles=command["kernel_h"] * command["kernel_w"] * command["chunks"],
            steps=vectors,
            first_output=0,
            rows=1,
            row_steps=vectors,
            outputs=vectors,
            stride=1,
            records=config.columns,
        )


@dataclass
class ConvModel:
    """The convolution engine between commands.

    Cycles are absolute. ``walker_end`` is the cycle in which the current tile ends (a next one may be taken in
    it), ``walker_free`` the first in which a command may be taken, and so on.
    """

    config: Config
    walker_end: int = 0
    walker_free: int = 0
    prefetch_free: int = 0
    taken: list[int] = field(default_factory=list)
    """When the writer took each command from its queue for good (its last vector)."""
    scaled: list[int] = field(default_factory=list)
    """When each n-tile so far moved on in the lanes' parameter ring."""
    vectors: int = 0
    occupation: Occupation = field(init=False)

    def __post_init__(self):
        self.occupation = Occupation(self.config)

    def accept(self, ready: int) -> int:
        """When a command offered from cycle ``ready`` on is taken."""
        queue = self.taken[-WRITER_QUEUE - 1] + 1 if len(self.taken) > WRITER_QUEUE else 0
        # With overlap, that all three are ready is known a cycle late.
        return max(ready, max(self.walker_free, self.prefetch_free, queue) + int(self.config.overlap))

    def run(self, command: Mapping[str, Any], accepted: int) -> int:
        """Runs a command taken in cycle ``accepted``; returns the cycle in which it has finished."""
        config = self.config
        walk = _Walk.of(config, command)
        pace, ring = config.lane_groups, parameter_ring(config)
        shortest = minimum_tile_cycles(config)
        tile, last_tile = max(walk.steps, shortest), max(walk.steps * pace, shortest)
        enough = records_ahead(config) if command["opcode"] is Opcode.CONV else 0
        to_totals = STEP_LATENCY + feeder_latency(config) + array_latency(config) + accumulator_latency(config)
        fetch = accepted + 1
        start = last_start = out = accepted
        for n in range(walk.n_tiles):
            index = len(self.scaled)
            if ring == 1 and n:
                fetch = max(fetch, out + clamp_latency(config) + 1)
            elif ring > 1 and index >= ring - 1:
                fetch = max(fetch, self.scaled[index - ring + 1] + FREED_LATENCY)
            begun = fetch + enough
            fetch += walk.records
            start = max(self.walker_end, accepted + START_LATENCY if n == 0 else 0, begun + START_LATENCY)
            last_start = start + (walk.tiles - 1) * tile
            self.walker_end = last_start + last_tile
            out = last_start + 1 + walk.last_output * pace + to_totals + LANES_LATENCY + pace - 1
            totals = last_start + 1 + walk.first_output * pace + to_totals
            self.scaled.append(totals - 2)
            self._occupy(walk, totals)
        self.walker_free = last_start + 1
        self.prefetch_free = fetch
        self.vectors += walk.n_tiles * walk.tiles * walk.steps
        self.taken.append(out)
        return out + output_latency(config)

    def _occupy(self, walk: _Walk, first_total: int) -> None:
        """The totals of one n-tile take the lanes, the first in cycle ``first_total``."""
        pace = self.config.lane_groups
        for row in range(walk.rows):
            first = first_total + row * walk.row_steps * pace
            self.occupation.take(first, walk.outputs, walk.stride * pace, pace)
