# SPDX-License-Identifier: Apache-2.0
"""A shared object that simulates a board, built once and kept.

The steps are the Verilator simulator's (:mod:`celosia.sim.verilator.build`); the harness is another.
"""

import dataclasses
import importlib.resources
import os
from collections.abc import Callable
from pathlib import Path

from amaranth.lib import wiring

from celosia.arch.config import Config

from ..verilator import build as core_build
from ..verilator import netlist

__all__ = ["build_board"]

_SHARED = ("hooks.hpp", "arithmetic.hpp", "common.hpp")
_PORTS = """#pragma once
#include <cstdint>
#include "Vtop.h"
namespace celosia {
using Model = Vtop;
}
"""


def build_board(
    config: Config,
    make: Callable[[], wiring.Component],
    *,
    fingerprint: str | None = None,
    report: Callable[[str], None] | None = None,
) -> Path:
    """The shared object that simulates a component with a serial line, from the cache or built now.

    Parameters
    ----------
    config:
        Of the core in it.
    make:
        Makes the component, with members ``rx`` and ``tx``; called only when needed.
    fingerprint, report:
        As for :func:`celosia.sim.verilator.build.build`.

    Raises
    ------
    SimulatorError
        When a tool is missing or fails.
    """
    plan = core_build._plan(config, False)
    sources = {name: plan.sources[name] for name in _SHARED} | {"ports.hpp": _PORTS, "harness.cpp": _harness()}
    plan = dataclasses.replace(plan, sources=sources)
    folder = core_build.cache_folder()
    link = None if fingerprint is None else folder / f"{plan.key(fingerprint)}.link"
    if link is not None and link.exists() and (library := folder / link.read_text()).exists():
        return library
    if report is not None:
        report("elaborating the board")
    rtlil = netlist.to_rtlil(make())
    library = folder / f"{plan.key(rtlil)}.so"
    if not library.exists():
        if report is not None:
            report("building the simulator, once for this board and configuration")
        with core_build._scratch(folder) as scratch:
            os.replace(core_build._build(plan, rtlil, scratch), library)
    if link is not None:
        with core_build._scratch(folder) as scratch:
            (scratch / "link").write_text(library.name)
            os.replace(scratch / "link", link)
    return library


def _harness() -> str:
    return importlib.resources.files("celosia.sim.board").joinpath("harness.cpp").read_text()
