# SPDX-License-Identifier: Apache-2.0
"""The external memory of a system that has none: every transaction is answered, with an error."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In

from ..arch.config import Config
from ..gateware.interfaces import AXI4

__all__ = ["NoMemory"]

DECERR = 0b11  # "no target at this address"


class NoMemory(Component):
    """An AXI4 target that answers every read and write with DECERR.

    A LOAD or STORE that gets past the bounds registers then stops its program with a bus error instead of waiting for
    ever. One write and one read are in progress at a time; a read has as many beats as were asked for, all zero.

    Parameters
    ----------
    config:
        Of the core: widths of the bus.

    Members
    -------
    bus:
        The core's external bus.
    """

    bus: "AXI4"

    def __init__(self, config: Config):
        super().__init__({"bus": In(AXI4(config.address_bits, config.bus_bits))})

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        writing = Signal()  # an address has been taken, its last beat of data has not
        with m.If(bus.awvalid & bus.awready):
            m.d.sync += [writing.eq(1), bus.bid.eq(bus.awid)]
        with m.If(bus.wvalid & bus.wready & bus.wlast):
            m.d.sync += [writing.eq(0), bus.bvalid.eq(1)]
        with m.If(bus.bvalid & bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        m.d.comb += [
            bus.awready.eq(~writing & ~bus.bvalid),
            bus.wready.eq(writing),
            bus.bresp.eq(DECERR),
        ]

        left = Signal.like(bus.arlen)  # beats after this one
        with m.If(bus.arvalid & bus.arready):
            m.d.sync += [bus.rvalid.eq(1), left.eq(bus.arlen), bus.rid.eq(bus.arid)]
        with m.If(bus.rvalid & bus.rready):
            m.d.sync += [left.eq(left - 1), bus.rvalid.eq(~bus.rlast)]
        m.d.comb += [
            bus.arready.eq(~bus.rvalid),
            bus.rlast.eq(left == 0),
            bus.rresp.eq(DECERR),
        ]
        return m
