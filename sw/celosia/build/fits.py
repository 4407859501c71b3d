# SPDX-License-Identifier: Apache-2.0
"""Whether a design can fit at all, seen before an hour is spent on finding out."""

import re
from collections import Counter

from celosia.boards import Part
from celosia.gateware.family import Family

from .errors import BuildError

__all__ = ["check_fits", "count_cells"]

_CELL = re.compile(r"^\s*cell \\(\w+) ", re.MULTILINE)

_KINDS = {
    Family.ECP5: {"block RAM": ("DP16KD",), "multipliers": ("MULT18X18D",)},
    Family.GOWIN: {"block RAM": ("DPB", "SDPB"), "multipliers": ("MULT18X18",)},
    Family.ICE40: {"single-port RAM": ("SB_SPRAM256KA",), "multipliers": ("SB_MAC16",)},
}


def count_cells(rtlil: str) -> Counter[str]:
    """How often each vendor's cell is instantiated in RTLIL like Amaranth's, where every module is used once."""
    return Counter(_CELL.findall(rtlil))


def check_fits(part: Part, cells: Counter[str]) -> None:
    """See that the FPGA has as many memories and multipliers as the design names outright.

    What synthesis makes of the rest (LUTs, memories it finds) is seen later.

    Raises
    ------
    BuildError
        It has not; the message says of what there are too few, and by how many.
    """
    there = {
        "block RAM": part.block_rams,
        "single-port RAM": part.large_rams,
        "multipliers": part.multipliers,
    }
    excess = [
        f"{used} blocks of {kind} are needed, {there[kind]} are there ({used - there[kind]} too many)"
        for kind, names in _KINDS[part.family].items()
        if (used := sum(cells[name] for name in names)) > there[kind]
    ]
    if excess:
        raise BuildError(f"the design does not fit an {part.name}: {'; '.join(excess)}: choose a smaller configuration")
