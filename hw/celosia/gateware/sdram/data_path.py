# SPDX-License-Identifier: Apache-2.0
"""The data on their way between the bus and the chip's 16 wires."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from ..delay import delay
from ..queue import Queue
from .segments import SEGMENT_BEATS, Mapping

__all__ = ["ReadData", "WriteData", "beat_layout", "word_layout"]


def word_layout(mapping: Mapping) -> data.StructLayout:
    """A beat of write data."""
    return data.StructLayout({"data": mapping.config.bus_bits, "strobe": mapping.config.bus_bytes})


def beat_layout(mapping: Mapping) -> data.StructLayout:
    """A beat of read data and what goes with it."""
    return data.StructLayout({"data": mapping.config.bus_bits, "last": 1, "id": 1, "response": 2})


class WriteData(Component):
    """Queues beats and sends them, word by word.

    ::

        i ─► 16 beats ─┬─► dq register ─► dq, dqm
                       └─► shift register ─┘          (words 1, 2, 3)

    Members
    -------
    i:
        Beats.
    count, room:
        There are ``count`` + 1 beats that are not yet claimed.
    claim:
        Claim that many: they will be popped. ``room`` knows two cycles later.
    pop:
        Begin the oldest beat: its first word is on ``dq`` in the next cycle.
    dq, mask:
        The word, and its bytes that are not written; none when there is no word.
    asleep:
        Keep ``mask`` high.
    """

    i: stream.Interface
    count: Signal
    room: Signal
    claim: Signal
    pop: Signal
    dq: Signal
    mask: Signal
    asleep: Signal

    _DEPTH = 2 * SEGMENT_BEATS

    def __init__(self, mapping: Mapping):
        self.mapping = mapping
        super().__init__(
            {
                "i": In(stream.Signature(word_layout(mapping))),
                "count": In(3),
                "room": Out(1),
                "claim": In(1),
                "pop": In(1),
                "dq": Out(16),
                "mask": Out(2, init=3),
                "asleep": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.queue = queue = Queue(self.i.payload.shape(), self._DEPTH)
        taken, free = Signal(range(self._DEPTH + 1)), Signal(range(self._DEPTH + 1), init=self._DEPTH)
        push, oldest = Signal(), queue.o
        m.d.comb += [
            self.i.ready.eq(free != 0), push.eq(self.i.valid & self.i.ready),
            queue.push.eq(push), queue.i.eq(self.i.payload), queue.pop.eq(self.pop),
            self.room.eq(taken > self.count),
        ]  # fmt: skip
        claimed = Signal(4)
        m.d.sync += [claimed.eq(Mux(self.claim, self.count + 1, 0)), taken.eq(taken + push - claimed)]
        with m.If(push & ~self.pop):
            m.d.sync += free.eq(free - 1)
        with m.If(self.pop & ~push):
            m.d.sync += free.eq(free + 1)

        words = self.mapping.words
        rest, rest_mask = Signal(16 * (words - 1)), Signal(2 * (words - 1))
        mask = ~oldest.strobe
        m.d.sync += [
            Cat(self.dq, rest).eq(Mux(self.pop, oldest.data, rest)),
            Cat(self.mask, rest_mask).eq(Mux(self.pop, mask, rest_mask | self.asleep.replicate(2))),
        ]
        return m


class ReadData(Component):
    """Collects words to beats and queues them.

    ::

        dq ─► shift register ─► 16 or 32 beats ─► register ─► o
        issue and what goes with the beat ─► delay ──┘ push

    Parameters
    ----------
    latency:
        Cycles from a READ's ``issue`` to its first word on ``dq``.

    Members
    -------
    issue, last, id, response:
        A beat is asked for; room for it has been claimed.
    dq:
        The wires.
    count, room:
        There is room for ``count`` + 1 beats that is not yet claimed.
    claim:
        Claim it. ``room`` knows two cycles later.
    o:
        Beats.
    """

    issue: Signal
    last: Signal
    id: Signal
    response: Signal
    dq: Signal
    count: Signal
    room: Signal
    claim: Signal
    o: stream.Interface

    def __init__(self, mapping: Mapping, *, latency: int):
        self.mapping, self.latency = mapping, latency
        super().__init__(
            {
                "issue": In(1),
                "last": In(1),
                "id": In(1),
                "response": In(2),
                "dq": In(16),
                "count": In(3),
                "room": Out(1),
                "claim": In(1),
                "o": Out(stream.Signature(beat_layout(mapping))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        o, words = self.o, self.mapping.words
        # A segment of short beats is over before the data of the one before are gone.
        depth = 2 * SEGMENT_BEATS if words > 2 else 4 * SEGMENT_BEATS
        m.submodules.queue = queue = Queue(o.payload.shape(), depth)
        collected = Signal(16 * words)
        m.d.sync += collected.eq(Cat(collected[16:], self.dq))
        tag = delay(m, Cat(self.issue, self.last, self.id, self.response), self.latency + words, "tag")
        m.d.comb += [
            queue.push.eq(tag[0]), queue.i.data.eq(collected),
            Cat(queue.i.last, queue.i.id, queue.i.response).eq(tag[1:]),
            queue.pop.eq(queue.some & (~o.valid | o.ready)),
        ]  # fmt: skip
        with m.If(~o.valid | o.ready):
            m.d.sync += [o.valid.eq(queue.some), o.payload.eq(queue.o)]

        free, claimed, popped = Signal(range(depth + 1), init=depth), Signal(4), Signal()
        m.d.sync += [
            claimed.eq(Mux(self.claim, self.count + 1, 0)),
            popped.eq(queue.pop),
            free.eq(free + popped - claimed),
        ]
        m.d.comb += self.room.eq(free > self.count)
        return m
