# SPDX-License-Identifier: Apache-2.0
"""Where the multipliers and block RAMs of a core lie that fills an LFE5U-85F.

Such a core takes nearly all of both, so they lie all over the FPGA, and what is around them follows. nextpnr places
them one by one, for short wires; this floor plan places them as data flow, and the wires of the c256 core become a
third shorter (``wirelen`` in nextpnr's log, with and without). It goes by the names of the netlist's cells. Facts:
nextpnr's list of BELs.

::

    row 10   multipliers of the lanes                            lane 0 … on the left
    row 22   block RAM of accumulators and activations
    row 34   multipliers of the array, the lower half of a pair  sums leave upwards; pair 0 on the left
    row 46   block RAM of weights, of parameters in the middle
    row 58   multipliers of the array, the upper half            activations enter, from the left
    row 70   block RAM of weights, below the pair they are for
    row 82   the same, of programs in the middle
"""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["FULL", "place_file", "place_hard_blocks"]

FULL = 100
"""Multipliers of a core that this floor plan is for; a smaller one does well without."""

BLOCKS = (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114)
"""Columns in which a row's DSP blocks, and groups of block RAMs, begin."""

MULTIPLIERS = ((0, "MULT18_0"), (1, "MULT18_1"), (4, "MULT18_4"), (5, "MULT18_5"))
RAMS = ((0, "EBR0"), (2, "EBR1"), (4, "EBR2"), (6, "EBR3"))
"""Column in the group, and name, of each."""

_WIDTH = 126
_NUMBER = re.compile(r"(\d+)")

Cells = dict[str, dict[str, Any]]


def place_file(netlist: Path, weight_rows: int) -> int:
    """:func:`place_hard_blocks` on a file that yosys wrote, in place."""
    design = json.loads(netlist.read_text())
    placed = sum(place_hard_blocks(module["cells"], weight_rows) for module in design["modules"].values())
    netlist.write_text(json.dumps(design))
    return placed


def place_hard_blocks(cells: Cells, weight_rows: int) -> int:
    """Give cells the attribute ``BEL``, by which nextpnr puts them there; returns how many.

    Parameters
    ----------
    cells:
        Of a flat netlist in yosys' JSON form. Changed in place, or not at all: a core that is too small, or has more of
        anything than there is, is left to nextpnr.
    weight_rows:
        Of the array, in a word of the weight memory.
    """
    plan = _Plan(cells, weight_rows)
    if len(plan.named("MULT18X18D", "")) < FULL or not plan.fits():
        return 0
    plan.multiply()
    plan.remember()
    for name, bel in plan.places.items():
        cells[name].setdefault("attributes", {})["BEL"] = bel
    return len(plan.places)


class _Plan:
    """Sites that are free yet, from the left in every row, and who has which."""

    def __init__(self, cells: Cells, weight_rows: int):
        self.cells, self.weight_rows = cells, weight_rows
        self.places: dict[str, str] = {}
        self.dsp = {y: _row(y, MULTIPLIERS) for y in (10, 34, 58)}
        self.ram = {y: _row(y, RAMS) for y in (22, 46, 70, 82)}

    def named(self, kind: str, pattern: str) -> list[str]:
        """Cells of a type whose names match, sorted by the numbers in them alone: the parts of a lane stay together."""
        found = (name for name, cell in self.cells.items() if cell["type"] == kind and re.search(pattern, name))
        return sorted(found, key=lambda name: [int(part) for part in _NUMBER.findall(name)])

    def fits(self) -> bool:
        """Whether there are as many sites as cells."""
        kinds = {"MULT18X18D": self.dsp, "DP16KD": self.ram}
        return all(len(self.named(kind, "")) <= sum(map(len, rows.values())) for kind, rows in kinds.items())

    def multiply(self) -> None:
        """Each pair of columns folded: down to up, and back; the lanes beside each other."""
        top, middle, low = self.dsp[10], self.dsp[34], self.dsp[58]
        pairs: dict[str, list[str]] = {}
        for name in self.named("MULT18X18D", r"\.array\.column_\d+\."):
            pairs.setdefault(name.split(".array.")[1].split(".")[0], []).append(name)
        for names in pairs.values():
            half = min(-(-len(names) // 8) * 4, len(low))  # whole DSP blocks, for the enables that its four share
            sites = low[:half] + middle[:half][::-1] + top[:-9:-1]
            self._put(names, sites)
        self._put(self.named("MULT18X18D", r"\.lanes\.lane_\d+\."), top)

    def remember(self) -> None:
        """What few look at goes near its readers first; the weights take what is left."""
        middle = _WIDTH // 2
        self._near(self.named("DP16KD", r"\.program\.|\.link\."), self.ram[82], middle)
        self._near(self.named("DP16KD", r"\.parameter_memory\."), self.ram[46], middle)
        self._near(self.named("DP16KD", r"\.feeder\."), self.ram[46], _WIDTH // 4)
        self._spread(self.named("DP16KD", r"\.accumulators\."), self.ram[22])
        self._spread(sorted(self.named("DP16KD", r"\.activation_memory\."), key=_piece), self.ram[22])
        left = sorted((site for row in self.ram.values() for site in row), key=_column)
        self._spread(self._weights(), left)

    def _weights(self) -> list[str]:
        """Block RAMs of weights in the order of the array's columns: a word has a byte for each, row after row."""
        names = self.named("DP16KD", r"\.weight_memory\.")
        banks: dict[int, list[str]] = {}
        for name in names:
            banks.setdefault(_piece(name)[1], []).append(name)
        place = {name: k / len(bank) * self.weight_rows % 1 for bank in banks.values() for k, name in enumerate(bank)}
        return sorted(names, key=lambda name: place[name])

    def _near(self, names: list[str], sites: list[str], x: int) -> None:
        self._put(names, sorted(sorted(sites, key=lambda site: abs(_column(site) - x))[: len(names)], key=_column))

    def _spread(self, names: list[str], sites: list[str]) -> None:
        """Evenly over the sites, in their order."""
        self._put(names, [sites[i * len(sites) // len(names)] for i in range(min(len(names), len(sites)))])

    def _put(self, names: list[str], sites: Iterable[str]) -> None:
        taken = dict(zip(names, sites, strict=False))
        self.places |= taken
        gone = set(taken.values())
        for row in (*self.dsp.values(), *self.ram.values()):
            row[:] = [site for site in row if site not in gone]


def _row(y: int, kinds: tuple[tuple[int, str], ...]) -> list[str]:
    return [f"X{x + dx}/Y{y}/{name}" for x in BLOCKS for dx, name in kinds]


def _column(site: str) -> int:
    return int(site[1 : site.index("/")])


def _piece(name: str) -> tuple[int, int]:
    """Number of the piece, and of the bank, of ``….block_<bank>_<piece>.cell``."""
    bank, piece = _NUMBER.findall(name)[-2:]
    return int(piece), int(bank)
