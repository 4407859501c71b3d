# SPDX-License-Identifier: Apache-2.0
"""A register stage for a stream that cuts the paths in both directions."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

__all__ = ["StreamBuffer", "TurnBuffer"]


class _Buffer(Component):
    """Two entries between two streams of one shape, the payload's."""

    i: stream.Interface
    o: stream.Interface

    def __init__(self, shape):
        self.shape = shape
        super().__init__({"i": In(stream.Signature(shape)), "o": Out(stream.Signature(shape))})


class StreamBuffer(_Buffer):
    """Two entries between two streams: everything that leaves is a register, ``i.ready`` included.

    A payload takes one cycle when nothing is in its way; one payload a cycle passes.

    ::

        i ──┬──────────────► output register ──► o
            └─► second entry ──┘   (used when o stalls; i.ready = it is free)
    """

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


class TurnBuffer(_Buffer):
    """A :class:`StreamBuffer` for a wide payload that somebody far away takes: two entries, written and read in turn.

    Nothing but the pointers waits for ``o.ready``; the payload leaves through a multiplexer.
    """

    def elaborate(self, platform):
        m = Module()
        entries = [Signal(self.shape, name=f"entry_{k}", reset_less=True) for k in range(2)]
        head, tail, full = Signal(), Signal(), Signal()
        push, pop = Signal(), Signal()
        m.d.comb += [
            self.i.ready.eq(~full),
            Value.cast(self.o.payload).eq(Mux(head, Value.cast(entries[1]), Value.cast(entries[0]))),
            push.eq(self.i.valid & ~full),
            pop.eq(self.o.valid & self.o.ready),
        ]
        m.d.sync += [head.eq(head ^ pop), tail.eq(tail ^ push)]
        for k, entry in enumerate(entries):
            with m.If(~full & (tail == k)):  # whether there is something to keep or not
                m.d.sync += entry.eq(self.i.payload)
        with m.If(push & ~pop):
            m.d.sync += [self.o.valid.eq(1), full.eq(self.o.valid)]
        with m.Elif(pop & ~push):
            m.d.sync += [self.o.valid.eq(full), full.eq(0)]
        return m
