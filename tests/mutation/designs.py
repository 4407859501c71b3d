# SPDX-License-Identifier: Apache-2.0
"""What a fault has to show in: small designs that have every part of the gateware, with every body it has.

As a program, ``python tests/mutation/designs.py NAME`` prints a hash of a design's netlist.
"""

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path

from amaranth.back import rtlil  # type: ignore[attr-defined]
from amaranth.lib.wiring import Component

from celosia.arch.config import PRESETS
from celosia.gateware.core import Core
from celosia.gateware.family import Device, Family, SimulatedPlatform
from celosia.gateware.link import Link
from celosia.gateware.sdram import CHIPS, Sdram
from celosia.gateware.sdram.arbiter import AXI4Arbiter

__all__ = ["DESIGNS", "designs_with", "netlist_hash"]

SMALL = PRESETS["c16"]
CLOCK = 50_000_000

Design = tuple[Callable[[], Component], SimulatedPlatform | None]


def _on(family: Family, multipliers: int) -> SimulatedPlatform:
    return SimulatedPlatform(Device(family, multipliers, simulated=True))


DESIGNS: dict[str, Design] = {
    "link": (lambda: Link(SMALL, clock_hz=CLOCK, baud=1_000_000, external_bytes=1 << 20), None),
    "arbiter": (lambda: AXI4Arbiter(SMALL), None),
    "sdram": (lambda: Sdram(SMALL, next(iter(CHIPS.values())), clock_hz=CLOCK), None),
    "core": (lambda: Core(SMALL), None),
    "core-in-turn": (lambda: Core(SMALL.replace(overlap=False)), None),
    "core-few-lanes": (lambda: Core(SMALL.replace(lanes=2, weight_rows=2, bus_bits=64)), None),
    "core-odd": (lambda: Core(SMALL.replace(rows=6, columns=6, lanes=6, weight_rows=3)), None),
    "core-ecp5": (lambda: Core(SMALL), _on(Family.ECP5, 156)),
    "core-gowin": (lambda: Core(SMALL), _on(Family.GOWIN, 48)),
    "core-ice40": (
        lambda: Core(SMALL.replace(overlap=False, depthwise=False, elementwise=False, external=False)),
        _on(Family.ICE40, 8),
    ),
}
"""By name, how it is made and for what."""


def designs_with(path: Path) -> list[str]:
    """The designs that a file of the gateware may be part of, the likeliest first."""
    folder = path.parent.name
    alone = {"link": ["link"], "sdram": ["arbiter" if path.stem == "arbiter" else "sdram"]}
    cores = [name for name in DESIGNS if name.startswith("core")]
    return alone.get(folder) or sorted(cores, key=lambda name: name.removeprefix("core-") not in path.stem)


def netlist_hash(name: str) -> str:
    """A hash of a design's netlist."""
    make, platform = DESIGNS[name]
    return hashlib.sha256(rtlil.convert(make(), platform=platform, emit_src=False).encode()).hexdigest()


if __name__ == "__main__":
    print(netlist_hash(sys.argv[1]))
