# SPDX-License-Identifier: Apache-2.0
"""Where the multipliers and block RAMs of a core lie that fills an ECP5.

Such a core takes nearly all of both, so they lie all over the FPGA, and what is around them follows. nextpnr places
them one by one, for short wires; this floor plan places them as data flow, and the wires of the c256 core become a
third shorter (``wirelen`` in nextpnr's log, with and without). It goes by the names of the netlist's cells. Facts:
``tilegrid.json`` of each FPGA in Project Trellis' database, whose columns and rows are those of nextpnr's BELs.

::

    LFE5U-85F
    row 10   multipliers of the lanes                            lane 0 … on the left
    row 22   block RAM of accumulators and activations
    row 34   multipliers of the array, the lower half of a pair  sums leave upwards; pair 0 on the left
    row 46   block RAM of weights, of parameters in the middle
    row 58   multipliers of the array, the upper half            activations enter, from the left
    row 70   block RAM of weights, below the pair they are for
    row 82   the same, of programs in the middle

    LFE5U-25F
    row 13   multipliers of the array, then of the lanes         pair 0 and lane 0 on the left
    row 25   block RAM of accumulators and activations, of parameters in the middle
    row 37   block RAM of weights, of programs in the middle
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["FLOORS", "Floor", "dsp_block", "place_file", "place_hard_blocks"]

FULL = 0.6
"""Share of the multipliers that a core has which the floor plan is for; a smaller one does well without."""

MULTIPLIERS = ((0, "MULT18_0"), (1, "MULT18_1"), (4, "MULT18_4"), (5, "MULT18_5"))
RAMS = ((0, "EBR0"), (2, "EBR1"), (4, "EBR2"), (6, "EBR3"))
"""Column in the group, and name, of each."""


@dataclass(frozen=True, kw_only=True)
class Floor:
    """Where an FPGA has multipliers and block RAMs, and what a row of them is for.

    Parameters
    ----------
    blocks:
        Columns in which a row's DSP blocks, and groups of block RAMs, begin.
    width:
        Columns of the whole.
    array:
        Rows of the array's multipliers: a pair goes through them in this order.
    lanes:
        Row of the lanes'; those that the array has none left for are here, too.
    rams:
        Rows of block RAM; weights take what is left of them.
    sums, parameters, programs:
        Which of them are for accumulators and activations, for parameters and the feeder, and for programs.
    """

    blocks: tuple[int, ...]
    width: int
    array: tuple[int, ...]
    lanes: int
    rams: tuple[int, ...]
    sums: int
    parameters: int
    programs: int


FLOORS = {
    "LFE5U-85F": Floor(
        blocks=(4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114),
        width=126,
        array=(58, 34),
        lanes=10,
        rams=(22, 46, 70, 82),
        sums=22,
        parameters=46,
        programs=82,
    ),
    "LFE5U-25F": Floor(
        blocks=(4, 13, 22, 33, 42, 51, 60),
        width=72,
        array=(13,),
        lanes=13,
        rams=(25, 37),
        sums=25,
        parameters=25,
        programs=37,
    ),
}
"""By the name of the part."""

_NUMBER = re.compile(r"(\d+)")

Cells = dict[str, dict[str, Any]]


def place_file(netlist: Path, floor: Floor, weight_rows: int) -> int:
    """:func:`place_hard_blocks` on a file that yosys wrote, in place."""
    design = json.loads(netlist.read_text())
    placed = sum(place_hard_blocks(module["cells"], floor, weight_rows) for module in design["modules"].values())
    netlist.write_text(json.dumps(design))
    return placed


def place_hard_blocks(cells: Cells, floor: Floor, weight_rows: int) -> int:
    """Give cells the attribute ``BEL``, by which nextpnr puts them there; returns how many.

    Parameters
    ----------
    cells:
        Of a flat netlist in yosys' JSON form. Changed in place, or not at all: a core that is too small, or has more of
        anything than there is, is left to nextpnr.
    floor:
        Of the FPGA.
    weight_rows:
        Of the array, in a word of the weight memory.
    """
    plan = _Plan(cells, floor, weight_rows)
    if not plan.fits():
        return 0
    plan.multiply()
    plan.remember()
    for name, bel in plan.places.items():
        cells[name].setdefault("attributes", {})["BEL"] = bel
    return len(plan.places)


class _Plan:
    """Sites that are free yet, from the left in every row, and who has which."""

    def __init__(self, cells: Cells, floor: Floor, weight_rows: int):
        self.cells, self.floor, self.weight_rows = cells, floor, weight_rows
        self.places: dict[str, str] = {}
        self.dsp = {y: _row(floor, y, MULTIPLIERS) for y in {*floor.array, floor.lanes}}
        self.ram = {y: _row(floor, y, RAMS) for y in floor.rams}

    def named(self, kind: str, pattern: str) -> list[str]:
        """Cells of a type whose names match, sorted by the numbers in them alone: the parts of a lane stay together."""
        found = (name for name, cell in self.cells.items() if cell["type"] == kind and re.search(pattern, name))
        return sorted(found, key=lambda name: [int(part) for part in _NUMBER.findall(name)])

    def fits(self) -> bool:
        """Whether the core takes most of the multipliers, and there are as many sites as cells."""
        multipliers, rams = len(self.named("MULT18X18D", "")), len(self.named("DP16KD", ""))
        sites = sum(map(len, self.dsp.values()))
        return FULL * sites <= multipliers <= sites and rams <= sum(map(len, self.ram.values()))

    def multiply(self) -> None:
        """Each pair of columns through the rows of the array and back; the lanes beside each other."""
        (first, *back), last = [self.dsp[y] for y in self.floor.array], self.dsp[self.floor.lanes]
        pairs: dict[str, list[str]] = {}
        for name in self.named("MULT18X18D", r"\.array\.column_\d+\."):
            pairs.setdefault(name.split(".array.")[1].split(".")[0], []).append(name)
        for names in pairs.values():
            # Whole DSP blocks, for the enables that its four share.
            part = min(-(-len(names) // (4 * len(self.floor.array))) * 4, len(first))
            folded = [site for row in back for site in row[:part][::-1]]
            self._put(names, first[:part] + folded + last[:-9:-1])
        self._put(self.named("MULT18X18D", r"\.lanes\.lane_\d+\."), last)

    def remember(self) -> None:
        """What few look at goes near its readers first; the weights take what is left."""
        floor, middle = self.floor, self.floor.width // 2
        self._near(self.named("DP16KD", r"\.program\.|\.link\."), self.ram[floor.programs], middle)
        self._near(self.named("DP16KD", r"\.parameter_memory\."), self.ram[floor.parameters], middle)
        self._near(self.named("DP16KD", r"\.feeder\."), self.ram[floor.parameters], floor.width // 4)
        self._spread(self.named("DP16KD", r"\.accumulators\."), self.ram[floor.sums])
        self._spread(sorted(self.named("DP16KD", r"\.activation_memory\."), key=_piece), self.ram[floor.sums])
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


def dsp_block(bel: str) -> int | None:
    """Column in which the DSP block of a multiplier's BEL begins; None if it is none."""
    column = {name: dx for dx, name in MULTIPLIERS}.get(bel.rpartition("/")[2])
    return None if column is None else _column(bel) - column


def _row(floor: Floor, y: int, kinds: tuple[tuple[int, str], ...]) -> list[str]:
    return [f"X{x + dx}/Y{y}/{name}" for x in floor.blocks for dx, name in kinds]


def _column(site: str) -> int:
    return int(site[1 : site.index("/")])


def _piece(name: str) -> tuple[int, int]:
    """Number of the piece, and of the bank, of ``….block_<bank>_<piece>.cell``."""
    bank, piece = _NUMBER.findall(name)[-2:]
    return int(piece), int(bank)
