# SPDX-License-Identifier: Apache-2.0
"""From the name of a cell in a flattened netlist to the block of the gateware it belongs to."""

import re

__all__ = ["block_of", "local_name"]

_CONTAINERS = frozenset(("top", "soc", "core", "compute", "control", "datapath"))
"""Modules that only hold others: what is inside them is the block. Their own few gates are "glue"."""

_FOREIGN = re.compile(r"\$(?:PACKER|nextpnr|abc|auto)")
_PIN = re.compile(r"(?:rx|tx|running|done|error|heartbeat|sdram_pads)$|.*__io\b")


def block_of(name: str) -> str:
    """The block a cell or net belongs to.

    Yosys keeps the hierarchy as a prefix (``soc.core.compute.datapath.array.…``). A name without a known prefix is of
    the tools' making, or a pin's.
    """
    name = name.split("$glbnet$")[-1].split("$gbuf$")[-1]
    if _FOREIGN.match(name):
        return "tools"
    *modules, _ = parts = name.split(".")
    inner = next((module for module in modules if module not in _CONTAINERS), None)
    if _PIN.match(inner or parts[-1]):
        return "pins"
    return inner or f"{modules[-1] if modules else 'top'} glue"


def local_name(name: str) -> str:
    """What is left of a name inside its block, without what yosys appended: for people to find it in the source."""
    block = block_of(name)
    tail = name.split("$glbnet$")[-1].split(f"{block.removesuffix(' glue')}.", 1)[-1]
    return re.split(r"_(?:TRELLIS|LUT4|SB|DFF|CCU2C|PFUMX|L6MUX|DP16KD|MULT18X18D|ALU|MUX2)", tail)[0]
