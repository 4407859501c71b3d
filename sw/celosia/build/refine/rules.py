# SPDX-License-Identifier: Apache-2.0
"""What may lie together in a logic tile of an ECP5.

A tile has four slices (A to D) of two LUTs and two registers. The rules are nextpnr's (``slices_compatible`` in its
``ecp5/arch_place.cc``), which does not look again at a design that comes with places.
"""

from .placement import POSITIONS, Placement, Spot

__all__ = ["Tiles"]


class Tiles:
    """Who is where in the logic tiles, and whether that may be.

    Members
    -------
    at:
        The cell at a spot.
    known:
        Columns and rows of the tiles in which something is, or has been: others may be no logic tiles.
    tile_wide:
        Of a register: what all in its tile have in common.
    """

    def __init__(self, placement: Placement):
        self.placement = placement
        self.at = {spot: index for index, spot in enumerate(placement.spots) if spot is not None}
        self.known = {(spot.x, spot.y) for spot in self.at}
        registers = [index for index, kind in enumerate(placement.kinds) if kind == "TRELLIS_FF"]
        self.slice_wide = {index: self._slice_wide(index) for index in registers}
        self.tile_wide = {index: self._tile_wide(index) for index in registers}
        self.before = {index: self._before(index) for index in registers}
        self.inverted = {
            spot: self._inverted(index) for spot, index in self.at.items() if placement.modes[index] == "DPRAM"
        }
        self.takes_m = {
            index
            for index in self.at.values()
            if placement.wire(index, "M") is not None and placement.modes[index] != "RAMW_BLOCK"
        }

    def _parameter(self, index: int, name: str, default: str) -> str:
        return self.placement.cells[index]["parameters"].get(name, default).strip()

    def _slice_wide(self, index: int) -> tuple[object, ...]:
        """What the registers of a slice have in common."""
        wire = self.placement.wire(index, "CE")
        return wire, self._parameter(index, "CEMUX", "1"), self._parameter(index, "GSR", "DISABLED")

    def _tile_wide(self, index: int) -> tuple[object, ...]:
        """What the registers of a tile have in common; its last two are whether clock and reset are inverted."""
        wires = self.placement.wire(index, "CLK"), self.placement.wire(index, "LSR")
        inverted = tuple(self._parameter(index, f"{port}MUX", port) == "INV" for port in ("CLK", "LSR"))
        return (*wires, self._parameter(index, "SRMODE", "LSR_OVER_CE"), *inverted)

    def _before(self, index: int) -> int | None:
        """The LUT whose output a register takes by its direct input."""
        wire = self.placement.wire(index, "DI")
        if wire is None:
            return None
        constants = self.placement.constants
        return constants[wire] if wire in constants else self.placement.driver[wire][0]

    def _inverted(self, index: int) -> tuple[bool, ...]:
        return tuple(self._parameter(index, f"{port}MUX", port) == "INV" for port in ("WCK", "WRE"))

    def lift(self, index: int) -> None:
        """Take a cell out of its place."""
        spot = self.placement.spots[index]
        assert spot is not None
        del self.at[spot]

    def drop(self, index: int, spot: Spot) -> None:
        """Put a cell that has been lifted into a free place."""
        self.at[spot] = index
        self.placement.move(index, spot)

    def valid(self, x: int, y: int) -> bool:
        """Whether what is in a tile may be there together."""
        registers = [self.at.get(Spot(x, y, z, "FF")) for z in range(POSITIONS)]
        luts = [self.at.get(Spot(x, y, z, "K")) for z in range(POSITIONS)]
        if len({self.tile_wide[index] for index in registers if index is not None}) > 1:
            return False
        return self._memories(x, y, registers) and all(
            self._slice(luts[z : z + 2], registers[z : z + 2]) for z in range(0, POSITIONS, 2)
        )

    def _slice(self, luts: list[int | None], registers: list[int | None]) -> bool:
        if len({self.slice_wide[index] for index in registers if index is not None}) > 1:
            return False
        if len({self.placement.modes[index] == "CCU2" for index in luts if index is not None}) > 1:
            return False
        for lut, register in zip(luts, registers, strict=True):
            if register in self.takes_m:
                if lut in self.takes_m:  # the port is one for both
                    return False
            elif register is not None and lut != self.before[register]:
                return False
        return True

    def _memories(self, x: int, y: int, registers: list[int | None]) -> bool:
        """Distributed memories: their write port takes a whole slice, and their clock is the registers'."""
        if Spot(x, y, 4, "RAMW") in self.at:
            luts = (self.at.get(Spot(x, y, z, "K")) for z in (4, 5))
            if any(index is not None and self.placement.modes[index] != "RAMW_BLOCK" for index in luts):
                return False
        inverted = {self.inverted.get(Spot(x, y, z, "K")) for z in range(4)} - {None}
        inverted |= {self.tile_wide[index][-2:] for index in registers if index is not None} if inverted else set()
        return len(inverted) <= 1
