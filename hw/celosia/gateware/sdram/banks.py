# SPDX-License-Identifier: Apache-2.0
"""Which row of each bank is open, and which banks may be closed."""

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib.wiring import Component, In, Out

__all__ = ["LOOK_CYCLES", "Banks"]

LOOK_CYCLES = 2
"""Cycles from ``bank`` and ``row`` to ``open`` and ``hit``."""


class Banks(Component):
    """State of the four banks.

    ::

        bank ─► 4 rows ─► register ─► == row ─► register ─► hit
                4 timers (restarted by ACTIVE and by every column command) ─► all 0? ─► register ─► closable

    Parameters
    ----------
    row_bits:
        Bits of a row's number.
    hold:
        Cycles from a command that restarts a bank's timer to the first that may close it, at least 3: enough for
        tRAS, tRC less tRP, and the last word of a write with tWR.

    Members
    -------
    bank, row:
        What to look at.
    open, hit:
        The bank has an open row; it is ``row``.
    closable, all_closable:
        The bank (all banks) may be precharged, unless column commands still go there. A cycle late.
    opened, closed:
        ``row`` of ``bank`` is opened; ``bank`` is closed.
    all_closed:
        All banks are closed.
    accessed, access_bank:
        A column command goes to ``access_bank``.
    """

    bank: Signal
    row: Signal
    open: Signal
    hit: Signal
    closable: Signal
    all_closable: Signal
    opened: Signal
    closed: Signal
    all_closed: Signal
    accessed: Signal
    access_bank: Signal

    def __init__(self, row_bits: int, hold: int):
        self.hold = hold
        super().__init__(
            {
                "bank": In(2),
                "row": In(row_bits),
                "open": Out(1),
                "hit": Out(1),
                "closable": Out(1),
                "all_closable": Out(1),
                "opened": In(1),
                "closed": In(1),
                "all_closed": In(1),
                "accessed": In(1),
                "access_bank": In(2),
            }
        )

    def elaborate(self, platform):
        m = Module()
        rows = Array(Signal(len(self.row), name=f"row_{i}") for i in range(4))
        is_open = [Signal(name=f"is_open_{i}") for i in range(4)]
        timers = [Signal(range(self.hold), name=f"timer_{i}") for i in range(4)]
        quiet = [timer == 0 for timer in timers]
        looked_row, looked_open = Signal(len(self.row)), Signal()
        m.d.sync += [
            looked_row.eq(rows[self.bank]),
            looked_open.eq(Array(is_open)[self.bank]),
            self.open.eq(looked_open),
            self.hit.eq(looked_open & (looked_row == self.row)),
            self.closable.eq(Array(quiet)[self.bank]),
            self.all_closable.eq(Cat(quiet).all()),
        ]
        for i in range(4):
            opened = self.opened & (self.bank == i)
            with m.If(timers[i] != 0):
                m.d.sync += timers[i].eq(timers[i] - 1)
            with m.If(opened | (self.accessed & (self.access_bank == i))):
                m.d.sync += timers[i].eq(self.hold - 2)
            with m.If(self.all_closed | (self.closed & (self.bank == i))):
                m.d.sync += is_open[i].eq(0)
            with m.If(opened):
                m.d.sync += [is_open[i].eq(1), rows[i].eq(self.row)]
        return m
