# SPDX-License-Identifier: Apache-2.0
"""A register stage for a stream that cuts the paths in both directions."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

__all__ = ["StreamBuffer"]


class StreamBuffer(Component):
    """Two entries between two streams: everything that leaves is a register, ``i.ready`` included.

    A payload takes one cycle when nothing is in its way; one payload a cycle passes.

    ::

        i ──┬──────────────► output register ──► o
            └─► second entry ──┘   (used when o stalls; i.ready = it is free)

    Parameters
    ----------
    shape:
        Shape of the payload.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape):
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})

    def elaborate(self, platform):
        m = Module()
        second = Signal(self.shape, reset_less=True)
        first = Signal(self.shape, reset_less=True)
        second_valid = Signal()
        m.d.comb += [self.i.ready.eq(~second_valid), self.o.payload.eq(first)]
        with m.If(~second_valid):  # and not only when it is needed: that would be known too late for the enable
            m.d.sync += second.eq(self.i.payload)
        with m.If(~self.o.valid | self.o.ready):
            with m.If(second_valid):
                m.d.sync += [first.eq(second), self.o.valid.eq(1), second_valid.eq(0)]
            with m.Else():
                m.d.sync += [first.eq(self.i.payload), self.o.valid.eq(self.i.valid)]
        with m.Elif(self.i.valid & self.i.ready):
            m.d.sync += second_valid.eq(1)
        return m
