# SPDX-License-Identifier: Apache-2.0
"""Cells that keep their places to each other, because something between them has no way through the fabric."""

from collections import defaultdict
from dataclasses import dataclass

from .placement import POSITIONS, Placement, Spot
from .times import tied

__all__ = ["Unit", "make_units"]


@dataclass(frozen=True)
class Unit:
    """A LUT, a register, a LUT with the register behind it, a multiplexer of LUTs, a carry chain.

    Parameters
    ----------
    cells:
        Which.
    step:
        By how many positions it may move within a tile: 1, whole slices (2), halves of a tile (4), not at all (8).
    """

    cells: tuple[int, ...]
    step: int

    def shifts(self, positions: list[int]) -> list[int]:
        """By how many positions it can move that has these now: 0 is among them."""
        base = min(positions) // self.step * self.step
        return [to - base for to in range(0, POSITIONS, self.step) if max(positions) + to - base < POSITIONS]


def make_units(placement: Placement) -> list[Unit]:
    """All units that can be moved. Distributed memories and constants stay where they are, and what is tied to
    a constant or to something that is in no logic tile."""
    groups: dict[int, list[int]] = defaultdict(list)
    leaders, fixed = _tie(placement)
    for index, spot in enumerate(placement.spots):
        if spot is not None:
            groups[leaders[index]].append(index)
    return [
        Unit(tuple(cells), _step(placement, cells))
        for cells in groups.values()
        if not any(index in fixed for index in cells)
    ]


def _tie(placement: Placement) -> tuple[list[int], set[int]]:
    """For every cell one that speaks for its unit, and cells that cannot move."""
    leaders = list(range(len(placement.cells)))

    def leader(index: int) -> int:
        while leaders[index] != index:
            leaders[index] = leaders[leaders[index]]
            index = leaders[index]
        return index

    fixed = {i for i, mode in enumerate(placement.modes) if mode in ("DPRAM", "RAMW_BLOCK")}
    fixed |= set(placement.constants.values())
    fixed |= {i for i in range(len(placement.cells)) if placement.wire(i, "DI") in placement.constants}
    for bit, readers in placement.readers.items():
        driver = placement.driver[bit][0]
        for index, port in readers:
            if tied(placement, bit, index, port):
                leaders[leader(index)] = leader(driver)
                fixed |= {index, driver} if None in (placement.spots[index], placement.spots[driver]) else set()
    at = {spot: index for index, spot in enumerate(placement.spots) if spot is not None}
    for spot, index in at.items():  # the second half of a chain's last slice has no carry
        other = at.get(spot._replace(z=spot.z ^ 1))
        if spot.kind == "K" and other is not None and placement.modes[index] == placement.modes[other] == "CCU2":
            leaders[leader(index)] = leader(other)
    return [leader(index) for index in range(len(leaders))], fixed


def _step(placement: Placement, cells: list[int]) -> int:
    spots: list[Spot] = [spot for index in cells if (spot := placement.spots[index]) is not None]
    if any(placement.modes[index] == "CCU2" for index in cells) or len({spot[:2] for spot in spots}) > 1:
        return POSITIONS
    return next(step for step in (1, 2, 4, 8) if len({spot.z // step for spot in spots}) == 1)
