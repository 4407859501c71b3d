# SPDX-License-Identifier: Apache-2.0
"""What nextpnr reports, as what a designer wants to know: room, speed, and the path that limits it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from celosia.gateware.family import Family

from .blocks import block_of, local_name

__all__ = ["RESOURCES", "Path", "Report", "Step", "overfull", "parse_report", "parse_utilization_line"]

RESOURCES = {
    Family.ECP5: {
        "LUT": ("TRELLIS_COMB",),
        "FF": ("TRELLIS_FF",),
        "DSP": ("MULT18X18D",),
        "RAM": ("DP16KD",),
    },
    Family.ICE40: {
        "LUT": ("ICESTORM_LC",),  # logic cells: a LUT and a flip-flop each
        "DSP": ("ICESTORM_DSP",),
        "RAM": ("ICESTORM_RAM",),
        "SPRAM": ("ICESTORM_SPRAM",),
    },
    Family.GOWIN: {
        "LUT": ("LUT4",),
        "ALU": ("ALU",),
        "FF": ("DFF",),
        "DSP": ("MULT9X9", "MULT18X18", "MULT36X36"),
        "RAM": ("BSRAM",),
    },
}
"""Kinds of resources, and nextpnr's names for what counts as each."""

_UTILIZATION = re.compile(r"Info:\s+(\S+):\s+(\d+)/\s*(\d+)\s+(\d+)%")


@dataclass(frozen=True)
class Step:
    """One cell or wire on a path: its block, its name there, what it does (nextpnr's word), and how long it takes."""

    block: str
    name: str
    kind: str
    nanoseconds: float


@dataclass(frozen=True)
class Path:
    """The slowest path of a clock, from register to register."""

    clock: str
    steps: tuple[Step, ...]

    @property
    def nanoseconds(self) -> float:
        return sum(step.nanoseconds for step in self.steps)

    @property
    def routing(self) -> float:
        """Nanoseconds of it that are spent in wires."""
        return sum(step.nanoseconds for step in self.steps if step.kind == "routing")

    @property
    def blocks(self) -> list[str]:
        """The blocks it goes through."""
        result: list[str] = []
        for step in self.steps:
            if step.kind != "routing" and step.block != (result[-1] if result else None):
                result.append(step.block)
        return result

    def __str__(self) -> str:
        cells = [step for step in self.steps if step.kind != "routing"]
        if not cells:
            return "no path"
        ends = [f"{step.block}: {step.name}" for step in (cells[0], cells[-1])]
        through = f" through {' → '.join(self.blocks)}" if len(self.blocks) > 2 else ""
        levels = sum(step.kind == "logic" for step in cells)
        return (
            f"{ends[0]} → {ends[1]}{through}: {self.nanoseconds:.2f} ns, {self.routing:.2f} of it wires, "
            f"{levels} levels of logic"
        )


@dataclass(frozen=True)
class Report:
    """What came out of placing and routing.

    Parameters
    ----------
    fmax_hz:
        The fastest clock at which everything is in time: of the slowest clock domain.
    resources:
        Used and available, by :data:`RESOURCES`' kinds.
    path:
        The slowest path of that domain.
    """

    fmax_hz: float
    resources: dict[str, tuple[int, int]]
    path: Path


def parse_report(family: Family, content: Mapping[str, Any]) -> Report:
    """nextpnr's ``--report`` in short. A design without registers has an endless `fmax_hz` and no path."""
    achieved = {clock: entry["achieved"] for clock, entry in content["fmax"].items()}
    slowest = min(achieved, key=lambda clock: achieved[clock], default=None)
    paths = [p for p in content["critical_paths"] if _domain(p["from"]) == _domain(p["to"]) == slowest]
    steps = tuple(_step(part) for part in paths[0]["path"]) if paths else ()
    return Report(
        fmax_hz=achieved[slowest] * 1e6 if slowest is not None else float("inf"),
        resources=_resources(family, {name: (e["used"], e["available"]) for name, e in content["utilization"].items()}),
        path=Path(slowest or "", steps),
    )


def _domain(end: str) -> str:
    return end.split(" ", 1)[-1]  # "posedge $glbnet$clk"


def _step(part: Mapping[str, Any]) -> Step:
    name = part["net"] if part["type"] == "routing" else part["to" if part["type"] == "setup" else "from"]["cell"]
    return Step(block_of(name), local_name(name), part["type"], part["delay"])


def _resources(family: Family, used: Mapping[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    """Used and available by kind. A Gowin multiplier block has several widths: all count as the narrowest."""
    result: dict[str, tuple[int, int]] = {}
    for kind, names in RESOURCES[family].items():
        found = [used[name] for name in names if name in used]
        if found:
            available = found[0][1]
            result[kind] = sum(n * available // max(there, 1) for n, there in found), available
    return result


def parse_utilization_line(line: str) -> tuple[str, int, int] | None:
    """A line of the table in nextpnr's log, as name, used and available; ``None`` for any other line."""
    match = _UTILIZATION.match(line)
    return (match[1], int(match[2]), int(match[3])) if match else None


def overfull(line: str) -> str | None:
    """What a line of nextpnr's log says is used more often than it is there, and by how much; ``None`` if nothing."""
    entry = parse_utilization_line(line)
    if entry is None or entry[1] <= entry[2]:
        return None
    name, used, available = entry
    return f"{used:,} {name} are needed, {available:,} are there ({used - available:,} too many)"
