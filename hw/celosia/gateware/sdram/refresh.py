# SPDX-License-Identifier: Apache-2.0
"""How many refreshes the chip is owed, and the wait after power-up."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

from .chip import Cycles

__all__ = ["FIRST_REFRESHES", "MOST_OWED", "Refresh"]

FIRST_REFRESHES = 8
"""REFRESH commands before the first access (datasheets ask for 2 or 8)."""

MOST_OWED = 8
"""Refreshes the controller may be late with."""

_URGENT = 4


class Refresh(Component):
    """Counts time in refresh intervals.

    Members
    -------
    powered:
        The wait after power-up, in whole intervals, is over.
    due:
        At least one refresh is owed. It is done when nobody needs the chip.
    urgent:
        Four or more are owed: they are done at the next segment.
    done:
        A refresh has been sent.
    """

    powered: Signal
    due: Signal
    urgent: Signal
    done: Signal

    def __init__(self, cycles: Cycles):
        self.cycles = cycles
        super().__init__({"powered": Out(1), "due": Out(1), "urgent": Out(1), "done": In(1)})

    def elaborate(self, platform):
        m = Module()
        interval = self.cycles.refi
        waits = -(-self.cycles.power_up // interval) + 1  # one more: the first interval may be cut short
        time = Signal(range(interval), init=interval - 1)
        tick = Signal()
        left = Signal(range(waits + 1), init=waits)
        owed = Signal(range(MOST_OWED + 1), init=FIRST_REFRESHES)
        m.d.sync += [time.eq(time - 1), tick.eq(time == 1), self.powered.eq(left == 0)]
        with m.If(tick):
            m.d.sync += time.eq(interval - 1)
        with m.If(tick & ~self.powered):
            m.d.sync += left.eq(left - 1)
        with m.If(tick & self.powered & ~self.done):
            m.d.sync += owed.eq(owed + 1)
        with m.If(self.done & ~(tick & self.powered)):
            m.d.sync += owed.eq(owed - 1)
        m.d.comb += [self.due.eq(owed != 0), self.urgent.eq(owed >= _URGENT)]
        return m
