# SPDX-License-Identifier: Apache-2.0
"""A design that nextpnr-ecp5 has packed and placed, as it writes it with ``--write``."""

import re
from collections import defaultdict
from typing import Any, NamedTuple

from ..delays import CLOCK
from ..springs import tile_of

__all__ = ["POSITIONS", "Pin", "Placement", "Spot"]

POSITIONS = 8
"""In a logic tile, two a slice: each has a LUT and a register."""

_LOGIC = re.compile(r".*/SLICE([A-D])\.(K|FF|RAMW)(\d?)$")
_CONSTANT = "$PACKER_"
_OPEN = ["x"]

Pin = tuple[int, str]
"""A cell's index, and the name of a port."""


class Spot(NamedTuple):
    """A place in a logic tile: column and row of the tile, position in it, and what it is: a LUT
    (``K``), a register (``FF``), or the write port of a distributed memory (``RAMW``)."""

    x: int
    y: int
    z: int
    kind: str

    @property
    def bel(self) -> str:
        """nextpnr's name of it."""
        number = "" if self.kind == "RAMW" else self.z % 2
        return f"X{self.x}/Y{self.y}/SLICE{'ABCD'[self.z // 2]}.{self.kind}{number}"


class Placement:
    """Cells by index, what connects them, and where they are.

    Members
    -------
    names, cells, kinds, modes:
        Of every cell: name, its entry in the file, type, and parameter MODE ("LOGIC" where a LUT has none).
    x, y:
        Lists of columns and rows; -1 where a cell has no place.
    spots:
        Of cells in logic tiles; None for all others.
    inputs, outputs:
        Of every cell: wires and ports. Clocks and constants are left out.
    driver, readers:
        Of every wire: where it comes from, and where it goes. Those left out are in neither.
    constants:
        Wires that are constant, and which cell they come from.
    """

    def __init__(self, module: dict[str, Any]):
        self.names = list(module["cells"])
        self.cells: list[dict[str, Any]] = list(module["cells"].values())
        self.kinds = [cell["type"] for cell in self.cells]
        self.modes = [cell["parameters"].get("MODE", "LOGIC").strip() for cell in self.cells]
        self.x, self.y = [-1] * len(self.cells), [-1] * len(self.cells)
        self.spots: list[Spot | None] = [None] * len(self.cells)
        for index, cell in enumerate(self.cells):
            bel = cell["attributes"].get("NEXTPNR_BEL", "")
            if tile := tile_of(bel):
                self.x[index], self.y[index] = tile
                if match := _LOGIC.match(bel):
                    z = 2 * "ABCD".index(match[1]) + int(match[3] or 0)
                    self.spots[index] = Spot(*tile, z, match[2])
        self._connect(module)

    def _connect(self, module: dict[str, Any]) -> None:
        skipped = {
            net["bits"][0]
            for net in module["netnames"].values()
            if net["attributes"].get("ECP5_IS_GLOBAL", "").endswith("1")
        }
        outputs = [[(bit, port) for port, bit in self.wires(i, "output")] for i in range(len(self.cells))]
        self.constants = {
            bit: index
            for index, name in enumerate(self.names)
            if name.startswith(_CONSTANT)
            for bit, _ in outputs[index]
        }
        skipped |= set(self.constants)
        self.outputs = [[wire for wire in wires if wire[0] not in skipped] for wires in outputs]
        self.driver: dict[int, Pin] = {bit: (i, port) for i, wires in enumerate(self.outputs) for bit, port in wires}
        self.readers: dict[int, list[Pin]] = defaultdict(list)
        self.inputs: list[list[tuple[int, str]]] = []
        for index in range(len(self.cells)):
            wires = [
                (bit, port) for port, bit in self.wires(index, "input") if bit in self.driver and not CLOCK.match(port)
            ]
            self.inputs.append(wires)
            for bit, port in wires:
                self.readers[bit].append((index, port))

    def wires(self, index: int, direction: str) -> list[tuple[str, int]]:
        """Ports of a cell that are connected, and to what."""
        cell = self.cells[index]
        ways = cell["port_directions"]
        ports = cell["connections"].items()
        return [(port, bits[0]) for port, bits in ports if bits and bits != _OPEN and ways[port] == direction]

    def wire(self, index: int, port: str) -> int | None:
        """What a port of a cell is connected to, clocks and constants included; None if to nothing."""
        bits = self.cells[index]["connections"].get(port)
        return None if not bits or bits == _OPEN else bits[0]

    def move(self, index: int, spot: Spot) -> None:
        """Give a cell another place; that it is free is the caller's business."""
        self.spots[index], self.x[index], self.y[index] = spot, spot.x, spot.y

    def write_back(self) -> None:
        """Into what was given: places, and ports that are not connected.

        nextpnr forgets such a port when it reads a design again, and then does not tie a multiplier's inputs to what
        its parameters say. Connected to an undefined bit it stays.
        """
        for cell, spot in zip(self.cells, self.spots, strict=True):
            if spot is not None:
                cell["attributes"]["NEXTPNR_BEL"] = spot.bel
            for port, bits in cell["connections"].items():
                if not bits:
                    cell["connections"][port] = _OPEN
