# SPDX-License-Identifier: Apache-2.0
import pytest
from amaranth.hdl import Assert, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from celosia.gateware.control.buffer import StreamBuffer, TurnBuffer
from support.axi_rules import Stable

from .proving import check, started


class Queue(Component):
    """A buffer beside the naive queue it must be: two places, filled from the front.

    ``broken`` forgets what a stall would have kept, to see that the proof notices.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, kind: type[StreamBuffer | TurnBuffer], *, broken: bool = False):
        self.kind, self.broken = kind, broken
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        started(m)
        m.submodules.buffer = buffer = self.kind(8)
        connect(m, flipped(self.i), buffer.i)
        connect(m, buffer.o, flipped(self.o))

        count, first, second = Signal(2), Signal(8), Signal(8)
        enters, leaves = Signal(), Signal()
        m.d.comb += [enters.eq(self.i.valid & self.i.ready), leaves.eq(self.o.valid & self.o.ready)]
        m.d.sync += count.eq(count + enters - leaves)
        with m.If(leaves):
            m.d.sync += first.eq(second)
        with m.If(enters & ((count == 0) | ((count == 1) & leaves))):
            m.d.sync += first.eq(self.i.payload)
        with m.Elif(enters & (not self.broken)):
            m.d.sync += second.eq(self.i.payload)
        m.submodules.stable = Stable("o", self.o.valid, self.o.ready, self.o.payload)
        m.d.sync += [
            Assert(self.i.ready == (count < 2), "a payload is refused although there is room, or taken without"),
            Assert(self.o.valid == (count != 0), "a payload is kept back, or made up"),
            Assert(~self.o.valid | (self.o.payload == first), "a payload is lost, doubled or changed"),
        ]
        return m


@pytest.mark.parametrize("kind", [StreamBuffer, TurnBuffer])
def test_a_buffer_is_a_queue_of_two(kind, tmp_path):
    check(Queue(kind), tmp_path, depth=12)


@pytest.mark.parametrize("kind", [StreamBuffer, TurnBuffer])
def test_the_proof_notices_a_lost_payload(kind, tmp_path):
    with pytest.raises(AssertionError, match="not proved"):
        check(Queue(kind, broken=True), tmp_path, depth=12)
