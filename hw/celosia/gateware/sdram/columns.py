# SPDX-License-Identifier: Apache-2.0
"""Column commands: one a beat, at a fixed pace, for a segment whose row is open."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from .segments import Mapping, Response
from .select import access_layout

__all__ = ["Columns"]


class Columns(Component):
    """Sends the READs or WRITEs of one segment after the other, without a gap between them if there need be none.

    ::

        cycle      0     1     2     3     4        (4 words a beat)
        issue      1     0     0     0     1
        dq of a    w0    w1    w2    w3    w0       write; those of a read come CL cycles later

    Nothing here waits for data: see :class:`~.select.Select`.

    Parameters
    ----------
    mapping:
        Words of a beat, columns.
    turn:
        Cycles from a READ to the first WRITE after it, so that the chip has left the wires.

    Members
    -------
    i:
        Accesses whose rows are open, tRCD ago or more.
    busy, bank:
        A segment is under way in ``bank``.
    issue:
        A beat begins: its column command goes to the pins (unless ``refused``).
    write, refused, column, last, id, response:
        Of the segment and beat under way. ``refused``: the burst is answered with an error, the chip sees nothing.
        ``last``: the beat ends its burst.
    """

    i: stream.Interface
    busy: Signal
    bank: Signal
    issue: Signal
    write: Signal
    refused: Signal
    column: Signal
    last: Signal
    id: Signal
    response: Signal

    def __init__(self, mapping: Mapping, *, turn: int):
        self.mapping, self.turn = mapping, turn
        super().__init__(
            {
                "i": In(stream.Signature(access_layout(mapping))),
                "busy": Out(1),
                "bank": Out(2),
                "issue": Out(1),
                "write": Out(1),
                "refused": Out(1),
                "column": Out(mapping.chip.column_bits),
                "last": Out(1),
                "id": Out(1),
                "response": Out(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        words, segment = self.mapping.words, self.i.payload.segment
        phase = Signal(words, init=1)  # one bit: the word of the beat
        beat, group, left = Signal(3), Signal(self.mapping.group_bits), Signal(3)
        is_last_beat, ends_burst, ending, quiet = Signal(), Signal(), Signal(), Signal(init=1)
        low = (words - 1).bit_length()
        m.d.comb += [
            self.issue.eq(self.busy & phase[0]),
            ending.eq(self.busy & phase[-1] & is_last_beat),
            self.i.ready.eq((~self.busy | ending) & (quiet | ~self.i.payload.write)),
            self.column[low:].eq(Cat(beat, group)),
            self.last.eq(is_last_beat & ends_burst),
        ]
        with m.If(self.busy):
            m.d.sync += phase.eq(Cat(phase[-1], phase[:-1]))
        with m.If(self.busy & phase[-1]):
            m.d.sync += [beat.eq(beat + 1), left.eq(left - 1), is_last_beat.eq(left == 1)]
        with m.If(ending):
            m.d.sync += self.busy.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [
                self.busy.eq(1), self.bank.eq(segment.bank), self.write.eq(self.i.payload.write),
                self.refused.eq(segment.response != Response.OKAY), self.id.eq(segment.id),
                self.response.eq(segment.response), beat.eq(segment.first), group.eq(segment.group),
                left.eq(segment.count), is_last_beat.eq(segment.count == 0), ends_burst.eq(segment.last),
            ]  # fmt: skip

        wait = Signal(range(self.turn))
        m.d.sync += quiet.eq(wait == 0)
        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        with m.If(self.issue & ~self.write):
            m.d.sync += [wait.eq(self.turn - 3), quiet.eq(0)]
        return m
