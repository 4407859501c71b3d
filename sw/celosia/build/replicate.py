# SPDX-License-Identifier: Apache-2.0
"""Drivers of many inputs, replicated: each copy drives the inputs of one neighbourhood.

A register that a hundred cells of sixteen lanes look at has to lie somewhere, and is far from most of them. Hardware
descriptions ask for a register a lane in vain: yosys merges equal registers. So it is done behind yosys, as tools of
FPGA vendors do ("register duplication").

Which inputs are neighbours, and how far they lie apart, is known where a floor plan holds the hard blocks
(:mod:`.springs`). Elsewhere the names of their cells tell, which begin with the modules that they are in: sorted by
name, the inputs of one lane stand side by side.
"""

import json
import re
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from .sites import dsp_block
from .springs import Point, rest

__all__ = ["FAR", "LIMIT", "replicate", "replicate_file"]

LIMIT = 24
"""What a driver, and each copy of it, may drive: inputs of LUTs and registers, or ..."""

_LARGE = {"DP16KD": 4, "MULT18X18D": 4}
"""... of cells that count for as many, for they are few and lie far from each other."""

FAR = 40
"""Columns and rows of the FPGA: a cell whose inputs lie farther apart has a copy for each part of them, where that
helps."""

_DRIVERS = {"LUT4": "Z", "TRELLIS_FF": "Q"}
"""Cells that are replicated, in this order, and their output."""

_BINDING = {"ALUT", "BLUT", "D0", "D1"}
"""Ports of multiplexers that bind the place of the LUTs in front of them."""

_CLOCKS = {"CLK", "WCK", "CLKI"}

_SHARED = {"CE0", "CE1", "CE2", "CE3"}
"""Ports of multipliers for whose signals the four of a block have four places together: they keep one driver, or, where
a floor plan says which are in a block, those of a block do."""

