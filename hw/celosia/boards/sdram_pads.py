# SPDX-License-Identifier: Apache-2.0
"""The SDRAM's pins on the board."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import io
from amaranth.lib.wiring import Component, In

from ..gateware.sdram import SdramPins

__all__ = ["IO_CYCLES", "SdramPads"]

IO_CYCLES = 2
"""Cycles between controller and chip, out and back together: a register in each pad."""

_OUTPUTS = {"cke": "clk_en", "cs": "cs", "ras": "ras", "cas": "cas", "we": "we", "ba": "ba", "a": "a", "dqm": "dqm"}
"""The controller's names, and those of Amaranth's boards."""


class SdramPads(Component):
    """Registers in the pads of an SDRAM chip, and its clock.

    The clock is made by a double-data-rate register of the same kind of pad, low in the first half of a cycle and
    high in the second. So it leaves the chip as late as the data do, and rises in their middle: the phase 0.5 of
    :meth:`.Chip.capture_margins`. A board may lack the pins of ``cke`` and ``cs``, which are then tied on it.

    Parameters
    ----------
    platform:
        Has the resource ``sdram``.

    Members
    -------
    pins:
        As the controller drives them.
    """

    pins: "SdramPins"

    def __init__(self, platform: Any):
        self.ports = platform.request("sdram", 0, dir="-")
        super().__init__({"pins": In(SdramPins())})

    def elaborate(self, platform):
        m = Module()
        m.submodules.clk = clock = io.DDRBuffer("o", self.ports.clk)
        m.d.comb += [clock.o[0].eq(0), clock.o[1].eq(1)]
        for name, resource in _OUTPUTS.items():
            port = getattr(self.ports, resource, None)
            if port is not None:
                m.submodules[name] = buffer = io.FFBuffer("o", port)
                m.d.comb += buffer.o.eq(getattr(self.pins, name))
        m.submodules.dq = dq = io.FFBuffer("io", self.ports.dq)
        m.d.comb += [dq.o.eq(self.pins.dq_o), dq.oe.eq(self.pins.dq_oe), self.pins.dq_i.eq(dq.i)]
        return m
