# SPDX-License-Identifier: Apache-2.0
"""iCE40 UltraPlus' big single-port memory.

Facts: Lattice's "iCE40 SPRAM Usage Guide" (FPGA-TN-02022), and yosys' model of the cell.
"""

from amaranth.hdl import ClockSignal, Const, Instance, Module, Signal, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ..family import device_of

__all__ = ["SPRAM"]


class SPRAM(Component):
    """An SB_SPRAM256KA: 16,384 words of 16 bits, one port; what it reads is undefined until it has been written.

    A read gives its word one cycle later; the word stays until the next access.

    Members
    -------
    enable, write:
        Access in this cycle; it writes, otherwise it reads.
    nibbles:
        Which groups of four bits are written.
    address, write_data, data:
        Word index, the word to write, the word read.
    """

    words, width = 16384, 16

    def __init__(self):
        super().__init__(
            {
                "enable": In(1),
                "write": In(1),
                "nibbles": In(4),
                "address": In(range(self.words)),
                "write_data": In(self.width),
                "data": Out(self.width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        if device_of(platform).simulated:
            m.submodules.memory = memory = Memory(shape=unsigned(self.width), depth=self.words, init=[])
            write, read = memory.write_port(granularity=4), memory.read_port()
            m.d.comb += [
                write.addr.eq(self.address),
                write.data.eq(self.write_data),
                write.en.eq((self.enable & self.write).replicate(4) & self.nibbles),
                read.addr.eq(self.address),
                read.en.eq(self.enable & ~self.write),
                self.data.eq(read.data),
            ]
            return m
        data = Signal(self.width)
        m.submodules.cell = Instance(
            "SB_SPRAM256KA",
            i_CLOCK=ClockSignal(),
            i_CHIPSELECT=self.enable,
            i_WREN=self.write,
            i_MASKWREN=self.nibbles,
            i_ADDRESS=self.address,
            i_DATAIN=self.write_data,
            o_DATAOUT=data,
            i_STANDBY=Const(0, 1),
            i_SLEEP=Const(0, 1),
            i_POWEROFF=Const(1, 1),  # active low
        )
        m.d.comb += self.data.eq(data)
        return m
