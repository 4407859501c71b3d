# SPDX-License-Identifier: Apache-2.0
"""The feeder: any R bytes of an image row, one vector a cycle, padding included.

::

  cycle  0        1         2                  2 + M   …      3 + M        4 + M
       step ─► address ─► lines ─► (memory) ─► words ─► half ► coarse ────► fine rotate ─► activations
                  │                             2·A B          rotate        and mask
                  └► bytes inside the row: lo ≤ r < hi ───────────────────────┘

M is the memory's latency, ways there and back included. Where there are such ways, A/2 + R − 1 of the 2·A bytes are
chosen in a cycle of their own: then not every byte of both words comes together in one place.

A kernel row's window is one run of bytes, because channels of a pixel and pixels of a row are contiguous.
Bytes outside the image (before or after the row, or in a row that is not there) read as the input zero
point, so padding needs neither memory nor special cases. When activations move down, the two words are two
places' channels instead: :class:`.down_feeder.DownFeeder`.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.timing.conv import feeder_latency, memory_way
from ..delay import delay, delay_constant, delays
from ..memory.activations import access_latency
from ..window import window
from .array import SEGMENTS, Flow
from .down_feeder import DownFeeder
from .walker import Step

__all__ = ["Feeder"]


class Feeder(Component):
    """Reads the bytes of a step from the two activation banks, aligns and masks them.

    The vector of the step in cycle t is on ``activations`` or ``heads`` in cycle t + :attr:`latency`. There is no
    flow control; ``valid`` only says which steps are to be read, and remembered in the delay line.
    """

    def __init__(self, config: Config):
        self.config, self.latency = config, feeder_latency(config)
        self._halves = memory_way(config)
        self._memory = access_latency(config) + self._halves
        line = (config.activation_lines - 1).bit_length()
        word = 8 * config.activation_word_bytes
        super().__init__(
            {
                "valid": In(1),
                "step": In(Step(config)),
                "read_soon": Out(1),  # ``read`` in the next cycle
                "read": Out(1),
                "even_line": Out(line),
                "odd_line": Out(line),
                "even": In(word),
                "odd": In(word),
                "activations": Out(data.ArrayLayout(signed(8), config.rows)),
                "heads": Out(data.ArrayLayout(data.ArrayLayout(signed(8), config.pairs), SEGMENTS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, step = self.config, self.step
        offset_bits = (config.activation_word_bytes - 1).bit_length()

        # 1: addresses
        address, x = Signal.like(step.row, reset_less=True), Signal.like(step.x, reset_less=True)
        m.d.sync += [address.eq(step.row + step.x), x.eq(step.x)]
        # 2: a word of each bank
        _, read_soon, read = delays(m, self.valid, 2, "read")
        m.d.comb += [self.read_soon.eq(read_soon), self.read.eq(read)]
        word = address[offset_bits:]
        even_line, odd_line = Signal.like(self.even_line), Signal.like(self.odd_line)
        m.d.comb += [even_line.eq((word + 1) >> 1), odd_line.eq(word >> 1)]
        if config.down_channels:
            m.submodules.down = down = DownFeeder(config)
            m.d.comb += [down.valid.eq(self.valid), down.step.eq(step), self.heads.eq(down.heads)]
            m.d.comb += [down.even.eq(self.even), down.odd.eq(self.odd)]
            with m.If(down.flow != Flow.ACROSS):
                m.d.comb += [even_line.eq(down.even_line), odd_line.eq(down.odd_line)]
        m.d.sync += [self.even_line.eq(even_line), self.odd_line.eq(odd_line)]
        # The words are here; perhaps half of them; then coarse rotation; then fine rotation and padding
        mask, pad = self._mask(m, x)
        early = delay(m, address[: offset_bits + 1], 1 + self._memory - self._halves, "shift", reset_less=True)
        shift = delay(m, early[: offset_bits + 1 - 2 * self._halves], self._halves, "late_shift", reset_less=True)
        fine_bits = offset_bits // 2
        words = Mux(early[-1], Cat(self.odd, self.even), Cat(self.even, self.odd))
        if self._halves:
            half = 8 << (offset_bits - 1)
            first = window(words, early[offset_bits - 1], unit=half, width=half + 8 * (config.rows - 1))
            words = delay(m, first, 1, "half", reset_less=True)
        coarse = Signal(8 * (config.rows + (1 << fine_bits) - 1), reset_less=True)
        fine = Signal(fine_bits, reset_less=True)
        m.d.sync += [
            coarse.eq(
                window(words, shift[fine_bits : offset_bits - self._halves], unit=8 << fine_bits, width=len(coarse))
            ),
            fine.eq(shift[:fine_bits]),
        ]
        aligned = Signal(data.ArrayLayout(signed(8), config.rows))
        m.d.comb += aligned.eq(window(coarse, fine, unit=8, width=8 * config.rows))
        activations = Signal(data.ArrayLayout(signed(8), config.rows), reset_less=True)
        for r in range(config.rows):
            m.d.sync += activations[r].eq(Mux(mask[r], aligned[r], pad))
        m.d.comb += self.activations.eq(activations)
        return m

    def _mask(self, m: Module, x: Signal):
        """Which bytes of the vector lie in the row, and what the others are, for the last stage."""
        rows = self.config.rows
        inside = delay(m, self.step.inside, 2, "inside", reset_less=True)
        row_bytes = delay_constant(m, self.config, self.step.row_bytes, 1, "row_bytes")
        low, high = Signal(range(rows + 1), reset_less=True), Signal(range(rows + 1), reset_less=True)
        below, above = (Signal(signed(len(x) + 1), name=name, reset_less=True) for name in ("below", "above"))
        m.d.sync += [below.eq(-x), above.eq(row_bytes - x)]
        m.d.sync += [low.eq(_clamp(below, rows)), high.eq(Mux(inside, _clamp(above, rows), 0))]
        ends = ((low, "low"), (high, "high"))
        low, high = (delay(m, value, self._memory - 1, name, reset_less=True) for value, name in ends)
        mask = Signal(rows, reset_less=True)
        m.d.sync += mask.eq(Cat((low <= r) & (high > r) for r in range(rows)))
        pad = delay_constant(m, self.config, self.step.zero_point, 3 + self._memory, "pad")
        return mask, pad


def _clamp(value, top: int):
    """``value`` clamped to 0 … ``top``."""
    bits = (top - 1).bit_length()
    low = value[:bits]
    too_much = value[bits:-1].any() | ((low > top) if top < 1 << bits else 0)
    return Mux(value[-1], 0, Mux(too_much, top, low))
