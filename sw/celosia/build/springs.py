# SPDX-License-Identifier: Apache-2.0
"""About where cells will lie, before anything places them: where they would rest if wires were springs.

Some cells are held by a floor plan; all others are drawn to those that they have wires in common with. The lengths'
squares are least where a system of linear equations says, which conjugate gradients solve ("quadratic placement":
Kleinhans et al., "GORDIAN: VLSI placement by quadratic programming and slicing optimization", 1991). Nothing keeps
cells apart, so they lie closer together than they will; who is whose neighbour is what it tells.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Point", "held_at", "rest", "tile_of"]

Point = tuple[float, float]
"""Column and row of the FPGA."""

MOST = 256
"""Ends of a wire that still draws them together: one to everywhere says nothing of where."""

STEPS = 300
"""Of the conjugate gradients, at most."""

PRECISION = 1e-3
"""Of the residual, against the first one."""

_BEL = re.compile(r"X(\d+)/?Y(\d+)")

Floats = NDArray[np.float64]


def held_at(cell: Mapping[str, Any]) -> Point | None:
    """Where a floor plan has put a cell of a netlist in yosys' JSON form."""
    tile = tile_of(cell.get("attributes", {}).get("BEL", ""))
    return (float(tile[0]), float(tile[1])) if tile else None


def tile_of(bel: str) -> tuple[int, int] | None:
    """Column and row in nextpnr's name of a place, of any family; None if it is none."""
    place = _BEL.match(bel)
    return (int(place[1]), int(place[2])) if place else None


def rest(cells: Mapping[str, Mapping[str, Any]]) -> dict[str, Point]:
    """Where each cell of a flat netlist comes to rest; nothing where no cell is held.

    Cells that no wire ties to a held one, by any way, are left out.
    """
    names = list(cells)
    held = {index: place for index, name in enumerate(names) if (place := held_at(cells[name]))}
    if not held:
        return {}
    wires: dict[int, set[int]] = defaultdict(set)
    for index, name in enumerate(names):
        for bits in cells[name]["connections"].values():
            for bit in bits:
                if isinstance(bit, int):
                    wires[bit].add(index)
    tied = [sorted(ends) for ends in wires.values() if 1 < len(ends) <= MOST]
    end_cell = np.array([cell for ends in tied for cell in ends], dtype=np.intp)
    end_wire = np.repeat(np.arange(len(tied)), [len(ends) for ends in tied])
    fixed = np.zeros(len(names), dtype=bool)
    fixed[list(held)] = True
    reached = _reached(fixed, end_cell, end_wire, len(tied))
    pull = _springs(end_cell, end_wire, len(tied), len(names))
    places = []
    for axis in range(2):
        start = np.full(len(names), float(np.mean([place[axis] for place in held.values()])))
        start[list(held)] = [place[axis] for place in held.values()]
        places.append(_solve(pull, start, ~fixed & reached))
    # Rounded: the last digits are another processor's business, and nothing is to depend on them.
    rounded = (np.round(place, 2).tolist() for place in places)
    return {name: (x, y) for name, x, y, known in zip(names, *rounded, reached, strict=True) if known}


def _reached(fixed: NDArray[np.bool_], cell: NDArray[np.intp], wire: NDArray[np.intp], wires: int) -> NDArray[np.bool_]:
    """Cells that are tied to a fixed one, directly or by others."""
    reached = fixed
    while True:
        live = np.bincount(wire, reached[cell], wires) > 0
        further = reached | (np.bincount(cell, live[wire], len(fixed)) > 0)
        if (further == reached).all():
            return reached
        reached = further


def _springs(cell: NDArray[np.intp], wire: NDArray[np.intp], wires: int, cells: int) -> Callable[[Floats], Floats]:
    """The force on every cell: of each of its wires, how far it is from the middle of the ends. A wire is as strong in
    all as one with two ends."""
    ends = np.bincount(wire, minlength=wires)
    strength = (2 / ends)[wire]

    def pull(place: Floats) -> Floats:
        middle: Floats = np.bincount(wire, place[cell], wires) / ends
        return np.bincount(cell, strength * (place[cell] - middle[wire]), cells).astype(np.float64)

    return pull


def _solve(pull: Callable[[Floats], Floats], start: Floats, free: NDArray[np.bool_]) -> Floats:
    """Places at which nothing pulls at the free cells."""
    place: Floats = start
    residual: Floats = np.where(free, -pull(place), 0)
    direction, left = residual, float(residual @ residual)
    enough = PRECISION**2 * left
    for _ in range(STEPS):
        if left <= enough:
            break
        force = np.where(free, pull(direction), 0)
        step = left / float(direction @ force)
        place, residual = place + step * direction, residual - step * force
        before, left = left, float(residual @ residual)
        direction = residual + left / before * direction
    return place
