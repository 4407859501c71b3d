# SPDX-License-Identifier: Apache-2.0
"""A model of an SDR SDRAM chip that keeps data and complains about every rule that is broken.

It knows nothing of the controller: only the pins, the datasheet's times (:mod:`celosia.gateware.sdram.chip`) and the
commands.
"""

from typing import Any

from amaranth.hdl import Array, Assert, Cat, Module, Mux, Signal
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In

from celosia.gateware.sdram.chip import Chip
from celosia.gateware.sdram.pins import Command, SdramPins

__all__ = ["SdramChip"]

_LONGEST_BURST = 8
_LATE = 9  # refreshes that may be owed: eight may be postponed, and one is due just now
_ROW_OPEN_NS = 100e3  # the longest tRAS


class SdramChip(Component):
    """The chip, on the controller's clock: it takes its pins at the clock edge after the one that changed them.

    ::

        pins ─► decoder ─► rules: ages of the last ACTIVE, PRECHARGE, … of each bank
                   └────► burst counter ─► storage ─► CAS latency ─► dq_i

    A violated rule is a failed assertion whose message names it. While nobody drives the data wires they carry
    noise. A word of a READ is on ``dq_i`` from CL cycles after the READ was on the pins.

    Parameters
    ----------
    chip:
        Geometry and times.
    clock_hz:
        Frequency of ``sync``; the rules are in its cycles.
    size:
        Bytes that are stored, from address 0 on (row by row, in each row bank by bank): a power of two, at least a row
        of each bank, and no more than needed: netlists have an initial value for each word. Opening a row beyond is
        against the rules.

    Attributes
    ----------
    storage:
        The :class:`amaranth.lib.memory.Memory` of 16-bit words; word i holds bytes 2 i and 2 i + 1.

    Raises
    ------
    ChipError
        When the chip cannot be used with this clock.
    ValueError
        When ``size`` is out of its bounds.
    """

    pins: Any

    def __init__(self, chip: Chip, *, clock_hz: float, size: int):
        row_bytes = 8 << chip.column_bits
        if size & (size - 1) or not row_bytes <= size <= chip.size:
            raise ValueError(f"size must be a power of two from {row_bytes} to {chip.size}, not {size!r}")
        self.chip, self.cycles, self.rows = chip, chip.cycles(clock_hz), size // row_bytes
        self._longest_open = int(_ROW_OPEN_NS * clock_hz / 1e9)
        self._latencies = [cl for cl, t in chip.t_ck if t <= 1e9 / clock_hz * (1 + 1e-9)]
        self.storage = Memory(shape=16, depth=size // 2, init=[])
        super().__init__({"pins": In(SdramPins())})

    def elaborate(self, platform):
        m = Module()
        m.submodules.storage = self.storage
        self._command = command = Signal(Command)
        pins = self.pins
        m.d.comb += command.eq(Mux(pins.cs & pins.cke, Cat(pins.we, pins.cas, pins.ras), 0))
        self._is = {kind: Signal(name=f"is_{kind.name.lower()}") for kind in Command}
        m.d.comb += [signal.eq(command == kind) for kind, signal in self._is.items()]
        self._now = Signal(16)  # noise
        m.d.sync += self._now.eq(self._now + 0x3A7)
        self._mode(m)
        self._bank_rules(m)
        self._start_rules(m)
        self._refresh_rules(m)
        self._bursts(m)
        return m

    def _rule(self, m: Module, when, holds, message: str):
        m.d.sync += Assert(~when | holds, f"SDRAM {self.chip.name}: {message}")

    def _age(self, m: Module, event, most: int, name: str):
        """Cycles since the event, up to ``most``; as much at first."""
        age = Signal(range(most + 1), init=most, name=name)
        with m.If(age != most):
            m.d.sync += age.eq(age + 1)
        with m.If(event):
            m.d.sync += age.eq(1)
        return age

    def _mode(self, m: Module):
        """The mode register."""
        self._moded, self._words, self._cl = Signal(), Signal(4, init=1), Signal(2)
        a, load = self.pins.a, self._is[Command.LOAD_MODE]
        with m.If(load):
            m.d.sync += [self._moded.eq(1), self._words.eq(1 << a[:3]), self._cl.eq(a[4:6])]
        latency_fits = Cat(a[4:7] == cl for cl in self._latencies).any()
        self._rule(m, load, ~a[2] & ~a[3], "LOAD MODE: bursts must be sequential, of 1, 2, 4 or 8 words")
        self._rule(m, load, latency_fits, "LOAD MODE: this CAS latency does not suit the clock")
        self._rule(m, load, (a[7:] == 0) & (self.pins.ba == 0), "LOAD MODE: reserved bits must be 0")

    def _bank_rules(self, m: Module):
        """What a bank must be, and for how long, before a command."""
        is_, pins, t = self._is, self.pins, self.cycles
        column = is_[Command.READ] | is_[Command.WRITE]
        any_active = self._age(m, is_[Command.ACTIVE], t.rrd, "since_any_active")
        self._rule(m, is_[Command.ACTIVE], any_active >= t.rrd, "tRRD: ACTIVE too soon after that of another bank")
        self._rule(m, is_[Command.ACTIVE], pins.a < self.rows, "ACTIVE: the model does not store this row")
        self._rule(m, column, ~pins.a[10], "auto precharge is not modelled")
        self._open, self._row, self._since_precharge = [], [], []
        self._wrote, self._read = Signal(4), Signal(4)  # a word is written now; read bursts begin
        for i in range(4):
            here = pins.ba == i
            active = is_[Command.ACTIVE] & here
            precharge = is_[Command.PRECHARGE] & (here | pins.a[10])
            is_open, row = Signal(name=f"open_{i}"), Signal(self.chip.row_bits, name=f"row_{i}")
            since_active = self._age(m, active, self._longest_open, f"since_active_{i}")
            since_precharge = self._age(m, precharge, t.rp, f"since_precharge_{i}")
            since_write = self._age(m, self._wrote[i], t.wr, f"since_write_{i}")
            since_read = self._age(m, self._read[i], _LONGEST_BURST, f"since_read_{i}")
            self._rule(m, active, ~is_open, f"ACTIVE: bank {i} is open")
            self._rule(m, active, since_precharge >= t.rp, f"tRP: ACTIVE of bank {i} too soon after PRECHARGE")
            self._rule(m, active, since_active >= t.rc, f"tRC: ACTIVE of bank {i} too soon after ACTIVE")
            self._rule(m, column & here, is_open, f"READ or WRITE: bank {i} is not open")
            self._rule(
                m, column & here, since_active >= t.rcd, f"tRCD: READ or WRITE of bank {i} too soon after ACTIVE"
            )
            closes = precharge & is_open
            self._rule(m, closes, since_active >= t.ras, f"tRAS: PRECHARGE of bank {i} too soon after ACTIVE")
            written = ~self._wrote[i] & (since_write >= t.wr)
            self._rule(m, closes, written, f"tWR: PRECHARGE of bank {i} too soon after its last word was written")
            self._rule(m, closes, since_read + self._cl > self._words, f"PRECHARGE of bank {i} cuts a read burst")
            overdue = is_open & (since_active == self._longest_open)
            self._rule(m, overdue, 0, f"tRAS: bank {i} has been open for more than 100 microseconds")
            with m.If(active):
                m.d.sync += [is_open.eq(1), row.eq(pins.a)]
            with m.If(precharge):
                m.d.sync += is_open.eq(0)
            self._open.append(is_open)
            self._row.append(row)
            self._since_precharge.append(since_precharge)

    def _start_rules(self, m: Module):
        """Power-up, and what must come before the first ACTIVE."""
        is_, t = self._is, self.cycles
        any_command = self._command != Command.NOP
        age = Signal(range(t.power_up + 1))
        precharged, refreshes = Signal(), Signal(range(3))
        with m.If(age != t.power_up):
            m.d.sync += age.eq(age + 1)
        with m.If(is_[Command.PRECHARGE] & self.pins.a[10]):
            m.d.sync += precharged.eq(1)
        with m.If(is_[Command.REFRESH] & (refreshes != 2)):
            m.d.sync += refreshes.eq(refreshes + 1)
        self._rule(m, any_command, age >= t.power_up, "a command too soon after power-up")
        self._rule(m, self.pins.cs, self.pins.cke, "a command while the clock is not enabled")
        first = any_command & ~precharged & ~(is_[Command.PRECHARGE] & self.pins.a[10])
        self._rule(m, first, 0, "the first command must precharge all banks")
        begun = self._moded & (refreshes == 2)
        self._rule(m, is_[Command.ACTIVE], begun, "ACTIVE before two REFRESHes and LOAD MODE")

    def _refresh_rules(self, m: Module):
        is_, t = self._is, self.cycles
        refresh, load = is_[Command.REFRESH], is_[Command.LOAD_MODE]
        since_refresh = self._age(m, refresh, t.rfc, "since_refresh")
        since_mode = self._age(m, load, t.mrd, "since_mode")
        rested = Cat(age >= t.rp for age in self._since_precharge).all()
        any_command = self._command != Command.NOP
        self._rule(m, any_command, since_refresh >= t.rfc, "tRFC: a command too soon after REFRESH")
        self._rule(m, any_command, since_mode >= t.mrd, "tMRD: a command too soon after LOAD MODE")
        self._rule(m, refresh | load, ~Cat(self._open).any(), "REFRESH or LOAD MODE while a bank is open")
        self._rule(m, refresh | load, rested, "tRP: REFRESH or LOAD MODE too soon after PRECHARGE")
        time, owed = Signal(range(t.refi)), Signal(range(_LATE + 2))
        due = time == t.refi - 1
        m.d.sync += time.eq(Mux(due | ~self._moded, 0, time + 1))
        with m.If(due & ~refresh):
            m.d.sync += owed.eq(owed + 1)
        with m.If(refresh & ~due & (owed != 0)):
            m.d.sync += owed.eq(owed - 1)
        self._rule(m, owed > _LATE, 0, "tREF: rows are not refreshed in time")

    def _bursts(self, m: Module):
        """Words in and out."""
        pins, is_ = self.pins, self._is
        begins = is_[Command.READ] | is_[Command.WRITE]
        left, writes = Signal(4), Signal()  # words of the burst still to come
        bank, base, step = Signal(2), Signal(self.chip.column_bits), Signal(3)
        m.d.sync += left.eq(Mux(begins, self._words - 1, left - (left != 0)))
        with m.If(begins):
            m.d.sync += [writes.eq(is_[Command.WRITE]), bank.eq(pins.ba), base.eq(pins.a), step.eq(1)]
        with m.Else():
            m.d.sync += step.eq(step + 1)
        self._rule(m, begins, left == 0, "READ or WRITE cuts the burst before it")

        writing = Mux(begins, is_[Command.WRITE], writes & (left != 0))
        reading = Mux(begins, is_[Command.READ], ~writes & (left != 0))
        at_bank = Mux(begins, pins.ba, bank)
        within = self._words - 1
        start = Mux(begins, pins.a[: len(base)], base)
        column = (start & ~within) | ((start + Mux(begins, 0, step)) & within)
        address = Cat(column[: len(base)], at_bank, Array(self._row)[at_bank])
        m.d.comb += [self._wrote.eq(writing << at_bank), self._read.eq(is_[Command.READ] << pins.ba)]

        write = self.storage.write_port(granularity=8)
        m.d.comb += [write.addr.eq(address), write.data.eq(pins.dq_o), write.en.eq(~pins.dqm & writing.replicate(2))]
        self._rule(m, writing, pins.dq_oe, "a written word is not driven")
        read = self.storage.read_port()
        m.d.comb += read.addr.eq(address)
        self._latency(m, reading, read.data)

    def _latency(self, m: Module, reading, word):
        """A word asked for in a cycle is on the wires CL cycles later; DQM hides it when high two cycles before."""
        pins = self.pins
        words = [word, *(Signal(16, name=f"word_{i}") for i in range(2, 4))]
        valid = [Signal(name=f"valid_{i}") for i in range(1, 5)]
        masks = [Signal(2, name=f"mask_{i}") for i in range(1, 3)]
        m.d.sync += [a.eq(b) for a, b in zip(words[1:], words, strict=False)]
        m.d.sync += [a.eq(b) for a, b in zip(valid, [reading, *valid], strict=False)]
        m.d.sync += [a.eq(b) for a, b in zip(masks, [pins.dqm, *masks], strict=False)]
        late = self._cl == 3
        is_out, was_out = Mux(late, valid[2], valid[1]), Mux(late, valid[3], valid[2])
        out = Mux(late, words[2], words[1])
        m.d.comb += pins.dq_i.eq(self._now)
        for byte in range(2):
            with m.If(is_out & ~masks[1][byte]):
                m.d.comb += pins.dq_i.word_select(byte, 8).eq(out.word_select(byte, 8))
        self._rule(m, pins.dq_oe, ~is_out & ~was_out, "both sides drive the data wires, or no cycle is between them")
