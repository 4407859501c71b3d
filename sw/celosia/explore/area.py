# SPDX-License-Identifier: Apache-2.0
"""What a core takes of an FPGA, and how it is counted in a netlist."""

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from celosia.boards import Part
from celosia.build.blocks import block_of
from celosia.gateware.family import Family

__all__ = ["GLUE", "KINDS", "Area", "areas_by_block", "read_netlist", "total"]

KINDS = ("luts", "ffs", "multipliers", "block_rams", "large_rams")
"""The fields of an :class:`Area`."""

GLUE = "glue"
"""The block of cells whose names the tools made up, so that nothing tells where they belong."""

_CELLS: dict[Family, dict[str, tuple[str, float]]] = {
    # As nextpnr-ecp5 counts them before it packs ("Total LUT4s"): a carry is two LUTs, a distributed RAM of four bits
    # is four, and two more for its write port. Packing adds the ends of carry chains, some 3 %.
    Family.ECP5: {
        "LUT4": ("luts", 1),
        "CCU2C": ("luts", 2),
        "TRELLIS_DPR16X4": ("luts", 6),
        "TRELLIS_FF": ("ffs", 1),
        "MULT18X18D": ("multipliers", 1),
        "DP16KD": ("block_rams", 1),
    },
    # A carry shares the logic cell of the LUT behind it.
    Family.ICE40: {
        "SB_LUT4": ("luts", 1),
        "SB_MAC16": ("multipliers", 1),
        "SB_RAM40_4K": ("block_rams", 1),
        "SB_SPRAM256KA": ("large_rams", 1),
    },
    # An ALU is a LUT in its other mode; a distributed RAM of four bits takes four.
    Family.GOWIN: {
        **{f"LUT{inputs}": ("luts", 1) for inputs in (1, 2, 3, 4)},
        "ALU": ("luts", 1),
        "RAM16SDP4": ("luts", 4),
        "MULT18X18": ("multipliers", 1),
        "MULT9X9": ("multipliers", 0.5),
        **dict.fromkeys(("DPB", "DPX9B", "SDPB", "SDPX9B", "SPB", "SPX9"), ("block_rams", 1)),
    },
}

_REGISTERS = {Family.ICE40: "SB_DFF", Family.GOWIN: "DFF"}
"""What the names of all kinds of flip-flops begin with."""


@dataclass(frozen=True, kw_only=True)
class Area:
    """What a core takes.

    Parameters
    ----------
    luts, ffs:
        LUTs of four inputs, carries and distributed RAM counted as LUTs; flip-flops.
    multipliers, block_rams, large_rams:
        Blocks, in the units of :class:`celosia.boards.Part`.
    """

    luts: int
    ffs: int
    multipliers: int
    block_rams: int
    large_rams: int = 0

    def shares(self, part: Part) -> dict[str, float]:
        """By kind, the share of what the FPGA has; kinds that it has none of only if they are needed."""
        there = {
            "luts": part.luts,
            "multipliers": part.multipliers,
            "block_rams": part.block_rams,
            "large_rams": part.large_rams,
        }
        used = dataclasses.asdict(self)
        return {
            kind: used[kind] / count if count else float("inf")
            for kind, count in there.items()
            if count or used[kind]
        }  # fmt: skip

    def scarcest(self, part: Part) -> tuple[str, float]:
        """The kind of which the core takes the largest share, and that share: above 1, the core does not fit."""
        shares = self.shares(part)
        kind = max(shares, key=lambda kind: shares[kind])
        return kind, shares[kind]


def areas_by_block(family: Family, cells: Mapping[str, str]) -> dict[str, Area]:
    """What each block of the core takes, as a synthesized netlist has it.

    Parameters
    ----------
    cells:
        Types of cells by name.
    """
    counts: dict[str, dict[str, float]] = {}
    for name, cell in cells.items():
        kind, weight = _CELLS[family].get(cell) or _register(family, cell)
        if weight:
            counts.setdefault(_block(name), dict.fromkeys(KINDS, 0.0))[kind] += weight
    return {
        block: Area(**{kind: math.ceil(number) for kind, number in count.items()})
        for block, count in sorted(counts.items())
    }


def _register(family: Family, cell: str) -> tuple[str, float]:
    beginning = _REGISTERS.get(family)
    return ("ffs", float(beginning is not None and cell.startswith(beginning)))


def _block(name: str) -> str:
    """The block a cell belongs to; `GLUE` if it bears the name of a wire between blocks, or one of the tools'."""
    block = block_of(name)
    return block if block.isidentifier() and "__" not in block and block not in ("tools", "pins") else GLUE


def total(areas: Mapping[str, Area]) -> Area:
    """All blocks together."""
    return Area(**{kind: sum(getattr(area, kind) for area in areas.values()) for kind in KINDS})


def read_netlist(path: Path) -> dict[str, str]:
    """Types of cells by name, from a flat netlist in yosys' JSON form."""
    content: dict[str, Any] = json.loads(path.read_text())
    return {
        name: cell["type"].lstrip("$")
        for module in content["modules"].values()
        for name, cell in module["cells"].items()
    }
