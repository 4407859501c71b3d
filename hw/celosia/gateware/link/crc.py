# SPDX-License-Identifier: Apache-2.0
"""CRC-32, one bit a cycle: the line leaves time, and a bit at a time is small and fast."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out

from ...arch.link import CRC_POLYNOMIAL

__all__ = ["CRC_CYCLES", "Crc"]

CRC_CYCLES = 8
"""Cycles a byte takes after the one in which it was given."""


class Crc(Component):
    """The register of a CRC-32 (:data:`celosia.arch.link.CRC_POLYNOMIAL`), inverted: as it is sent.

    An inverted register begins with zeros, which every FPGA's flip-flops can do.

    Members
    -------
    clear:
        Begins anew.
    add:
        Takes ``data`` into the register, during the :data:`CRC_CYCLES` cycles that follow; it must not change in these.
    shift:
        Moves the register down by a byte, during as many; what comes in begins anew, once four bytes have gone.
    busy:
        High in these cycles: ``add`` and ``shift`` are not allowed then.
    value:
        The checksum of what was taken; behind the right checksum, ``~CRC_RESIDUE``.
    """

    clear: Signal
    add: Signal
    shift: Signal
    data: Signal
    busy: Signal
    value: Signal

    def __init__(self):
        super().__init__(
            {
                "clear": In(1),
                "add": In(1),
                "shift": In(1),
                "data": In(8),
                "busy": Out(1),
                "value": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        shifting, count = Signal(), Signal(range(CRC_CYCLES + 1))
        value, feedback = self.value, Signal()
        m.d.comb += [
            self.busy.eq(count[-1]),
            feedback.eq((~value[0] ^ self.data.bit_select(count[:3], 1)) & ~shifting),
        ]
        with m.If(self.busy):
            taps = Mux(feedback, CRC_POLYNOMIAL, 0)
            m.d.sync += [value.eq(Cat(value[1:], ~shifting) ^ taps), count.eq(count + 1)]
        with m.Elif(self.add | self.shift):
            m.d.sync += [shifting.eq(self.shift), count.eq(CRC_CYCLES)]
        with m.If(self.clear):
            m.d.sync += value.eq(0)
        return m
