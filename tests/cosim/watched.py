# SPDX-License-Identifier: Apache-2.0
"""The device under test: a core whose buses are watched."""

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, connect, flipped

from celosia.arch.config import Config
from celosia.gateware.control.dma.bursts import BURST_BEATS
from celosia.gateware.core import Core
from support.axi_rules import Axi4Rules, LiteRules

__all__ = ["Watched"]


class Watched(Component):
    """A core with every rule of its two buses asserted in every cycle, of the core and of the models alike.

    ::

        control ──┬──► Core ──┬──► memory
                  ▼           ▼
              LiteRules   Axi4Rules
    """

    def __init__(self, config: Config):
        self.core = Core(config)
        super().__init__(self.core.signature)

    def elaborate(self, platform):
        m = Module()
        m.submodules.core = self.core
        m.submodules.control_rules = LiteRules("control", self.core.control)
        m.submodules.memory_rules = Axi4Rules("memory", self.core.memory, beats=BURST_BEATS)
        for name in ("control", "memory"):
            core = getattr(self.core, name)
            own = flipped(getattr(self, name))
            connect(m, own, core)
        for name in ("interrupt", "trace_started", "trace_finished"):
            m.d.comb += getattr(self, name).eq(getattr(self.core, name))
        return m
