# SPDX-License-Identifier: Apache-2.0
"""One word at a time over the control bus, or to external memory: the line is slower than any bus."""

from amaranth.hdl import Cat, Const, Module, Mux
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.registers import control_address_bits
from ..interfaces import AXI4, AXI4Lite

__all__ = ["WordAccess"]


class WordAccess(Component):
    """Reads or writes one 32-bit word.

    Members
    -------
    start:
        A pulse begins an access; not while one is under way.
    write, external, address, word:
        What to do. They stay as they are until ``done``.
    done:
        A pulse ends it.
    error:
        With ``done``: the bus answered with an error.
    read:
        With ``done``: the word read.
    control, memory:
        The buses; ``memory`` only where ``external`` is true.
    """

    def __init__(self, config: Config, *, external: bool):
        self.config, self.has_external = config, external
        memory = {"memory": Out(AXI4(config.address_bits, config.bus_bits))} if external else {}
        super().__init__(
            {
                "start": In(1),
                "write": In(1),
                "external": In(1),
                "address": In(32),
                "word": In(32),
                "done": Out(1),
                "error": Out(1),
                "read": Out(32),
                "control": Out(AXI4Lite(control_address_bits(config))),
                **memory,
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus = self.control
        word = Cat(Const(0, 2), self.address[2:])
        m.d.comb += [
            bus.awaddr.eq(word),
            bus.araddr.eq(word),
            bus.wdata.eq(self.word),
            bus.wstrb.eq(0b1111),
        ]
        self._channels(m, bus, self.start & ~self.external if self.has_external else self.start)
        answered, error, read = bus.bvalid | bus.rvalid, Mux(self.write, bus.bresp, bus.rresp).any(), bus.rdata
        if self.has_external:
            memory = self.memory
            self._external(m, memory)
            self._channels(m, memory, self.start & self.external)
            half = self.address[2:3] if self.config.bus_bytes > 4 else Const(0, 1)
            memory_error = Mux(self.write, memory.bresp, memory.rresp).any()
            answered |= memory.bvalid | memory.rvalid
            error = Mux(self.external, memory_error, error)
            read = Mux(self.external, memory.rdata.word_select(half, 32), read)
        m.d.sync += [self.done.eq(answered & ~self.done), self.error.eq(error)]
        m.d.comb += self.read.eq(read)
        return m

    def _channels(self, m: Module, bus, start):
        """Address and data channels: offered from ``start`` until taken. An answer is taken a cycle after it has come,
        so that what it says needs no registers here."""
        m.d.comb += [bus.bready.eq(self.done), bus.rready.eq(self.done)]
        for channel in ("aw", "w", "ar"):
            valid, ready = getattr(bus, f"{channel}valid"), getattr(bus, f"{channel}ready")
            with m.If(start):
                m.d.sync += valid.eq(self.write if channel != "ar" else ~self.write)
            with m.Elif(ready):
                m.d.sync += valid.eq(0)

    def _external(self, m: Module, bus):
        """A burst of one beat; a wide bus writes half of it."""
        bus_bytes = self.config.bus_bytes
        low = (bus_bytes - 1).bit_length()
        address = Cat(Const(0, low), self.address[low:])
        strobe = Const(0b1111, 4) if bus_bytes == 4 else Mux(self.address[2], 0b1111_0000, 0b0000_1111)
        m.d.comb += [
            bus.awaddr.eq(address),
            bus.araddr.eq(address),
            bus.awsize.eq(low),
            bus.arsize.eq(low),
            bus.awburst.eq(1),  # INCR
            bus.arburst.eq(1),
            bus.wdata.eq(self.word.replicate(bus_bytes // 4)),
            bus.wstrb.eq(strobe),
            bus.wlast.eq(1),
        ]
