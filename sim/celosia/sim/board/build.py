# SPDX-License-Identifier: Apache-2.0
"""A shared object that simulates a board, built once and kept.

The steps are the Verilator simulator's (:mod:`celosia.sim.verilator.build`); the harness is another.
"""

import importlib.resources
from collections.abc import Callable
from pathlib import Path

from amaranth.lib import wiring

from celosia.arch.config import Config

from ..verilator.build import build

__all__ = ["build_board"]

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
    harness = {
        "ports.hpp": _PORTS,
        "harness.cpp": importlib.resources.files("celosia.sim.board").joinpath("harness.cpp").read_text(),
    }
    return build(config, make, fingerprint=fingerprint, harness=harness, what="board", report=report)
