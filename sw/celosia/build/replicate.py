# SPDX-License-Identifier: Apache-2.0
"""Drivers of many inputs, replicated: each copy drives the inputs of one neighbourhood.

A register that a hundred cells of sixteen lanes look at has to lie somewhere, and is far from most of them. Hardware
descriptions ask for a register a lane in vain: yosys merges equal registers. So it is done behind yosys, as tools of
FPGA vendors do ("register duplication").

Which inputs are neighbours is taken from the names of their cells, which begin with the modules that they are in:
sorted by name, the inputs of one lane stand side by side. Where a floor plan has placed all of them, it says so itself.
"""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

__all__ = ["LIMIT", "replicate", "replicate_file"]

LIMIT = 24
"""What a driver, and each copy of it, may drive: inputs of LUTs and registers, or ..."""

_LARGE = {"DP16KD": 4, "MULT18X18D": 4}
"""... of cells that count for as many, for they are few and lie far from each other."""

FAR = 50
"""Columns of the FPGA: a register whose inputs lie on a longer stretch has a copy for each part of it."""

_DRIVERS = {"TRELLIS_FF": "Q", "LUT4": "Z"}
"""Cells that are replicated, and their output."""

_BINDING = {"ALUT", "BLUT", "D0", "D1"}
"""Ports of multiplexers that bind the place of the LUTs in front of them."""

_CLOCKS = {"CLK", "WCK", "CLKI"}

_SHARED = {"CE0", "CE1", "CE2", "CE3"}
"""Ports of multipliers for whose signals the four of a block have four places together: they all keep one driver."""

_NUMBER = re.compile(r"(\d+)")
_PLACE = re.compile(r"X(\d+)/")

Input = tuple[str, str, int]
"""A cell, its port, and the bit of the port."""


def replicate_file(netlist: Path, limit: int = LIMIT) -> int:
    """:func:`replicate` on a file that yosys wrote, in place."""
    design = json.loads(netlist.read_text())
    copies = replicate(design, limit)
    netlist.write_text(json.dumps(design))
    return copies


def replicate(design: dict[str, Any], limit: int = LIMIT) -> int:
    """Replicate LUTs and registers of ECP5 that drive more than ``limit``; returns how many copies were made.

    LUTs come first: their copies add to what the registers before them drive. Clocks stay as they are, and so does
    what drives a port of the design or a multiplexer that binds its LUTs.

    Parameters
    ----------
    design:
        A flat netlist in yosys' JSON form. Changed in place.
    """
    netlists = [_Netlist(module) for module in design["modules"].values()]
    return sum(netlist.replicate_all(limit) for netlist in netlists)


class _Netlist:
    """Who drives, and who is driven."""

    def __init__(self, module: dict[str, Any]):
        self.module, self.cells = module, module["cells"]
        self.inputs: dict[int, list[Input]] = defaultdict(list)
        self.outside = {bit for port in module["ports"].values() for bit in port["bits"]}
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] == "input":
                    for place, bit in enumerate(bits):
                        self.inputs[bit].append((name, port, place))
        self.copies: Counter[str] = Counter()
        self.beside: dict[str, str] = {}  # a copy, and the cell whose neighbour it is
        every = [bits for cell in self.cells.values() for bits in cell["connections"].values()]
        every += [net["bits"] for net in module["netnames"].values()]
        self.next_bit = 1 + max((b for bits in (*every, self.outside) for b in bits if isinstance(b, int)), default=1)

    def replicate_all(self, limit: int) -> int:
        """Until nothing drives too much: copies are inputs themselves, of what drives their original."""
        copies = 0
        for kind in ("LUT4", "TRELLIS_FF"):
            while made := self.replicate(kind, limit):
                copies += made
        return copies

    def replicate(self, kind: str, limit: int) -> int:
        """Each driver of a kind once; how many copies."""
        output, copies = _DRIVERS[kind], 0
        moves = kind == "TRELLIS_FF"  # there is logic in front of a LUT's copies, which would lie as far off
        for name, cell in list(self.cells.items()):
            if cell["type"] != kind or not cell["connections"].get(output):
                continue
            bit = cell["connections"][output][0]
            inputs = self.inputs[bit]
            far = moves and self._stretch(inputs) > FAR
            if (far or self._load(inputs) > limit) and self._movable(bit, inputs):
                copies += self._copy(name, output, limit)
        return copies

    def _movable(self, bit: int, inputs: list[Input]) -> bool:
        return bit not in self.outside and not any(port in _BINDING | _CLOCKS for _, port, _ in inputs)

    def _copy(self, name: str, output: str, limit: int) -> int:
        """Keep the first neighbourhood for the cell itself; a copy for each of the others."""
        inputs = self.inputs[self.cells[name]["connections"][output][0]]
        shared = [entry for entry in inputs if entry[1] in _SHARED]
        groups = self._neighbourhoods([entry for entry in inputs if entry[1] not in _SHARED], limit)
        for group in groups[1:]:
            bit, self.next_bit = self.next_bit, self.next_bit + 1
            self.copies[name] += 1
            own = f"{name}_copy_{self.copies[name]}"
            cell = self.cells[name]
            self.cells[own] = {**cell, "connections": {**cell["connections"], output: [bit]}}
            self.beside[own] = min((self.beside.get(sink, sink) for sink, _, _ in group), key=_natural)
            self.module["netnames"][own] = {"hide_name": 1, "bits": [bit], "attributes": {}}
            for sink, port, place in group:
                connections = self.cells[sink]["connections"]
                connections[port] = [*connections[port][:place], bit, *connections[port][place + 1 :]]
                self.inputs[bit].append((sink, port, place))
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] == "input":
                    for place, driver in enumerate(bits):
                        self.inputs[driver].append((own, port, place))
        self.inputs[self.cells[name]["connections"][output][0]] = shared + groups[0]
        return len(groups) - 1

    def _load(self, inputs: list[Input]) -> int:
        return sum(_LARGE.get(self.cells[name]["type"], 1) for name, _, _ in inputs)

    def _column(self, entry: Input) -> int | None:
        """The FPGA's column in which a floor plan has placed the cell of an input."""
        place = _PLACE.match(self.cells[entry[0]].get("attributes", {}).get("BEL", ""))
        return int(place[1]) if place else None

    def _stretch(self, inputs: list[Input]) -> int:
        """Columns from the first to the last of inputs that are all placed; 0 if they are not."""
        columns = [self._column(entry) for entry in inputs]
        placed = [column for column in columns if column is not None]
        return max(placed) - min(placed) if placed and len(placed) == len(columns) else 0

    def _neighbourhoods(self, inputs: list[Input], limit: int) -> list[list[Input]]:
        """Inputs in the order of their columns or else of their names, cut into as few groups as the limits allow, of
        about the same load."""
        load, stretch = self._load(inputs), self._stretch(inputs)
        share = load / max(-(-load // limit), -(-stretch // FAR), 1)
        groups: dict[int, list[Input]] = defaultdict(list)
        before = 0
        for entry in sorted(
            inputs, key=lambda entry: (stretch and self._column(entry), _natural(self.beside.get(entry[0], entry[0])))
        ):
            groups[int(before / share)].append(entry)
            before += self._load([entry])
        return list(groups.values()) or [[]]


def _natural(name: str) -> list[str | int]:
    """Sorts lane_2 before lane_10."""
    return [int(part) if part.isdigit() else part for part in _NUMBER.split(name)]
