# SPDX-License-Identifier: Apache-2.0
"""Settings of nextpnr's router that it has no options for: it reads them from the netlist, by the names of its source.

A wire that several nets want costs more from one iteration to the next. In a full FPGA nextpnr's own prices rise
faster than nets find their ways around a crowded region: on an LFE5U-25F ``overused`` in its log grows again after
some iterations, and on an LFE5U-85F the last conflicts are solved by detours of nets that have no time for them. With
half the rise or a quarter, no exaggeration of what is left of a way, and more room beside it, neither happens.
Facts: ``Router2Cfg`` in nextpnr's ``common/route/router2.cc``.
"""

import json
from pathlib import Path
from typing import Any

__all__ = ["ROUTER", "set_file"]

_FULL: dict[str, float | int] = {
    "router2/currCongWeightMult": 1.0,  # how fast the price of a wire rises; 2 by default
    "router2/estimateWeight": 1.0,  # of the way that is left, against the way that is known; 1.25 by default
    "router2/bbMargin/x": 8,  # columns that a way may take beside its ends; 3 by default
    "router2/bbMargin/y": 8,  # the same in rows
}

ROUTER = {"LFE5U-25F": _FULL | {"router2/currCongWeightMult": 0.5}, "LFE5U-85F": _FULL}
"""By the name of the part."""


def set_file(netlist: Path, settings: dict[str, float | int]) -> None:
    """Write settings into a file that yosys wrote, in place."""
    design: dict[str, Any] = json.loads(netlist.read_text())
    for module in design["modules"].values():
        module["settings"] = {name: _text(value) for name, value in settings.items()}
    netlist.write_text(json.dumps(design))


def _text(value: float | int) -> str:
    """As nextpnr writes it: whole numbers have 32 bits."""
    return f"{value:032b}" if isinstance(value, int) else f"{value:.6f}"
