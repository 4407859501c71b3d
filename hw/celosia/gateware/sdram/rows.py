# SPDX-License-Identifier: Apache-2.0
"""Row commands: opens the row of the next segment while the columns of the one before are read or written.

Refreshes and the chip's initialization are here, too: they need the same commands, in gaps between segments.
"""

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out

from .banks import Banks
from .chip import Cycles
from .pins import ROW_PINS, Command, mode_register
from .refresh import Refresh
from .segments import Mapping, Response
from .select import access_layout

__all__ = ["Rows"]

_ALL_BANKS = 1 << 10


class Rows(Component):
    """Makes sure that a segment's row is open.

    ::

        POWER UP ─► DRAIN ◄────────────────────────── refresh urgent, or due and nothing to do
                      │ PRECHARGE all                            │
                   REFRESH ◄┐ until none is owed                 │
                      │─────┘ (the first time: LOAD MODE)        │
                      └──────────────────────────────────► PICK ─┴─► LOOK ─► CHECK ─► DECIDE ─┐
                                                             ▲                    hit │  │miss│ closed
                                                             │               ┌────────┘ CLOSE │
                                                             │               ▼           ▼    ▼
                                                             └── taken ── READY ◄──────── OPEN

    Members
    -------
    i:
        Accesses, in order.
    o:
        The same, each when its row is open and tRCD has passed.
    slot:
        No column command in this cycle: a row command may go to the pins.
    columns_busy, columns_bank:
        A segment is under way there: its row must stay open.
    accessed:
        A column command goes to ``columns_bank``.
    command, bank, address:
        A row command for the pins, NOP for none.
    asleep:
        Before the first command: DQM is high.
    """

    i: stream.Interface
    o: stream.Interface
    slot: Signal
    columns_busy: Signal
    columns_bank: Signal
    accessed: Signal
    command: Signal
    bank: Signal
    address: Signal
    asleep: Signal

    def __init__(self, mapping: Mapping, cycles: Cycles):
        self.mapping, self.cycles = mapping, cycles
        access = access_layout(mapping)
        super().__init__(
            {
                "i": In(stream.Signature(access)),
                "o": Out(stream.Signature(access)),
                "slot": In(1),
                "columns_busy": In(1),
                "columns_bank": In(2),
                "accessed": In(1),
                "command": Out(Command),
                "bank": Out(2),
                "address": Out(ROW_PINS),
                "asleep": Out(1, init=1),
            }
        )

    @property
    def hold(self) -> int:
        """Cycles a bank stays open after ACTIVE or a column command."""
        cycles, words = self.cycles, self.mapping.words
        return max(cycles.ras, cycles.rc - cycles.rp, words - 1 + cycles.wr, words, 3)

    def elaborate(self, platform):
        m = Module()
        m.submodules.refresh = self._refresh = Refresh(self.cycles)
        m.submodules.banks = banks = Banks(self.mapping.chip.row_bits, self.hold)
        segment = self.o.payload.segment
        self._same_bank, self._busy = Signal(), Signal()
        m.d.sync += [
            self._same_bank.eq(self.columns_busy & (self.columns_bank == segment.bank)),
            self._busy.eq(self.columns_busy),
        ]
        m.d.comb += [
            banks.bank.eq(segment.bank), banks.row.eq(segment.row),
            banks.accessed.eq(self.accessed), banks.access_bank.eq(self.columns_bank),
            self.bank.eq(segment.bank), self.address.eq(segment.row),
        ]  # fmt: skip
        self._wait = Signal(range(max(self.cycles.rp, self.cycles.rcd, self.cycles.rfc, self.cycles.mrd)))
        self._over = self._wait == 0
        with m.If(~self._over):
            m.d.sync += self._wait.eq(self._wait - 1)
        with m.FSM(name="state"):
            self._initialize(m)
            self._open(m, banks)
            self._refresh_all(m, banks)
        return m

    def _send(self, m: Module, command: Command, then: str, cycles: int):
        """A command, and the least number of cycles to the next."""
        m.d.comb += self.command.eq(command)
        m.d.sync += self._wait.eq(cycles - 1)
        m.next = then

    def _initialize(self, m: Module):
        cycles, words = self.cycles, self.mapping.words
        with m.State("POWER UP"):
            with m.If(self._refresh.powered):
                m.next = "DRAIN"
        with m.State("LOAD MODE"):
            m.d.comb += self.address.eq(Const(mode_register(words=words, cl=cycles.cl), ROW_PINS))
            with m.If(self._over):
                m.d.comb += self.bank.eq(0)
                m.d.sync += self.asleep.eq(0)
                self._send(m, Command.LOAD_MODE, "SETTLE", cycles.mrd)

    def _open(self, m: Module, banks: Banks):
        cycles, i, o, refresh = self.cycles, self.i, self.o, self._refresh
        with m.State("PICK"):
            m.d.comb += i.ready.eq(1)
            m.d.sync += o.payload.eq(i.payload)
            with m.If(i.valid):
                m.next = "LOOK"
            with m.Elif(refresh.due & ~self._busy):
                m.next = "DRAIN"
        with m.State("LOOK"):
            m.next = "CHECK"
        with m.State("CHECK"):
            m.next = "DECIDE"
        with m.State("DECIDE"):
            with m.If((o.payload.segment.response != Response.OKAY) | banks.hit):
                m.d.sync += o.valid.eq(1)
                m.next = "READY"
            with m.Elif(banks.open):
                m.next = "CLOSE"
            with m.Else():
                m.next = "OPEN"
        with m.State("CLOSE"):
            m.d.comb += self.address.eq(0)
            with m.If(self.slot & banks.closable & ~self._same_bank):
                m.d.comb += banks.closed.eq(1)
                self._send(m, Command.PRECHARGE, "OPEN", cycles.rp)
        with m.State("OPEN"):
            with m.If(self.slot & self._over):
                m.d.comb += banks.opened.eq(1)
                self._send(m, Command.ACTIVE, "OPENING", cycles.rcd)
        with m.State("OPENING"):
            # Two cycles pass from here to the first column command.
            with m.If(self._wait < 3):
                m.d.sync += o.valid.eq(1)
                m.next = "READY"
        with m.State("READY"):
            with m.If(o.ready):
                m.d.sync += o.valid.eq(0)
                with m.If(refresh.urgent):
                    m.next = "DRAIN"
                with m.Else():
                    m.next = "PICK"

    def _refresh_all(self, m: Module, banks: Banks):
        cycles, refresh = self.cycles, self._refresh
        with m.State("DRAIN"):
            m.d.comb += self.address.eq(_ALL_BANKS)
            with m.If(~self._busy & ~self.columns_busy & banks.all_closable):
                m.d.comb += banks.all_closed.eq(1)
                self._send(m, Command.PRECHARGE, "REFRESH", cycles.rp)
        with m.State("REFRESH"):
            with m.If(self._over):
                m.d.comb += refresh.done.eq(1)
                self._send(m, Command.REFRESH, "REFRESHED", cycles.rfc)
        with m.State("REFRESHED"):
            with m.If(refresh.due):
                m.next = "REFRESH"
            with m.Elif(self.asleep):
                m.next = "LOAD MODE"
            with m.Else():
                m.next = "SETTLE"
        with m.State("SETTLE"):
            with m.If(self._over):
                m.next = "PICK"
