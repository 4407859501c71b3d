# SPDX-License-Identifier: Apache-2.0
"""The whole core: control side, datapath, local memories.

::

   control (AXI4-Lite) ─► ┌─────────┐ commands ┌──────────────────────────┐
            interrupt ◄── │ control │ ───────► │ compute                  │
                trace ◄── │         │ finished │  engines                 │
                          │         │ ◄─────── │                          │
     memory (AXI4) ◄────► │   DMA   │ ◄──────► │  weights, activations,   │
                          └─────────┘  local   │  parameters              │
                                       buses   └──────────────────────────┘
"""

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ..arch.config import Config
from ..arch.isa import Engine
from ..arch.registers import control_address_bits
from .compute import Compute
from .control.control import Control
from .interfaces import AXI4, AXI4Lite

__all__ = ["Core"]


class Core(Component):
    """A Celosia core.

    Members
    -------
    control:
        Registers and windows (:mod:`celosia.arch.registers`), AXI4-Lite target.
    memory:
        External memory for LOAD and STORE, AXI4 initiator.
    interrupt:
        High while an enabled interrupt is pending.
    trace_started, trace_finished:
        A bit per :class:`celosia.arch.isa.Engine`, high for the one cycle in which it takes up or finishes a command.
    """

    control: "AXI4Lite"
    memory: "AXI4"

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "control": In(AXI4Lite(control_address_bits(config))),
                "memory": Out(AXI4(config.address_bits, config.bus_bits)),
                "interrupt": Out(1),
                "trace_started": Out(len(Engine)),
                "trace_finished": Out(len(Engine)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.control = control = Control(self.config)
        m.submodules.compute = compute = Compute(self.config)
        connect(m, flipped(self.control), control.bus)
        connect(m, control.memory, flipped(self.memory))
        for name in ("conv", "elementwise", "weights", "activations", "parameters"):
            connect(m, getattr(control, name), getattr(compute, name))
        m.d.comb += [
            compute.reset.eq(control.reset_engines),
            control.vector_issued.eq(compute.vector_issued),
            control.progress.eq(compute.progress),
            self.interrupt.eq(control.interrupt),
            self.trace_started.eq(control.trace_started),
            self.trace_finished.eq(control.trace_finished),
        ]
        return m
