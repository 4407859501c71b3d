# SPDX-License-Identifier: Apache-2.0
"""From bytes on the line to frames: zeros put back, length and checksum verified."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

from ...arch.link import COBS_FULL, CRC_BYTES, CRC_RESIDUE, DELIMITER, HEADER_BYTES
from .buffer import LENGTH_BITS
from .crc import Crc

__all__ = ["FrameReceiver"]

_COUNT_BITS = LENGTH_BITS + 2


class FrameReceiver(Component):
    """Decodes frames (consistent overhead byte stuffing) and says whether each was right.

    A frame is right if its blocks end where it does, its checksum is right, and its length is that of a header, any
    number of words up to what ``length`` can hold, and a checksum. A delimiter ends a frame and begins the next one,
    whatever came before.

    Members
    -------
    valid, data:
        A byte from the line. There are at least :data:`.crc.CRC_CYCLES` + 4 cycles between two.
    write, byte:
        A byte of a frame, checksum included.
    commit, length:
        The frame was right; its length in words, without the checksum.
    drop:
        It was not.
    """

    valid: Signal
    data: Signal
    write: Signal
    byte: Signal
    commit: Signal
    length: Signal
    drop: Signal

    def __init__(self):
        super().__init__(
            {
                "valid": In(1),
                "data": In(8),
                "write": Out(1),
                "byte": Out(8),
                "commit": Out(1),
                "length": Out(LENGTH_BITS),
                "drop": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.crc = crc = Crc()
        left = Signal(8, init=1)  # bytes of the block that have not come, and one
        begun, block_end, follows = Signal(), Signal(init=1), Signal()  # follows: a zero, behind this block
        m.d.sync += [self.write.eq(0), self.commit.eq(0), self.drop.eq(0), block_end.eq(left == 1)]
        right = self._check(m, crc)
        with m.If(self.valid):
            with m.If(self.data == DELIMITER):
                m.d.sync += [
                    self.commit.eq(right & begun & block_end),
                    self.drop.eq(~(right & begun & block_end)),
                    begun.eq(0),
                    left.eq(1),
                ]
            with m.Elif(block_end):
                m.d.sync += [
                    left.eq(self.data),
                    follows.eq(self.data != COBS_FULL),
                    begun.eq(1),
                    self.byte.eq(0),
                    self.write.eq(begun & follows),
                ]
            with m.Else():
                m.d.sync += [left.eq(left - 1), self.byte.eq(self.data), self.write.eq(1)]
        return m

    def _check(self, m: Module, crc: Crc):
        """Length and checksum of the bytes written since the last delimiter; whether they are right."""
        ended = Signal()
        m.d.comb += ended.eq(self.commit | self.drop)
        m.d.comb += [crc.add.eq(self.write), crc.data.eq(self.byte), crc.clear.eq(ended)]
        # Bytes without the checksum's: it begins below 0, and stays at the first number that is too large.
        count = Signal(_COUNT_BITS + 1, init=-CRC_BYTES % (2 << _COUNT_BITS))
        outside = count[_COUNT_BITS]
        with m.If(ended):
            m.d.sync += count.eq(count.init)
        with m.Elif(self.write & ~(outside & ~count[_COUNT_BITS - 1])):
            m.d.sync += count.eq(count + 1)
        words = count[2:_COUNT_BITS]
        matches, sized, right = Signal(), Signal(), Signal()
        m.d.sync += [
            matches.eq(crc.value == ~CRC_RESIDUE & 0xFFFF_FFFF),
            sized.eq(~outside & (count[:2] == 0) & (words >= HEADER_BYTES // 4)),
            right.eq(matches & sized),
        ]
        m.d.comb += self.length.eq(words)
        return right
