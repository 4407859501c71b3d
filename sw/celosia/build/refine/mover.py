# SPDX-License-Identifier: Apache-2.0
"""Moves units of cells to where their paths are in time."""

from collections.abc import Iterable, Iterator

import numpy as np

from .costs import Costs
from .placement import POSITIONS, Placement, Spot
from .rules import Tiles
from .times import Times
from .units import Unit, make_units

__all__ = ["Mover"]

POWERS = (2, 4, 6)
"""What a path lacks of that costs, to this power: at first as a whole, then more and more what is slowest."""

SWEEPS = 6
"""Over all that is slow, at most, with each power."""

NEARBY = 5
"""Columns and rows that those look around who make room for another."""

TRIES = 80
"""Tiles that are tried of those that would be better, best first."""

CROWD = 6
"""Units that make room for one, at most."""

MOST = 200
"""Wires of a unit, at most: what has more goes nowhere."""


class Mover:
    """Greedy moves: each makes the slow paths through a unit cheaper, and what it displaces no dearer than that.

    Parameters
    ----------
    placement:
        Changed by :meth:`improve`.
    times:
        Of its wires; kept up to date.
    """

    def __init__(self, placement: Placement, times: Times):
        self.placement, self.times = placement, times
        self.tiles = Tiles(placement)
        self.units = make_units(placement)
        self.unit_of = {index: unit for unit in self.units for index in unit.cells}
        self.costs = Costs(placement, times, POWERS[0])

    def improve(self) -> int:
        """Move until little gets better; returns how many moves were made."""
        moves = 0
        for self.costs.power in POWERS:
            for _ in range(SWEEPS):
                made = sum(self._improve(unit) for unit in self._slow())
                moves += made
                if made <= 1:
                    break
        return moves

    def _slow(self) -> list[Unit]:
        """Units on paths that have too little to spare, slowest first."""
        slacks: dict[Unit, int] = {}
        for bit, readers in self.placement.readers.items():
            for index, port in readers:
                slack = self.times.slack(bit, index, port)
                if slack < self.costs.spare:
                    for cell in (index, self.placement.driver[bit][0]):
                        if unit := self.unit_of.get(cell):
                            slacks[unit] = min(slack, slacks.get(unit, slack))
        return sorted(slacks, key=lambda unit: (slacks[unit], unit.cells))

    def _improve(self, unit: Unit) -> bool:
        """Move one unit, where that helps; else together with those beside it that it waits for."""
        if any(self._try(unit, *move) for move in self._better(unit)):
            return True
        group = self._group(unit)
        return len(group.cells) > len(unit.cells) and any(
            self._put({group: self._shifted(group, dx, dy, dz)})
            for dx, dy, _ in self._better(group)
            for dz in self._shifts(group)
        )

    def _better(self, unit: Unit) -> Iterator[tuple[int, int, int]]:
        """By how many columns and rows to move a unit for its paths to be cheaper, and what that gains, best first."""
        wires = self.costs.wires(unit)
        if not 0 < len(wires) <= MOST:
            return
        dx, dy = self.costs.window(unit, wires)
        costs = self.costs.at(wires, dx, dy)
        here = int(costs[np.searchsorted(dx, 0), np.searchsorted(dy, 0)])
        flat = costs.ravel()
        for place in np.argsort(flat, kind="stable")[:TRIES].tolist():
            gain = here - self.costs.least - int(flat[place])
            if gain <= 0:
                return
            yield int(dx[place // len(dy)]), int(dy[place % len(dy)]), gain

    def _group(self, unit: Unit) -> Unit:
        """A unit and others in its tile that slow wires join to it: alone, each is held by the others."""
        spot, p = self._spots(unit)[0], self.placement
        cells, waiting = set(unit.cells), [unit]
        while waiting:
            one = waiting.pop()
            ends = [(bit, index, port) for index in one.cells for bit, port in p.inputs[index]]
            ends += [
                (bit, *pin) for index in one.cells for bit, _ in p.outputs[index] for pin in p.readers.get(bit, ())
            ]
            for bit, index, port in ends:
                if self.times.slack(bit, index, port) < self.costs.spare // 2:
                    for cell in (index, p.driver[bit][0]):
                        other = self.unit_of.get(cell)
                        if (p.x[cell], p.y[cell]) == spot[:2] and cell not in cells and other and other.step <= 2:
                            cells.update(other.cells)
                            waiting.append(other)
        return Unit(tuple(sorted(cells)), 2) if unit.step <= 2 else unit

    def _try(self, unit: Unit, dx: int, dy: int, gain: int) -> bool:
        """Move a unit to a tile: into free places, in exchange, or where others make room."""
        shifts = [dz for dz in self._shifts(unit) if (dx, dy, dz) != (0, 0, 0)]
        if any(self._put({unit: self._shifted(unit, dx, dy, dz)}) for dz in shifts):
            return True
        if any(self._exchange(unit, (dx, dy, dz), gain) for dz in shifts):
            return True
        return unit.step == 1 and self._crowd_out(unit, dx, dy, gain)

    def _exchange(self, unit: Unit, by: tuple[int, int, int], gain: int) -> bool:
        """Swap places with the one unit that is in the way, if it is no larger and loses less than is gained."""
        spots = self._shifted(unit, *by)
        there = {self.unit_of.get(index) for spot in spots if (index := self.tiles.at.get(spot)) is not None}
        there -= {unit}
        other = there.pop() if len(there) == 1 else None
        if other is None or other.step > unit.step or len(other.cells) > len(unit.cells) or self._joined(unit, other):
            return False
        dx, dy, dz = (-distance for distance in by)
        if 10 * self._loss(other, dx, dy) >= 9 * gain:
            return False
        return self._put({unit: spots, other: self._shifted(other, dx, dy, dz)})

    def _crowd_out(self, unit: Unit, dx: int, dy: int, gain: int) -> bool:
        """Move away the registers of a tile that do not go with the unit's, if they lose less than is gained."""
        (x, y, z, _), *_ = self._shifted(unit, dx, dy, 0)
        wide = {self.tiles.tile_wide[index] for index in unit.cells if index in self.tiles.tile_wide}
        others = (self.tiles.at.get(Spot(x, y, position, "FF")) for position in range(POSITIONS))
        crowd = {
            index: self.unit_of.get(index)
            for index in others
            if index is not None and index not in unit.cells and self.tiles.tile_wide[index] not in wide
        }
        if not wide or not 0 < len(crowd) <= CROWD:
            return False
        before: list[tuple[Unit, list[Spot]]] = []
        budget = 7 * gain // 10
        for other in crowd.values():
            if other is None or other.step != 1 or self._joined(unit, other):
                break
            before.append((other, self._spots(other)))
            lost = self._step_aside(other, budget)
            if lost is None:
                break
            budget -= lost
        else:
            if any(self._put({unit: self._shifted(unit, dx, dy, position - z)}) for position in range(POSITIONS)):
                return True
        for other, spots in reversed(before):
            self._put({other: spots})
        return False

    def _step_aside(self, unit: Unit, budget: int) -> int | None:
        """Move a unit to another tile nearby; what that costs, or None if it costs too much or there is no room."""
        near = np.arange(-NEARBY, NEARBY + 1)
        costs = self.costs.at(self.costs.wires(unit), near, near)
        here = int(costs[NEARBY, NEARBY])
        flat = costs.ravel()
        for place in np.argsort(flat, kind="stable")[:TRIES].tolist():
            lost = max(0, int(flat[place]) - here)
            dx, dy = int(near[place // len(near)]), int(near[place % len(near)])
            if lost >= budget:
                return None
            if (dx, dy) != (0, 0) and any(
                self._put({unit: self._shifted(unit, dx, dy, dz)}) for dz in self._shifts(unit)
            ):
                return lost
        return None

    def _joined(self, unit: Unit, other: Unit) -> bool:
        """Whether a wire goes from one to the other: what each gains then depends on where the other is."""
        p = self.placement
        return any(
            reader in second.cells
            for first, second in ((unit, other), (other, unit))
            for cell in first.cells
            for bit, _ in p.outputs[cell]
            for reader, _ in p.readers.get(bit, ())
        )

    def _loss(self, unit: Unit, dx: int, dy: int) -> int:
        wires = self.costs.wires(unit)
        costs = self.costs.at(wires, np.array([0, dx]), np.array([0, dy]))
        return int(costs[1, 1] - costs[0, 0])

    def _put(self, places: dict[Unit, list[Spot]]) -> bool:
        """Move units at once, if their new places are free and go with what is there."""
        before = {unit: self._spots(unit) for unit in places}
        self._lift(places)
        spots = [spot for wanted in places.values() for spot in wanted]
        tiles = {(spot.x, spot.y) for spot in spots}
        if (
            len(set(spots)) == len(spots)
            and tiles <= self.tiles.known
            and not any(spot in self.tiles.at for spot in spots)
        ):
            self._drop(places)
            if all(self.tiles.valid(*tile) for tile in sorted(tiles)):
                self.times.update(tuple(index for unit in places for index in unit.cells))
                return True
            self._lift(places)
        self._drop(before)
        return False

    def _lift(self, units: Iterable[Unit]) -> None:
        for unit in units:
            for index in unit.cells:
                self.tiles.lift(index)

    def _drop(self, places: dict[Unit, list[Spot]]) -> None:
        for unit, spots in places.items():
            for index, spot in zip(unit.cells, spots, strict=True):
                self.tiles.drop(index, spot)

    def _spots(self, unit: Unit) -> list[Spot]:
        return [spot for index in unit.cells if (spot := self.placement.spots[index]) is not None]

    def _shifts(self, unit: Unit) -> list[int]:
        return unit.shifts([spot.z for spot in self._spots(unit)])

    def _shifted(self, unit: Unit, dx: int, dy: int, dz: int) -> list[Spot]:
        return [Spot(x + dx, y + dy, z + dz, kind) for x, y, z, kind in self._spots(unit)]
