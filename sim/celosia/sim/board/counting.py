# SPDX-License-Identifier: Apache-2.0
"""A link without a core: behind it, a memory, and a register that counts how often it is written."""

from typing import Any

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from celosia.arch.config import Config
from celosia.gateware.link import Link

__all__ = ["COUNTER", "MEMORY", "MEMORY_BYTES", "CountingBoard"]

COUNTER = 0x50
"""Address of the register: every write adds one, whatever is written."""

MEMORY = 0x10000
MEMORY_BYTES = 0x10000


class CountingBoard(Component):
    """A board as the link sees one; what is carried out twice, or not at all, shows in the counter.

    Parameters
    ----------
    config:
        Gives the width of the control bus's addresses, at least 17 bits, and the hash.
    clock_hz, baud:
        As for :class:`celosia.gateware.link.Link`.
    """

    rx: Signal
    tx: Signal

    def __init__(self, config: Config, *, clock_hz: int, baud: int):
        self.config, self.clock_hz, self.baud = config, clock_hz, baud
        super().__init__({"rx": In(1), "tx": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.link = link = Link(self.config, clock_hz=self.clock_hz, baud=self.baud)
        m.submodules.memory = memory = Memory(shape=unsigned(32), depth=MEMORY_BYTES // 4, init=[])
        m.d.comb += [link.rx.eq(self.rx), self.tx.eq(link.tx)]
        bus: Any = link.control  # its members come from its signature
        write, read, counter = memory.write_port(), memory.read_port(), Signal(32)
        writing, asked = Signal(), Signal()
        place = slice(2, (MEMORY_BYTES - 1).bit_length())
        inside = MEMORY.bit_length() - 1
        m.d.comb += [
            writing.eq(bus.awvalid & bus.wvalid & ~bus.bvalid),
            bus.awready.eq(writing),
            bus.wready.eq(writing),
            bus.arready.eq(~asked & ~bus.rvalid),
            write.en.eq(writing & bus.awaddr[inside]),
            write.addr.eq(bus.awaddr[place]),
            write.data.eq(bus.wdata),
            read.addr.eq(bus.araddr[place]),
        ]
        is_memory = Signal()
        m.d.sync += [asked.eq(bus.arvalid & bus.arready), is_memory.eq(bus.araddr[inside])]
        with m.If(writing):
            m.d.sync += [bus.bvalid.eq(1), counter.eq(counter + (bus.awaddr == COUNTER))]
        with m.Elif(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(asked):
            m.d.sync += bus.rvalid.eq(1)
            with m.If(is_memory):
                m.d.sync += bus.rdata.eq(read.data)
            with m.Else():
                m.d.sync += bus.rdata.eq(counter)
        with m.Elif(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        return m
