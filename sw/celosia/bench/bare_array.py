# SPDX-License-Identifier: Apache-2.0
"""The systolic array alone with the ports of a core, so that the same tool chain builds and drives both.

::

    ┌──────────┐ activations, heads, weights ┌───────────────┐ sums
    │  noise   ├────────────────────────────►│ SystolicArray ├─────► xor ─► memory write data
    └──────────┘   flow, swap once a tile    └───────────────┘
    ┌──────────┐
    │ counter  ├─► interrupt, after a given number of cycles
    └──────────┘

The sums go to a port, or the clean-up of the netlist would take the array away.
"""

import operator
from functools import reduce
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import Component, In, Out

from celosia.arch.config import Config
from celosia.arch.registers import control_address_bits
from celosia.gateware.datapath.array import SystolicArray
from celosia.gateware.interfaces import AXI4, AXI4Lite

__all__ = ["BareArray"]

NOISE_BITS = 32
NOISE_TAPS = (32, 22, 2, 1)
"""Of a maximal-length shift register (Xilinx XAPP 052)."""


class BareArray(Component):
    """The array of a configuration, fed with noise; the interrupt rises after `cycles`, at least 1, and stays.

    Members
    -------
    As :class:`celosia.gateware.core.Core`'s. Both buses are dead: nothing is ever ready or valid.
    """

    memory: Any
    interrupt: Signal

    def __init__(self, config: Config, cycles: int):
        self.config, self.cycles = config, cycles
        super().__init__(
            {
                "control": In(AXI4Lite(control_address_bits(config))),
                "memory": Out(AXI4(config.address_bits, config.bus_bits)),
                "interrupt": Out(1),
                "trace_started": Out(4),
                "trace_finished": Out(4),
            }
        )

    def elaborate(self, platform):
        m = Module()
        array: Any = SystolicArray(self.config)  # gets its ports from its signature
        m.submodules.array = array
        noise = self._noise(m)
        for position, port in enumerate((array.activations, array.heads, array.weights)):
            m.d.sync += Value.cast(port).eq(self._spread(noise, len(Value.cast(port)), position))
        turn = Signal(range(self.config.rows))
        with m.If(turn == self.config.rows - 1):
            m.d.sync += turn.eq(0)
        with m.Else():
            m.d.sync += turn.eq(turn + 1)
        m.d.comb += array.swap.eq(turn == 0)
        if self.config.down_channels:
            with m.If(array.swap):
                m.d.sync += Value.cast(array.flow).eq(noise[:3])
        left = Signal(range(self.cycles + 1), init=self.cycles)
        m.d.comb += self.interrupt.eq(left == 0)
        with m.If(~self.interrupt):
            m.d.sync += left.eq(left - 1)
        sums = Value.cast(array.sums)
        width = self.config.bus_bits
        parts = (sums[first : first + width] for first in range(0, len(sums), width))
        m.d.comb += self.memory.wdata.eq(reduce(operator.xor, parts))
        return m

    def _noise(self, m: Module) -> Signal:
        """A shift register with feedback."""
        state = Signal(NOISE_BITS, init=1)
        m.d.sync += state.eq(Cat(reduce(operator.xor, (state[tap - 1] for tap in NOISE_TAPS)), state))
        return state

    @staticmethod
    def _spread(noise: Signal, width: int, shift: int) -> Value:
        """As many bits as are needed from few: rotated copies."""
        copies = -(-width // NOISE_BITS)
        return Cat(noise.rotate_left(shift + 5 * copy) for copy in range(copies))[:width]
