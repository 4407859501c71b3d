# SPDX-License-Identifier: Apache-2.0
"""From answers to bytes on the line: checksum behind, zeros replaced, a delimiter at the end."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, enum, stream
from amaranth.lib.wiring import Component, In, Out

from ...arch.link import COBS_FULL, CRC_BYTES, DELIMITER
from .crc import Crc

__all__ = ["FrameTransmitter"]


class _State(enum.Enum, shape=2):
    """What is sent next."""

    CONTENT = 0
    CHECKSUM = 1
    CODE = 2
    END = 3


class FrameTransmitter(Component):
    """Sends frames, in consistent overhead byte stuffing with the codes behind their blocks.

    A zero is replaced by how many bytes have gone out since the last code, and one: so nothing needs to be known
    about the bytes that follow, and no frame is stored. The receiver, a host, takes blocks from the end.

    Members
    -------
    i:
        Bytes of a frame; ``last`` marks the last one before the checksum.
    o:
        Bytes for the line. Each is prepared while the line is busy with the one before.
    """

    i: "stream.Interface"
    o: "stream.Interface"

    def __init__(self):
        layout = data.StructLayout({"byte": 8, "last": 1})
        super().__init__({"i": In(stream.Signature(layout)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = Crc()
        state, code, checksum = Signal(_State), Signal(8, init=1), Signal(range(CRC_BYTES))
        byte, is_zero, full = Signal(8), Signal(), Signal()
        there, summed, ready = Signal(), Signal(), Signal()  # the byte; is in the checksum; what it becomes has settled
        sent, stuffed = Signal(), Signal()
        is_content, is_checksum = state == _State.CONTENT, state == _State.CHECKSUM
        m.d.comb += [
            self.o.valid.eq(ready),
            sent.eq(ready & self.o.ready),
            crc.data.eq(byte),
            crc.add.eq(is_content & there & ~summed),
            crc.shift.eq(sent & is_checksum & ~full),
            stuffed.eq(full | is_zero | (state == _State.CODE)),
        ]
        m.d.sync += [
            self.i.ready.eq(sent & is_content & ~full),  # a cycle late: the line has time, and the executor is far
            byte.eq(Mux(is_checksum, crc.value[:8], self.i.payload.byte)),
            there.eq((self.i.valid | ~is_content) & ~crc.busy & ~sent & ~self.i.ready),
            ready.eq(there & (summed | ~is_content) & ~crc.busy & ~sent),
            is_zero.eq((byte == 0) & ~state.as_value()[1]),
            full.eq(code == COBS_FULL),
        ]
        with m.If(crc.add & ~crc.busy):
            m.d.sync += summed.eq(1)
        with m.If(state == _State.END):
            m.d.comb += self.o.payload.eq(DELIMITER)
        with m.Else():
            m.d.comb += self.o.payload.eq(Mux(stuffed, code, byte))
        with m.If(sent):
            m.d.sync += code.eq(Mux(stuffed | (state == _State.END), 1, code + 1))
            with m.If(~full):
                m.d.sync += summed.eq(0)
                self._advance(m, state, checksum)
        return m

    def _advance(self, m: Module, state, checksum):
        with m.Switch(state):
            with m.Case(_State.CONTENT):
                with m.If(self.i.payload.last):
                    m.d.sync += state.eq(_State.CHECKSUM)
            with m.Case(_State.CHECKSUM):
                m.d.sync += checksum.eq(checksum + 1)
                with m.If(checksum == CRC_BYTES - 1):
                    m.d.sync += state.eq(_State.CODE)
            with m.Case(_State.CODE):
                m.d.sync += state.eq(_State.END)
            with m.Case(_State.END):
                m.d.sync += state.eq(_State.CONTENT)
