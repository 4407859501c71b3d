# SPDX-License-Identifier: Apache-2.0
"""Room in the local memories: strip buffers and resident values, and rings for weights and parameters.

Activations. A stage's buffers live as long as the stage, or, where a value only passes from one of its layers to
another, from the one to the other; a resident value lives from its stage to the last that reads it. The result of an
ADD takes the place of an input that ends there.

Weights and records. A part that is used is loaded behind the one before it, or at the start of the memory if it does
not fit there, over the oldest parts. What is still there is not loaded again. So whether a stage's weights stay for
all its strips follows from their size alone.
"""

from collections.abc import Callable, Hashable, Sequence, Set
from dataclasses import dataclass, field

from ..ir import AddLayer, ArrayLayer, ConvLayer, DepthwiseLayer
from ..layouts import Layout, Need, layout_for
from ..passes.allocate import Buffer, first_fit, lowest
from .network import Network
from .parts import part_channels
from .strips import Strip, kept, strips
from .tiling import Order, Stage, Tiling

__all__ = ["Ring", "Room", "allocated", "narrow", "need_of_output", "pairs", "rooms", "stage_rooms"]


@dataclass
class Ring:
    """A memory of ``capacity`` units that is filled round and round."""

    capacity: int
    head: int = 0
    present: dict[Hashable, tuple[int, int]] = field(default_factory=dict)
    peak: int = 0

    def gather(self, size: int) -> None:
        """What is placed next, ``size`` in all, shall lie in one piece if it can."""
        if self.head + size > self.capacity >= size:
            self.head = 0

    def place(self, key: Hashable, size: int) -> tuple[int, bool]:
        """Where ``key`` is, and whether it must be loaded."""
        if key in self.present:
            return self.present[key][0], False
        if self.head + size > self.capacity:
            self.head = 0
        start, end = self.head, self.head + size
        self.present = {k: span for k, span in self.present.items() if span[1] <= start or span[0] >= end}
        self.present[key] = (start, end)
        self.head, self.peak = end, max(self.peak, end)
        return start, True


@dataclass
class Room:
    """Buffers of a value in a stage: ``copies``, used in turn by its strips, of ``lines`` activation lines each.

    ``first`` and ``last`` are times; ``pitch`` is the bytes between rows; ``lines_at`` the first line of each copy.
    What ``stays`` is not overwritten by other values as long as the stage runs.
    """

    value: int
    lines: int
    copies: int
    first: int
    last: int
    pitch: int
    stays: bool = False
    lines_at: list[int] = field(default_factory=list)


def pairs(network: Network, stage: Stage) -> dict[int, int]:
    """The layers of a stage that work on ``stage.split`` channels at a time, each with the depthwise layer after it."""
    neighbours = zip(stage.layers, stage.layers[1:], strict=False)
    return {a: b for a, b in neighbours if stage.split and network.splits(a, b)}


def narrow(network: Network, layer: ArrayLayer, channels: int, need: Need) -> Layout:
    """The layout of some channels of a layer's output."""
    y, x = layer.window.y, layer.window.x
    return layout_for(network.config, (1, y.out, x.out, channels), need)