_NUMBER = re.compile(r"(\d+)")

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
    """Who drives, who is driven, and where they lie."""

    def __init__(self, module: dict[str, Any]):
        self.module, self.cells = module, module["cells"]
        self.inputs: dict[int, list[Input]] = defaultdict(list)
        self.driver: dict[int, str] = {}
        self.outside = {bit for port in module["ports"].values() for bit in port["bits"]}
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                for place, bit in enumerate(bits):
                    if cell["port_directions"][port] == "input":
                        self.inputs[bit].append((name, port, place))
                    else:
                        self.driver[bit] = name
        self.copies: Counter[str] = Counter()
        self.places = rest(self.cells)
        self.planned = bool(self.places)
        if not self.planned:
            self.places = {name: (float(i), 0.0) for i, name in enumerate(sorted(self.cells, key=_natural))}
        every = [bits for cell in self.cells.values() for bits in cell["connections"].values()]
        every += [net["bits"] for net in module["netnames"].values()]
        self.next_bit = 1 + max((b for bits in (*every, self.outside) for b in bits if isinstance(b, int)), default=1)

    def replicate_all(self, limit: int) -> int:
        """Until nothing drives too much: copies are inputs themselves, of what drives their original."""
        copies = 0
        for kind, output in _DRIVERS.items():
            waiting = [name for name, cell in self.cells.items() if cell["type"] == kind]
            while waiting:
                name = waiting.pop()
                made = self._copy(name, output, limit) if self.cells[name]["connections"].get(output) else []
                copies += len(made)
                if made:  # what drives it drives more now
                    drivers = dict.fromkeys(self.driver.get(bit) for bit in self._read(name))  # in their order
                    waiting += [name for name in drivers if name and self.cells[name]["type"] == kind]
        return copies

    def _read(self, name: str) -> list[int]:
        """The bits that a cell reads, but its clock."""
        cell = self.cells[name]
        ports = (port for port, way in cell["port_directions"].items() if way == "input" and port not in _CLOCKS)
        return [bit for port in ports for bit in cell["connections"].get(port, ())]

    def _copy(self, name: str, output: str, limit: int) -> list[str]:
        """Keep the first neighbourhood for the cell itself; a copy for each of the others."""
        cell = self.cells[name]
        bit = cell["connections"][output][0]
        inputs = self.inputs[bit]
        if bit in self.outside or any(port in _BINDING | _CLOCKS for _, port, _ in inputs):
            return []
        shared = [entry for entry in inputs if entry[1] in _SHARED and not self.planned]
        far = self._far(name, inputs) if self.planned else float("inf")
        first, *others = self._neighbourhoods([entry for entry in inputs if entry not in shared], limit, far)
        made = [self._add(name, output, group) for group in others]
        if made:
            self.inputs[bit] = shared + first
            self._put(name, self.inputs[bit])
        return made

    def _put(self, name: str, inputs: list[Input]) -> None:
        """A driver lies in the middle of what it drives."""
        places = [self.places[sink] for sink, _, _ in inputs if sink in self.places]
        if places:
            self.places[name] = (sum(x for x, _ in places) / len(places), sum(y for _, y in places) / len(places))

    def _add(self, name: str, output: str, group: list[Input]) -> str:
        """A copy of a cell that drives a group of its inputs, in the middle of them."""
        bit, self.next_bit = self.next_bit, self.next_bit + 1
        self.copies[name] += 1
        cell, own = self.cells[name], f"{name}_copy_{self.copies[name]}"
        self.cells[own] = {**cell, "connections": {**cell["connections"], output: [bit]}}
        self.module["netnames"][own] = {"hide_name": 1, "bits": [bit], "attributes": {}}
        self.driver[bit] = own
        self._put(own, group)
        for sink, port, place in group:
            connections = self.cells[sink]["connections"]
            connections[port] = [*connections[port][:place], bit, *connections[port][place + 1 :]]
            self.inputs[bit].append((sink, port, place))
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input":
                for place, driver in enumerate(bits):
                    self.inputs[driver].append((own, port, place))
        return own

    def _far(self, name: str, inputs: list[Input]) -> float:
        """How far a cell's inputs may lie apart. Logic in front of copies would lie as far off as they, but for one LUT
        in front of a register; a register further on halves the way."""
        before = self._before(name)
        luts = {cell for cell in before if self.cells[cell]["type"] == "LUT4"}
        registers = (before - luts).union(*map(self._before, luts))
        if any(self.cells[cell]["type"] != "TRELLIS_FF" for cell in registers):
            return float("inf")
        if luts and any(self.cells[sink]["type"] == "TRELLIS_FF" for sink, _, _ in inputs):
            return float("inf")
        return 2 * FAR if all(port == "DI" for _, port, _ in inputs) else FAR

    def _before(self, name: str) -> set[str]:
        """The cells that drive a cell's inputs."""
        return {driver for bit in self._read(name) if (driver := self.driver.get(bit))}

    def _load(self, inputs: list[Input]) -> int:
        return sum(_LARGE.get(self.cells[name]["type"], 1) for name, _, _ in inputs)

    def _place(self, entry: Input) -> Point:
        """Where a cell lies that has an input; of a multiplier, its block."""
        x, y = self.places.get(entry[0], (0.0, 0.0))
        block = dsp_block(self.cells[entry[0]].get("attributes", {}).get("BEL", "")) if entry[1] in _SHARED else None
        return (x if block is None else float(block), y)

    def _together(self, one: Input, other: Input) -> bool:
        """Whether they are of one block's multipliers, and share a place for enables."""
        return {one[1], other[1]} <= _SHARED and self._place(one) == self._place(other)

    def _neighbourhoods(self, inputs: list[Input], limit: int, far: float) -> list[list[Input]]:
        """Inputs halved across the longer side of where they lie until each part is within the limits; parts are of
        about the same load."""
        load = self._load(inputs)
        xs, ys = zip(*map(self._place, inputs), strict=True) if inputs else ((0.0,), (0.0,))
        wide, high = max(xs) - min(xs), max(ys) - min(ys)
        parts = max(-(-load // limit), 1 + int((wide + high) / far))
        if parts == 1 or len(inputs) < 2:
            return [inputs]
        axis = 0 if wide >= high else 1
        ordered = sorted(inputs, key=lambda entry: (self._place(entry)[axis], self._place(entry), _natural(entry[0])))
        share, before, cut = load * (parts // 2) / parts, 0, 0
        while before < share and cut < len(ordered) - 1:
            before += self._load([ordered[cut]])
            cut += 1
        while cut < len(ordered) and self._together(ordered[cut - 1], ordered[cut]):
            cut += 1
        halves = ordered[:cut], ordered[cut:]
        return [group for half in halves for group in self._neighbourhoods(half, limit, far)] if halves[1] else [inputs]


def _natural(name: str) -> list[str | int]:
    """Sorts lane_2 before lane_10."""
    return [int(part) if part.isdigit() else part for part in _NUMBER.split(name)]
