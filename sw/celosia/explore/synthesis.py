# SPDX-License-Identifier: Apache-2.0
"""A core through Amaranth and yosys, as a board's build does it, and what comes out."""

import tempfile
from pathlib import Path

from celosia.arch.config import Config
from celosia.build.flow import synthesize
from celosia.build.plan import TOP, make_netlist_plan
from celosia.build.tools import TOOLS, Tool
from celosia.gateware.core import Core
from celosia.gateware.family import Device

from .area import Area, areas_by_block, read_netlist

__all__ = ["synthesize_core", "synthesizers"]


def synthesizers() -> dict[str, str]:
    """Versions of what decides a netlist, by distribution.

    Raises
    ------
    BuildError
        One of them is not installed.
    """
    return {tool.package: tool.version() for tool in (Tool("amaranth", "amaranth", ""), TOOLS["yosys"])}


def synthesize_core(config: Config, device: Device) -> dict[str, Area]:
    """What each block of a core takes of an FPGA family, when yosys has done with it. It takes minutes.

    The core alone: a board's link, SDRAM controller and lights come on top.

    Raises
    ------
    BuildError
        Yosys is not installed, or fails.
    """
    tools = synthesizers()
    plan = make_netlist_plan(Core(config), device)
    with tempfile.TemporaryDirectory(prefix="celosia-") as folder:
        netlist = synthesize(plan, Path(folder), tools) / f"{TOP}.json"
        return areas_by_block(device.family, read_netlist(netlist))
