# SPDX-License-Identifier: Apache-2.0
"""Carry chains without what nextpnr-ecp5 adds at both ends.

Where the last carry of a chain is connected at all, nextpnr adds a cell (two LUTs) to lead it out, and yosys connects
it always. Where the first carry in is a constant, it adds another to lead that in; chains of
:class:`celosia.gateware.primitives.ecp5_carry.CarrySum` start with half a cell that does not look at it. An undefined
bit in a netlist is a port that is not connected.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

__all__ = ["trim_carries", "trim_file"]


def trim_file(netlist: Path) -> int:
    """:func:`trim_carries` on a file that yosys wrote, in place."""
    design = json.loads(netlist.read_text())
    trimmed = trim_carries(design)
    netlist.write_text(json.dumps(design))
    return trimmed


def trim_carries(design: dict[str, Any]) -> int:
    """Disconnect the carries of CCU2C cells that nothing depends on; returns how many.

    Parameters
    ----------
    design:
        A netlist in yosys' JSON form. Changed in place.
    """
    trimmed = 0
    for module in design["modules"].values():
        cells = module["cells"].values()
        read = Counter(bit for port in module["ports"].values() for bit in port["bits"])
        for cell in cells:
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] != "output":
                    read.update(bits)
        for cell in cells:
            if cell["type"] == "CCU2C":
                trimmed += _trim(cell, read)
    return trimmed


def _trim(cell: dict[str, Any], read: Counter) -> int:
    connections = cell["connections"]

    def unread(port: str) -> bool:
        return not any(read[bit] for bit in connections.get(port, ()))

    loose = ["COUT"] if connections.get("COUT") and unread("COUT") else []
    starts = connections["C0"] == connections["D0"] == ["1"] and cell["parameters"]["INIT0"].startswith("0000")
    if starts and connections.get("CIN") in (["0"], ["1"]) and unread("S0"):
        loose.append("CIN")
    for port in loose:
        connections[port] = ["x"]
    return len(loose)
