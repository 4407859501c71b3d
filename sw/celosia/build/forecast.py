# SPDX-License-Identifier: Apache-2.0
"""``python -m celosia.build.forecast NETLIST.json``: which ways will be slow, before anything is placed.

Placing and routing takes far longer, and what it then says is slow is one path. Here cells lie where :mod:`.springs`
puts them, wires take as long as they are far, and every register's input has a time: what is listed is all ways above a
limit, as kinds (``lane_3`` and ``lane_4`` are one). It is an order, not a promise: springs leave cells closer together
than a placer can, which knows what is critical instead.

Delays of wires are nextpnr's estimates from how far they go, those of cells are in :mod:`.delays`.
"""

import argparse
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from . import delays
from .blocks import block_of, local_name
from .springs import Point, held_at, rest

__all__ = ["Way", "forecast"]

TILE, ENTRY = 0.088, 6
"""Nanoseconds a wire takes for a tile, and what leaving and entering count as."""

_START = {**delays.START, "TRELLIS_DPR16X4": delays.MEMORY_START}
_LOGIC = {"LUT4": delays.LUT, "PFUMX": delays.MULTIPLEXER, "L6MUX21": delays.MULTIPLEXER}
_ENDS = {"TRELLIS_FF", "MULT18X18D", "DP16KD", "TRELLIS_DPR16X4"}
_DIRECT = {"CIN", "ALUT", "BLUT", "D0", "D1"}
"""Inputs that are next to their drivers."""

_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Way:
    """All ways between two kinds of registers or memories, numbers in names left out.

    Parameters
    ----------
    start, end:
        Block and name.
    nanoseconds:
        Of the slowest.
    ends:
        How many inputs they reach.
    """

    start: str
    end: str
    nanoseconds: float
    ends: int


def forecast(cells: Mapping[str, Mapping[str, Any]], above: float = 8.0) -> list[Way]:
    """Ways of a flat netlist of ECP5 that take more than ``above`` nanoseconds, slowest first.

    Parameters
    ----------
    cells:
        In yosys' JSON form, hard blocks held by a floor plan: else nothing is known, and nothing comes back.
    """
    places = rest(cells)
    times = _Times(cells, places) if places else None
    slowest: dict[tuple[str, str], float] = {}
    count: dict[tuple[str, str], int] = defaultdict(int)
    for time, start, end in times.ends() if times else ():
        if time > above:
            kind = _kind(start), _kind(end)
            slowest[kind] = max(time, slowest.get(kind, 0.0))
            count[kind] += 1
    ways = (Way(*kind, time, count[kind]) for kind, time in slowest.items())
    return sorted(ways, key=lambda way: -way.nanoseconds)


def _kind(name: str) -> str:
    return _NUMBER.sub("…", f"{block_of(name)}: {local_name(name.split('_copy_')[0])}")


class _Times:
    """When each bit of a netlist has its value after a clock's edge, and from which cell that comes latest."""

    def __init__(self, cells: Mapping[str, Mapping[str, Any]], places: Mapping[str, Point]):
        self.cells, self.places = cells, places
        self.driver = {
            bit: (name, port) for name, cell in cells.items() for port, bit in self._bits(cell, "output")
        }  # fmt: skip
        self.readers = Counter(bit for cell in cells.values() for _, bit in self._bits(cell, "input"))
        self.known: dict[int, tuple[float, str]] = {}

    @staticmethod
    def _bits(cell: Mapping[str, Any], way: str) -> Iterator[tuple[str, int]]:
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == way:
                yield from ((port, bit) for bit in bits if isinstance(bit, int))

    def ends(self) -> Iterator[tuple[float, str, str]]:
        """For every input of a register or memory: nanoseconds, where they begin, and the cell."""
        for name, cell in self.cells.items():
            if cell["type"] in _ENDS:
                for port, bit in self._bits(cell, "input"):
                    if bit in self.driver and not delays.CLOCK.match(port) and port != "RAD":
                        time, start = self._at(bit)
                        yield time + self._wire(bit, name, port), start, name

    def _at(self, bit: int) -> tuple[float, str]:
        """Depth first, without recursion: carry chains are long. A loop has no time of its own."""
        waiting, begun = [bit], set[int]()
        while waiting:
            here = waiting[-1]
            before = [b for b, _, _ in self._before(here) if b not in self.known]
            if here not in self.known and before and here not in begun:
                begun.add(here)
                waiting += [b for b in before if b not in begun]
                continue
            waiting.pop()
            if here not in self.known:
                self.known[here] = self._time(here)
        return self.known[bit]

    def _time(self, bit: int) -> tuple[float, str]:
        name, _ = self.driver[bit]
        reached = [
            (self.known[b][0] + self._wire(b, name, port) + delay, self.known[b][1])
            for b, port, delay in self._before(bit)
            if b in self.known
        ]
        return max(reached, default=(_START.get(self.cells[name]["type"], 500) / 1000, name))

    def _before(self, bit: int) -> Iterator[tuple[int, str, float]]:
        """What a bit depends on within a cycle: bits, the ports they enter, and nanoseconds from there."""
        name, out = self.driver[bit]
        kind = self.cells[name]["type"]
        for port, before in self._bits(self.cells[name], "input"):
            if before not in self.driver:
                continue
            if kind in _LOGIC:
                yield before, port, _LOGIC[kind] / 1000
            elif kind == "CCU2C":  # of two bits
                along = (port, out) == ("CIN", "COUT")
                yield before, port, (2 * delays.ALONG_CARRY if along else delays.CARRY) / 1000
            elif kind == "TRELLIS_DPR16X4" and port == "RAD":
                yield before, port, delays.LUT / 1000

    def _wire(self, bit: int, name: str, port: str) -> float:
        """nextpnr's estimate: short distances cost more a tile. A register is packed with what it alone reads."""
        one, other = self.places.get(self.driver[bit][0]), self.places.get(name)
        packed = port == "DI" and self.readers[bit] == 1 and self.cells[self.driver[bit][0]]["type"] not in _START
        if packed or port in _DIRECT:
            return 0.0
        if one is None or other is None:
            return ENTRY * TILE
        far = [abs(a - b) for a, b in zip(one, other, strict=True)]
        return TILE * (ENTRY + sum(max(d - 5, 0) + 2 * min(d, 5) for d in far))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m celosia.build.forecast", description="Which ways will be slow.")
    parser.add_argument("netlist", type=Path, help="top.json of a build, in its cache folder")
    parser.add_argument("--above", type=float, default=8.0, metavar="NS", help="leave out what is faster (default: 8)")
    arguments = parser.parse_args()
    try:
        modules = json.loads(arguments.netlist.read_text(encoding="utf-8"))["modules"].values()
        ways = [way for module in modules for way in forecast(module["cells"], arguments.above)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        parser.error(f"{arguments.netlist}: not a netlist of yosys ({error}): give top.json of a build's cache folder")
    if not any(held_at(cell) for module in modules for cell in module["cells"].values()):
        parser.error(f"{arguments.netlist}: no cell has a place: a forecast needs a floor plan, as ulx3s-85f's has")
    table = Table("ns", "ends", "from", "to", box=None, pad_edge=False)
    for way in ways:
        table.add_row(f"{way.nanoseconds:.1f}", str(way.ends), way.start, way.end)
    Console().print(table)


if __name__ == "__main__":
    main()
