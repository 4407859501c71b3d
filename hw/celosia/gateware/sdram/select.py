# SPDX-License-Identifier: Apache-2.0
"""Which segment is next: one of the reads or one of the writes."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from .segments import Mapping

__all__ = ["Select", "access_layout"]


def access_layout(mapping: Mapping) -> data.StructLayout:
    """A segment and its direction."""
    return data.StructLayout({"segment": mapping.segment, "write": 1})


class Select(Component):
    """Takes segments of both directions in turn, burst by burst.

    A segment may go only when nothing can hold it up later: its data have come (writes), or there is room for them
    (reads). So the chip never waits for the bus, and a stalled initiator never keeps rows from being refreshed. While
    the direction whose turn it is may not go, the other one does.

    Members
    -------
    reads, writes:
        Segments.
    read_room, write_room:
        The segment on ``reads`` (``writes``) may go. What a segment uses up is to be taken into account from the
        second cycle after its own on; once true for a segment, this stays true.
    o:
        Accesses.
    """

    reads: stream.Interface
    writes: stream.Interface
    read_room: Signal
    write_room: Signal
    o: stream.Interface

    def __init__(self, mapping: Mapping):
        self.mapping = mapping
        super().__init__(
            {
                "reads": In(stream.Signature(mapping.segment)),
                "writes": In(stream.Signature(mapping.segment)),
                "read_room": In(1),
                "write_room": In(1),
                "o": Out(stream.Signature(access_layout(mapping))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        reads, writes, o = self.reads, self.writes, self.o
        may_read, may_write, turn = Signal(), Signal(), Signal()  # turn: 1 if it is the writes'
        read_before, wrote_before = Signal(), Signal()
        m.d.sync += [
            read_before.eq(reads.ready),
            wrote_before.eq(writes.ready),
            may_read.eq(reads.valid & ~reads.ready & ~read_before & self.read_room),
            may_write.eq(writes.valid & ~writes.ready & ~wrote_before & self.write_room),
        ]
        free = ~o.valid  # o.ready comes late, and accesses are taken several cycles apart
        m.d.comb += [
            reads.ready.eq(free & may_read & (~turn | ~may_write)),
            writes.ready.eq(free & may_write & (turn | ~may_read)),
        ]
        with m.If(o.ready):
            m.d.sync += o.valid.eq(0)
        with m.If(free):
            m.d.sync += [
                o.valid.eq(may_read | may_write),
                o.payload.write.eq(writes.ready),
                o.payload.segment.eq(Mux(writes.ready, writes.payload, reads.payload)),
            ]
        with m.If(reads.ready & reads.payload.last):
            m.d.sync += turn.eq(1)
        with m.If(writes.ready & writes.payload.last):
            m.d.sync += turn.eq(0)
        return m