def rooms(network: Network, tiling: Tiling) -> tuple[list[dict[int, Room]], dict[int, Room]]:
    """What every stage needs, by value, and what resident values need.

    Values that share a place share a :class:`Room`.
    """
    span = 2 + max(len(stage.layers) for stage in tiling.stages)
    per_stage = [
        stage_rooms(network, stage, tiling.resident, index * span, (index + 1) * span - 1, list(strips(network, stage)))
        for index, stage in enumerate(tiling.stages)
    ]
    resident: dict[int, Room] = {}
    for index, stage in enumerate(tiling.stages):
        for position, number in enumerate(stage.layers):
            made = network.layers[number].output
            if made in tiling.resident:
                rows = network.rows(made)
                size = -(-rows.size // network.config.line_bytes)
                born = _birth(network, stage, index, position, span, tiling)
                resident[made] = Room(made, size, 1, born, 0, rows.pitch)
            for value in network.inputs(number):
                if value in resident:
                    resident[value].last = max(resident[value].last, (index + 1) * span - 1)
    for room in resident.values():
        room.last = max(room.last, room.first)
    for index, stage in enumerate(tiling.stages):
        for value, target in _in_place(network, stage, tiling.resident).items():
            if target in resident:
                per_stage[index][value] = resident[target]
    return per_stage, resident


def _birth(network: Network, stage: Stage, index: int, position: int, span: int, tiling: Tiling) -> int:
    """From when a resident value needs its room: that of the layer, but of the whole stage if it has strips."""
    several = network.made(stage.layers[-1]) > stage.height
    target = network.layers[stage.layers[position]].output
    shared = target in _in_place(network, stage, tiling.resident).values()
    return index * span if several or shared else index * span + 1 + position


def stage_rooms(
    network: Network, stage: Stage, resident: Set[int], begin: int, end: int, all_strips: Sequence[Strip]
) -> dict[int, Room]:
    """The rooms of a stage between two times, by value; none for those that are ``resident``."""
    split = pairs(network, stage)
    outlive = kept(network, stage)
    at = {number: begin + 1 + position for position, number in enumerate(stage.layers)}
    born = at | {second: at[first] for first, second in split.items()}  # both work at once
    done = at | {first: at[second] for first, second in split.items()}
    result: dict[int, Room] = {}
    values = dict.fromkeys(v for s in all_strips for v in s.read)
    values |= dict.fromkeys(network.layers[n].output for n in stage.layers)
    for value in values:
        if value in resident:
            continue
        maker = network.maker.get(value)
        own = maker if maker in at else None
        last = max((done[r] for r in network.readers.get(value, ()) if r in at), default=end)
        pitch = network.rows(value).pitch
        ranges = [rows for s in all_strips if (rows := s.rows(network, value)) is not None]
        count = max(last_row - first_row for first_row, last_row in ranges)
        # the last row may be shorter than a pitch, but what lies in its place is overwritten all the same
        size = network.rows(value).size if count == network.rows(value).count else count * pitch
        moving = own is None or value in outlive
        steady = own is None and all(rows == ranges[0] for rows in ranges)
        copies = 2 if moving and stage.doubled and len(all_strips) > 1 and not steady else 1
        if own in split:
            layout = _split_layout(network, own, split[own], stage.split)
            pitch, copies = layout.pitch.row, 2 if network.channels(own) > stage.split else 1
            size = count * pitch + layout.pad
        elif own is not None and (most := _narrowed(network, stage, own)):
            layout = narrow(network, _array(network, own), most, need_of_output(_array(network, own)))
            pitch, copies = layout.pitch.row, 2 if stage.doubled else 1
            size = count * pitch + layout.pad
        first = begin if own is None or (moving and copies > 1) else born[own]
        whole = own is None and (steady or copies > 1)
        until = end if value in outlive or whole else last
        lines = -(-size // network.config.line_bytes)
        result[value] = Room(value, lines, copies, first, until, pitch, whole)
    for value, target in _in_place(network, stage, resident).items():
        if target in result:
            result[target].first = min(result[target].first, result[value].first)
            result[value] = result[target]
    return result


def _array(network: Network, number: int) -> ArrayLayer:
    layer = network.layers[number]
    assert isinstance(layer, ConvLayer | DepthwiseLayer)
    return layer


def _narrowed(network: Network, stage: Stage, number: int) -> int:
    """The channels of the buffers that take a layer's results part by part; 0 if one takes all."""
    if stage.order is Order.STRIPS:
        return 0
    most = part_channels(network.config, _array(network, number))
    return most if most < network.channels(number) else 0


def need_of_output(layer: ArrayLayer) -> Need:
    """What must hold of the pitches of a layer's output."""
    return layer.plan.needs_of_output if isinstance(layer, DepthwiseLayer) else Need()


def _split_layout(network: Network, first: int, second: int, channels: int) -> Layout:
    after = network.layers[second]
    assert isinstance(after, DepthwiseLayer)
    return narrow(network, _array(network, first), min(channels, network.channels(first)), after.plan.needs_of_input)


def _in_place(network: Network, stage: Stage, resident: Set[int]) -> dict[int, int]:
    """Inputs of ADDs that are made in the stage and end there, each with the sum that takes its place."""
    result: dict[int, int] = {}
    inside = {network.layers[n].output: n for n in stage.layers}
    for number in stage.layers:
        layer = network.layers[number]
        if not isinstance(layer, AddLayer):
            continue
        for value in network.inputs(number):
            only = network.readers[value] == (number,) and value in inside and value not in network.moved
            alike = only and network.made(inside[value]) == network.made(number) and value not in resident
            if alike:
                result[value] = layer.output
                break
    return result


def allocated(network: Network, tiling: Tiling) -> tuple[list[dict[int, Room]], dict[int, Room], int]:
    """:func:`rooms` with their lines, and the first line that nobody uses.

    Several orders of placing are tried: what lives longest first, the largest first, by time, and resident values in
    turn at either end of the memory with the stages' buffers between them.
    """
    per_stage, resident = rooms(network, tiling)
    unique = {id(room): room for part in (*per_stage, resident) for room in part.values()}
    requests = [
        (room, Buffer([room.value], room.lines, room.first, room.last))
        for room in unique.values()
        for _ in range(room.copies)
    ]
    buffers = [buffer for _, buffer in requests]
    keys = {id(room) for room in resident.values()}
    staying = sorted((b for room, b in requests if id(room) in keys), key=lambda b: b.first)
    others = [b for room, b in requests if id(room) not in keys]
    limit = network.config.activation_lines
    best: tuple[int, list[int]] | None = None
    attempts: tuple[Callable[[], int], ...] = (
        lambda: first_fit(sorted(buffers, key=lambda b: (b.first - b.last, -b.lines))),
        lambda: first_fit(sorted(buffers, key=lambda b: (-b.lines, b.first))),
        lambda: first_fit(sorted(buffers, key=lambda b: (b.first, -b.lines))),
        lambda: _from_both_ends(staying, others, limit),
    )
    for attempt in attempts:
        end = attempt()
        if best is None or end < best[0]:
            best = (end, [b.line for b in buffers])
        if end <= limit:
            break
    assert best is not None
    for (room, _), line in zip(requests, best[1], strict=True):
        room.lines_at.append(line)
    return per_stage, resident, best[0]


def _from_both_ends(staying: list[Buffer], others: list[Buffer], limit: int) -> int:
    """Place ``staying`` buffers in turn at the first free lines and at the last, the others at the first between."""
    for index, buffer in enumerate(staying):
        before = [b for b in staying[:index] if b.last >= buffer.first]
        low = max((b.line + b.lines for b in before if b.line < limit // 2), default=0)
        high = min((b.line for b in before if b.line >= limit // 2), default=limit)
        at_top = any(b.line < limit // 2 for b in before)
        buffer.line = max(high - buffer.lines, 0) if at_top else low
    done = list(staying)
    for buffer in sorted(others, key=lambda b: (-b.lines, b.first)):
        buffer.line = lowest(buffer, done)
        done.append(buffer)
    clash = any(
        a.line < b.line + b.lines and b.line < a.line + a.lines and a.first <= b.last and b.first <= a.last
        for index, a in enumerate(staying)
        for b in staying[:index]
    )
    return limit + 1 if clash else max((b.line + b.lines for b in done), default=0)
