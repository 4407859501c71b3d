# SPDX-License-Identifier: Apache-2.0
"""The feeder: any R bytes of an image row, one vector a cycle, padding included.

::

  cycle  0        1         2          3       4         5            6
       step ─► address ─► lines ─► (memory) ─► words ─► coarse ────► fine rotate ─► activations
                  │                             2·A B   rotate        and mask
                  └► bytes inside the row: lo ≤ r < hi ──────────────────┘

A kernel row's window is one run of bytes, because channels of a pixel and pixels of a row are contiguous.
Bytes outside the image (before or after the row, or in a row that is not there) read as the input zero
point, so padding needs neither memory nor special cases.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ..delay import delay
from ..memory.ram import READ_LATENCY
from .walker import Step

__all__ = ["Feeder"]


class Feeder(Component):
    """Reads the bytes of a step from the two activation banks, aligns and masks them.

    The vector of the step in cycle t is on ``activations`` in cycle t + :attr:`latency`. There is no flow control.
    """

    latency = 4 + READ_LATENCY

    def __init__(self, config: Config):
        self.config = config
        line = (config.activation_lines - 1).bit_length()
        word = 8 * config.activation_word_bytes
        super().__init__(
            {
                "step": In(Step(config)),
                "even_line": Out(line),
                "odd_line": Out(line),
                "even": In(word),
                "odd": In(word),
                "activations": Out(data.ArrayLayout(signed(8), config.rows)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        word_bytes = config.activation_word_bytes
        offset_bits = (word_bytes - 1).bit_length()

        # 1: address; which bytes of the vector lie in the row
        address = Signal.like(self.step.row)
        x = Signal(signed(24))
        inside, row_bytes, zero_point = Signal(), Signal(16), Signal(signed(8))
        m.d.sync += [
            address.eq(self.step.row + self.step.x),
            x.eq(self.step.x),
            inside.eq(self.step.inside),
            row_bytes.eq(self.step.row_bytes),
            zero_point.eq(self.step.zero_point),
        ]
        # 2: a word of each bank; lo and hi, clamped to the vector
        low, high = Signal(range(config.rows + 1)), Signal(range(config.rows + 1))
        below, above = Signal(signed(25)), Signal(signed(25))
        m.d.comb += [below.eq(-x), above.eq(row_bytes - x)]
        word = address[offset_bits:]
        m.d.sync += [
            self.even_line.eq((word + 1) >> 1),
            self.odd_line.eq(word >> 1),
            low.eq(_clamp(below, config.rows)),
            high.eq(Mux(inside, _clamp(above, config.rows), 0)),
        ]
        # 4: words are here; 5: coarse rotation and the mask; 6: fine rotation and the padding
        shift = delay(m, address[: offset_bits + 1], 1 + READ_LATENCY, "shift")
        low, high = (delay(m, v, READ_LATENCY, name) for v, name in ((low, "low"), (high, "high")))
        pad = delay(m, zero_point, 2 + READ_LATENCY, "pad")
        mask = Signal(config.rows)
        m.d.sync += mask.eq(Cat((low <= r) & (high > r) for r in range(config.rows)))
        fine_bits = offset_bits // 2
        words = Mux(shift[-1], Cat(self.odd, self.even), Cat(self.even, self.odd))
        coarse = Signal(8 * (config.rows + (1 << fine_bits) - 1))
        fine = Signal(fine_bits)
        m.d.sync += [
            coarse.eq(words >> Cat(Const(0, 3 + fine_bits), shift[fine_bits:offset_bits])),
            fine.eq(shift[:fine_bits]),
        ]
        aligned = Signal(data.ArrayLayout(signed(8), config.rows))
        m.d.comb += aligned.eq(coarse >> Cat(Const(0, 3), fine))
        for r in range(config.rows):
            m.d.sync += self.activations[r].eq(Mux(mask[r], aligned[r], pad))
        return m


def _clamp(value, top: int):
    """``value`` clamped to 0 … ``top``."""
    return Mux(value < 0, 0, Mux(value > top, top, value[: top.bit_length()]))
