# SPDX-License-Identifier: Apache-2.0
"""The feeder's other half: two samples a channel a step, and the same two of one row ago.

::

  cycle 0     1           2          2 + M   …  3 + M        4 + M
      step ─► address A ─► lines ─►  words ─►   D channels ─► A, B (padded) ─────────► heads
              address B                        of each          │
                                                                ▼
                                              delay line: one row of steps ─► A', B' ─► heads

A and B lie in words of different parity, so each bank gives one of them. M is the memory's latency; where it has ways,
D channels of each bank are chosen in a cycle of their own.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.timing.conv import memory_way
from ..delay import delay, delays
from ..memory.activations import access_latency
from ..memory.ram import SimpleRam
from ..window import window
from .array import SEGMENTS, Flow
from .walker import Step

__all__ = ["DownFeeder"]


class DownFeeder(Component):
    """Reads samples A and B of a step and routes them, and their predecessors, to the segments' heads.

    Members
    -------
    valid, step:
        From the walker, in cycle t.
    flow, even_line, odd_line:
        Combinational in cycle t + 1: the step's flow and the words to read.
    even, odd:
        Those words, M cycles after they were asked for in cycle t + 2.
    heads:
        Two cycles later; three where the memory has ways. Pairs beyond ``config.down_channels`` get zeros.
    """

    def __init__(self, config: Config):
        self.config, self._parts = config, memory_way(config)
        self._memory = access_latency(config) + self._parts
        line = (config.activation_lines - 1).bit_length()
        word = 8 * config.activation_word_bytes
        super().__init__(
            {
                "valid": In(1),
                "step": In(Step(config)),
                "flow": Out(Flow),
                "even_line": Out(line),
                "odd_line": Out(line),
                "even": In(word),
                "odd": In(word),
                "heads": Out(data.ArrayLayout(data.ArrayLayout(signed(8), config.pairs), SEGMENTS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config, step = self.config, self.step
        channels = config.down_channels
        block_bits = (channels - 1).bit_length()
        offset_bits = (config.activation_word_bytes - 1).bit_length()

        # 1: the address of A, what is missing to that of B
        a, apart = Signal.like(step.row, reset_less=True), Signal(16, reset_less=True)
        x_a, x_b = Signal(signed(24), reset_less=True), Signal(signed(24), reset_less=True)
        m.d.sync += [
            a.eq(step.row + step.x),
            apart.eq(step.b_step),
            x_a.eq(step.x),
            x_b.eq(step.x + Mux(step.along, step.b_step, 0)),
            self.flow.eq(step.flow),
        ]
        b = Signal.like(a)
        m.d.comb += b.eq(a + apart)
        # 2: are they inside the row?
        row_bytes = delay(m, step.row_bytes, 1, "row_bytes")
        a_row, b_row = step.inside, Mux(step.along, step.inside, step.b_inside)
        insides = []
        for name, x, row_inside in (("a", x_a, a_row), ("b", x_b, b_row)):
            inside = Signal(name=f"{name}_inside")
            m.d.sync += inside.eq(delay(m, row_inside, 1, f"{name}_row_inside") & ~x[-1] & (x - row_bytes)[-1])
            insides.append(inside)
        a_odd = a[offset_bits]
        m.d.comb += [
            self.even_line.eq(Mux(a_odd, b, a)[offset_bits + 1 :]),
            self.odd_line.eq(Mux(a_odd, a, b)[offset_bits + 1 :]),
        ]
        # 3 (whatever the memory's latency): the words are here, D channels of each are chosen; 4: whose they are;
        # 5: the blocks of A and B; 6: padded
        flow3 = delay(m, self.flow, 1 + self._memory - self._parts, "flow_3")
        flow4 = delay(m, flow3, self._parts, "flow_4")
        down4 = flow4 != Flow.ACROSS  # in other tiles the registers rest
        down5 = delay(m, down4, 1, "down_5")
        odd3 = delay(m, a_odd, 1 + self._memory - self._parts, "odd_3", reset_less=True)
        odd4 = delay(m, odd3, self._parts, "odd_4", reset_less=True)
        places = [
            delay(m, address[block_bits:offset_bits], 1 + self._memory - self._parts, f"place_{name}", reset_less=True)
            for name, address in (("a", a), ("b", b))
        ]
        parts = []
        for name, word, place in (("even", self.even, Mux(odd3, *places[::-1])), ("odd", self.odd, Mux(odd3, *places))):
            part = window(word, place, unit=8 * channels, width=8 * channels)
            if self._parts:
                late = Signal(8 * channels, name=f"part_{name}", reset_less=True)
                with m.If(flow3 != Flow.ACROSS):
                    m.d.sync += late.eq(part)
                part = late
            parts.append(part)
        samples = []
        for name, part, inside in (("a", Mux(odd4, *parts[::-1]), insides[0]), ("b", Mux(odd4, *parts), insides[1])):
            block = Signal(8 * channels, name=f"block_{name}", reset_less=True)
            with m.If(down4):
                m.d.sync += block.eq(part)
            pad = delay(m, step.zero_point, 3 + self._memory, f"pad_{name}", reset_less=True)
            sample = Signal(8 * channels, name=f"sample_{name}", reset_less=True)
            kept = delay(m, inside, 1 + self._memory, f"kept_{name}", reset_less=True)
            with m.If(down5):
                m.d.sync += sample.eq(Mux(kept, block, pad.as_unsigned().replicate(channels)))
            samples.append(sample)
        before = self._delay_line(m, Cat(*samples), pad.as_unsigned().replicate(2 * channels))
        flow = delay(m, flow4, 2, "flow")
        by_rows = flow == Flow.ROWS
        sources = [
            Mux(by_rows, before[: 8 * channels], samples[0]),
            before[8 * channels :],
            Mux(by_rows, samples[0], samples[1]),
            samples[1],
        ]
        for q, source in enumerate(sources):
            for c in range(channels):
                m.d.comb += self.heads[q][c].eq(source[8 * c : 8 * c + 8])
        return m

    def _delay_line(self, m: Module, samples, pad):
        """What ``samples`` was at the same step of the row before, padding in a warm-up row; in the same cycle as
        ``samples`` itself."""
        config = self.config
        m.submodules.line = line = SimpleRam(config.line_steps, len(samples))
        place = Signal(range(config.line_steps))
        with m.If(self.valid):
            m.d.sync += place.eq(Mux(self.step.row_start, 0, place + 1))
        # Read so that the word is there a cycle before it is wanted. It has been written by then: that of a row's
        # first step is written in the cycle in which the third step comes, and a row has four or more.
        wanted = 4 + self._memory
        read_at = wanted - 1 - line.latency
        before = Signal(len(samples), reset_less=True)
        warm_up = delay(m, self.step.warm_up, wanted - 1, "warm_up")
        m.d.sync += before.eq(Mux(warm_up, pad, line.data))
        valid = delays(m, self.valid, wanted, "valid")
        m.d.comb += [
            line.read.eq(valid[read_at]),
            line.read_address.eq(delay(m, place, read_at - 1, "read_place")),
            line.write.eq(valid[wanted]),
            line.write_address.eq(delay(m, line.read_address, wanted - read_at, "write_place")),
            line.write_data.eq(samples),
        ]
        return before
