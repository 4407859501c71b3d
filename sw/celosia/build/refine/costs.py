# SPDX-License-Identifier: Apache-2.0
"""What a unit's place costs: what paths through it lack, for all places around it at once."""

import numpy as np
from numpy.typing import NDArray

from .placement import Placement
from .times import WIRE, Times
from .units import Unit

__all__ = ["Costs", "Ints"]

SPARE = 0.13
"""Share of the period that every path is to have left: the estimates are not what the router makes of them."""

SCALE, WORST = 10, 300
"""Picoseconds that count as one where that counts to so many at most: the sum of sixth powers fits 64 bits."""

RADIUS = 12
"""Columns and rows a unit looks around, at least; it looks as far as the slow paths it is on go."""

Ints = NDArray[np.int64]

_INPUT, _OUTPUT, _STORED = range(3)
"""Kinds of a unit's wires: in, out of logic, and out of a register."""


class Costs:
    """Of units in a placement.

    Members
    -------
    spare:
        Picoseconds that every path is to have left.
    power:
        What a path lacks of that costs, to this power.
    """

    def __init__(self, placement: Placement, times: Times, power: int):
        self.placement, self.times, self.power = placement, times, power
        self.spare = round(times.period * SPARE)
        self.scale = max(SCALE, -(-(self.spare + times.slowest() - times.period) // WORST))
        logic = [spot for spot in placement.spots if spot is not None]
        self.width = 1 + max((spot.x for spot in logic), default=0)
        self.height = 1 + max((spot.y for spot in logic), default=0)

    @property
    def least(self) -> int:
        """Gains below are not worth a move."""
        return 10 ** (2 * self.power - 2)

    def wires(self, unit: Unit) -> Ints:
        """Wires between a unit and others, an array of (wires, 6): column and row of the cell in the unit, of the
        other, slack of the slowest path through it, and its kind."""
        p, times, cells = self.placement, self.times, set(unit.cells)
        rows = []
        for cell in unit.cells:
            ends = [(p.driver[bit][0], bit, cell, port, _INPUT) for bit, port in p.inputs[cell]]
            kind = _STORED if p.kinds[cell] == "TRELLIS_FF" else _OUTPUT
            ends += [
                (index, bit, index, port, kind)
                for bit, _ in p.outputs[cell]
                for index, port in p.readers.get(bit, ())
            ]  # fmt: skip
            rows += [
                (p.x[cell], p.y[cell], p.x[other], p.y[other], times.slack(bit, reader, port), way)
                for other, bit, reader, port, way in ends
                if other not in cells and p.x[other] >= 0
            ]
        return np.array(rows, dtype=np.int64).reshape(-1, 6)

    def window(self, unit: Unit, wires: Ints) -> tuple[Ints, Ints]:
        """By how many columns and rows to move a unit: around it, and as far as its slow wires go."""
        slow = wires[wires[:, 4] < self.spare]
        slow = slow if len(slow) else wires
        columns, rows = ([places[index] for index in unit.cells] for places in (self.placement.x, self.placement.y))
        return _range(columns, slow[:, 2], self.width), _range(rows, slow[:, 3], self.height)

    def at(self, wires: Ints, dx: Ints, dy: Ints) -> Ints:
        """Of a unit with these wires, moved by every dx and dy, an array of (dx, dy): what its paths lack, and how
        long its wires are."""
        x, y, far_x, far_y, slack, kind = wires.T
        now = WIRE[np.abs(x - far_x), np.abs(y - far_y)]
        moved = WIRE[
            np.abs(x + dx[:, None, None] - far_x),
            np.abs(y + dy[None, :, None] - far_y),
        ]
        slacks = slack + now - moved
        inputs, outputs = kind == _INPUT, kind == _OUTPUT
        if inputs.any() and outputs.any():  # paths through the unit have both ends' share
            change = now - moved
            through = (
                np.maximum(slack[inputs][:, None], slack[outputs])
                + change[:, :, inputs][:, :, :, None]
                + change[:, :, outputs][:, :, None, :]
            )
            if (kind == _STORED).any():  # and those that end in it have their own
                slacks[:, :, inputs] = np.minimum(slacks[:, :, inputs], through.min(axis=3))
            else:
                slacks[:, :, inputs] = through.min(axis=3)
            slacks[:, :, outputs] = through.min(axis=2)
        lack = np.clip((self.spare - slacks) // self.scale, 0, WORST)
        length = moved.sum(axis=2) // SCALE
        cost: Ints = 10 * (lack**self.power).sum(axis=2) + 10 ** (2 * self.power - 4) * length
        return cost


def _range(places: list[int], ends: Ints, size: int) -> Ints:
    """By how much cells in some columns (or rows) may move, all of them, to look around and at the ends of wires."""
    low, high = min(places), max(places)
    least = min(-RADIUS, int(ends.min()) - low)
    most = max(RADIUS, int(ends.max()) - high)
    return np.arange(max(least, -low), min(most, size - 1 - high) + 1)
