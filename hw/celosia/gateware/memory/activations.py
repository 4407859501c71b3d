# SPDX-License-Identifier: Apache-2.0
"""The activation memory: two banks, so that any run of bytes up to a word long is read in one cycle.

::

                     ┌──────────── even words ───────────┐
    feeder ─ a ─────►│ line 0: bytes 0 … A−1              │─► a_even ─► rotate (feeder)
                     └───────────────────────────────────┘
                     ┌──────────── odd words ────────────┐
           ─ a ─────►│ line 0: bytes A … 2A−1             │─► a_odd
                     └───────────────────────────────────┘
                            ▲ port b, one user a cycle:
    writer (always) > element-wise engine > local bus (DMA, control windows)
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.timing.conv import memory_way
from ..delay import delay
from ..family import Family, device_of
from ..interfaces import LocalBus
from .local_port import LocalPort
from .ram import READ_LATENCY, Ram

__all__ = ["ActivationMemory", "LineRequest", "ScatterWrite", "access_latency"]


def access_latency(config: Config) -> int:
    """Cycles from an address to its words."""
    return READ_LATENCY + 2 * memory_way(config)


def _bits(config: Config) -> int:
    return (config.activation_lines - 1).bit_length()


class LineRequest(data.StructLayout):
    """An access of one whole line (a word of each bank) by the element-wise engine."""

    def __init__(self, config: Config):
        super().__init__({"line": _bits(config), "write": 1, "data": 8 * config.line_bytes})


class ScatterWrite(data.StructLayout):
    """A write of bytes in an even and an odd word, which may be of neighbouring lines.

    ``strobe`` and ``data`` cover the even word in their lower half, the odd word in their upper half. The port is the
    writer's while ``valid`` is high, whether a bit of ``strobe`` is set or not; else none is.
    """

    def __init__(self, config: Config):
        super().__init__(
            {
                "even_line": _bits(config),
                "odd_line": _bits(config),
                "valid": 1,
                "strobe": config.line_bytes,
                "data": 8 * config.line_bytes,
            }
        )


class ActivationMemory(Component):
    """Activations of ``config.activation_bytes`` bytes.

    Members
    -------
    a_soon:
        Port a reads in the next cycle.
    a_read, a_even_line, a_odd_line → a_even, a_odd:
        The feeder's port: a word of each bank, :func:`access_latency` cycles later.
    write_soon, write:
        The convolution's results. Always taken. ``write_soon`` is high in the cycle before one with ``write.valid``.
    lines:
        The element-wise engine's accesses: made a cycle after their transfer. A read's line is on ``line_data``
        :func:`celosia.arch.timing.elementwise.line_latency` cycles after it; ``line_soon`` is high in the cycle before.
    local:
        DMA and control windows.
    """

    def __init__(self, config: Config):
        self.config = config
        bits, word = _bits(config), 8 * config.activation_word_bytes
        super().__init__(
            {
                "a_soon": In(1),
                "a_read": In(1),
                "a_even_line": In(bits),
                "a_odd_line": In(bits),
                "a_even": Out(word),
                "a_odd": Out(word),
                "write_soon": In(1),
                "write": In(ScatterWrite(config)),
                "lines": In(stream.Signature(LineRequest(config))),
                "line_soon": Out(1),
                "line_data": Out(8 * config.line_bytes),
                "local": In(LocalBus(config)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        word = config.activation_word_bytes
        # iCE40's block RAM has one read port, for the feeder first.
        turns = device_of(platform).family is Family.ICE40 and not config.elementwise
        way, latency = memory_way(config), access_latency(config)
        m.submodules.even = even = Ram(config.activation_lines, word, taking_turns=turns, way=way)
        m.submodules.odd = odd = Ram(config.activation_lines, word, taking_turns=turns, way=way)
        m.submodules.port = port = LocalPort(
            config, words=config.activation_lines, word_bytes=config.line_bytes, read_cycles=latency, way=2 * way
        )
        connect(m, flipped(self.local), port.bus)

        # The engine's queues lie all over the chip: a line is known a cycle before it is wanted.
        writing, lining, line = Signal(), Signal(), Signal(LineRequest(config), reset_less=True)
        busy = Signal()
        m.d.comb += [
            writing.eq(self.write.valid),
            self.lines.ready.eq(~self.write_soon),
            # What is taken now is an access of the next cycle.
            port.ready.eq(~busy & ~(self.a_soon & turns)),
        ]
        m.d.sync += [
            lining.eq(self.lines.valid & self.lines.ready),
            line.eq(self.lines.payload),
            busy.eq(self.write_soon | self.lines.valid),  # ``writing`` or ``lining``, as a register
        ]
        b_even, b_odd = Signal(_bits(config), reset_less=True), Signal(_bits(config), reset_less=True)
        strobe, written = Signal(config.line_bytes), Signal(8 * config.line_bytes, reset_less=True)
        owned = Signal()  # port b belongs to the writer or the lines this cycle, else to the local port
        reading = Signal()
        m.d.sync += [owned.eq(busy), reading.eq(0)]
        with m.If(writing):
            m.d.sync += [
                b_even.eq(self.write.even_line),
                b_odd.eq(self.write.odd_line),
                strobe.eq(self.write.strobe),
                written.eq(self.write.data),
            ]
        with m.Else():
            m.d.sync += [
                b_even.eq(line.line),
                b_odd.eq(line.line),
                strobe.eq((lining & line.write).replicate(config.line_bytes)),
                written.eq(line.data),
                reading.eq(lining & ~line.write),
            ]
        for i, (ram, address) in enumerate(((even, b_even), (odd, b_odd))):
            half = slice(i * word, (i + 1) * word)
            bits = slice(8 * i * word, 8 * (i + 1) * word)
            m.d.comb += [
                ram.b_read.eq(Mux(owned, reading, port.read)),
                ram.b_address.eq(Mux(owned, address, port.word)),
                ram.b_write.eq(Mux(owned, strobe[half], port.write[half])),
                ram.b_write_data.eq(Mux(owned, written[bits], port.write_data[bits])),
            ]
        m.d.comb += [
            even.a_read.eq(self.a_read),
            odd.a_read.eq(self.a_read),
            even.a_address.eq(self.a_even_line),
            odd.a_address.eq(self.a_odd_line),
            self.a_even.eq(even.a_data),
            self.a_odd.eq(odd.a_data),
            self.line_data.eq(Cat(even.b_data, odd.b_data)),
            port.read_data.eq(self.line_data),
            self.line_soon.eq(delay(m, reading, latency - 1, "reading")),
        ]
        return m
