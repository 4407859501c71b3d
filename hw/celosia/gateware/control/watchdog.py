# SPDX-License-Identifier: Apache-2.0
"""Notices when nothing moves any more."""

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out

__all__ = ["Watchdog"]


class Watchdog(Component):
    """Counts cycles in which nothing is alive.

    Members
    -------
    run:
        Count at all.
    alive:
        Something moved in this cycle.
    timeout:
        Cycles in a row without ``alive`` after which ``expired`` goes high, three cycles late; 0 is never.
    expired:
        Stays high until something is alive or ``run`` is low.
    """

    run: Signal
    alive: Signal
    timeout: Signal
    expired: Signal

    def __init__(self):
        super().__init__({"run": In(1), "alive": In(1), "timeout": In(32), "expired": Out(1)})

    def elaborate(self, platform):
        m = Module()
        count, alive, limited, reached = Signal(32), Signal(), Signal(), Signal()
        m.d.sync += [alive.eq(self.alive), limited.eq(self.timeout.any())]
        with m.If(~self.run | alive):
            m.d.sync += [count.eq(0), reached.eq(0), self.expired.eq(0)]
        with m.Else():
            m.d.sync += count.eq(count + 1)
            m.d.sync += reached.eq(count == self.timeout)
            with m.If(reached & limited):
                m.d.sync += self.expired.eq(1)
        return m
