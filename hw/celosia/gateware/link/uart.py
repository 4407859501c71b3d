# SPDX-License-Identifier: Apache-2.0
"""Bytes on a serial line: 8 data bits, no parity, one stop bit, least significant first."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

__all__ = ["BitRate", "UartReceiver", "UartTransmitter"]

_DATA_BITS = 8
_ERROR = 0.0005


@dataclass(frozen=True)
class BitRate:
    """Bits a second as a fraction of the clock: a phase of ``width`` bits grows by ``increment`` every cycle, and a bit
    lasts from one wrap-around to the next.

    Parameters
    ----------
    clock_hz, baud:
        Cycles and bits a second. The fraction is within 0.05 % of their ratio; two ends of a line may differ by about
        3 %.

    Raises
    ------
    ValueError
        A bit would be shorter than 4 cycles.
    """

    clock_hz: int
    baud: int

    def __post_init__(self):
        if self.baud < 1 or self.clock_hz < 4 * self.baud:
            raise ValueError(
                f"a bit must last 4 cycles or more: baud must be 1 to {self.clock_hz // 4} at {self.clock_hz} Hz, "
                f"not {self.baud!r}"
            )

    @property
    def width(self) -> int:
        """The fewest bits of phase that come close enough."""
        width, ratio = 3, self.baud / self.clock_hz
        while abs(round(ratio * (1 << width)) / (1 << width) - ratio) > _ERROR * ratio:
            width += 1
        return width

    @property
    def increment(self) -> int:
        return round(self.baud / self.clock_hz * (1 << self.width))

    @property
    def cycles(self) -> float:
        """Cycles a bit lasts, as the gateware has it."""
        return (1 << self.width) / self.increment

    def phase(self, name: str, init: int = 0) -> Signal:
        """The phase; its most significant bit is high for the cycle after a wrap-around."""
        return Signal(self.width + 1, name=name, init=init)

    def next(self, phase: Signal):
        """What the phase becomes."""
        return phase[: self.width] + self.increment


class UartReceiver(Component):
    """From the line to bytes.

    The falling edge of a start bit sets the phase; each bit is sampled in its middle. A start bit that is high there
    is a glitch and forgotten; a byte whose stop bit is low is dropped. The line must be high before the next one.

    Members
    -------
    rx:
        The line, from outside: it goes through two flip-flops first.
    valid:
        High for the one cycle in which a byte has arrived.
    data:
        The byte; it stays for at least one bit time.
    """

    rx: Signal
    valid: Signal
    data: Signal

    def __init__(self, rate: BitRate):
        self.rate = rate
        super().__init__({"rx": In(1, init=1), "valid": Out(1), "data": Out(_DATA_BITS)})

    def elaborate(self, platform):
        m = Module()
        line = Signal(3, init=0b111)  # two flip-flops against metastability, and the line a cycle ago
        m.d.sync += line.eq(Cat(self.rx, line[:-1]))
        now, falling = line[1], line[2] & ~line[1]
        phase = self.rate.phase("phase")
        busy, index = Signal(), Signal(range(_DATA_BITS + 2))
        # The middle of the start bit is half a bit from its edge; a cycle has gone by since, and one goes by until
        # the wrap-around is seen.
        begin = (1 << (self.rate.width - 1)) + self.rate.increment
        m.d.sync += [phase.eq(self.rate.next(phase)), self.valid.eq(0)]
        with m.If(~busy):
            m.d.sync += [phase.eq(begin), index.eq(0), busy.eq(falling)]
        with m.Elif(phase[-1]):
            m.d.sync += index.eq(index + 1)
            with m.If(index == 0):
                m.d.sync += busy.eq(~now)
            with m.Elif(index == _DATA_BITS + 1):
                m.d.sync += [busy.eq(0), self.valid.eq(now)]
            with m.Else():
                m.d.sync += self.data.eq(Cat(self.data[1:], now))
        return m


class UartTransmitter(Component):
    """From bytes to the line.

    A byte begins at the next multiple of a bit's time; bytes follow each other without a gap as long as there are any.

    Members
    -------
    i:
        Bytes.
    tx:
        The line, high while idle.
    """

    i: "stream.Interface"
    tx: Signal

    def __init__(self, rate: BitRate):
        self.rate = rate
        super().__init__({"i": In(stream.Signature(_DATA_BITS)), "tx": Out(1, init=1)})

    def elaborate(self, platform):
        m = Module()
        phase = self.rate.phase("phase")
        shift, left = Signal(_DATA_BITS), Signal(range(_DATA_BITS + 2))
        bit, idle = Signal(), Signal(init=1)
        # ``ready`` is a register: whoever waits for it may be far.
        m.d.sync += [phase.eq(self.rate.next(phase)), bit.eq(phase[-1]), self.i.ready.eq(phase[-1] & idle)]
        m.d.sync += idle.eq(left == 0)
        with m.If(self.i.ready):
            m.d.sync += self.tx.eq(~self.i.valid)
            with m.If(self.i.valid):
                m.d.sync += [shift.eq(self.i.payload), left.eq(_DATA_BITS + 1), idle.eq(0)]
        with m.Elif(bit):
            m.d.sync += [self.tx.eq(shift[0]), shift.eq(Cat(shift[1:], 1)), left.eq(left - 1)]
        return m
