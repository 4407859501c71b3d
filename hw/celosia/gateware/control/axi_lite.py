# SPDX-License-Identifier: Apache-2.0
"""The control bus's target: registers, and windows onto the local memories."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.isa import ErrorCause, Space
from ...arch.registers import IDENTITY, Control, Register, control_address_bits, space_bytes, stored, window_bits
from ...arch.version import VERSION
from ..interfaces import AXI4Lite, LocalBus
from .counters import Counts

__all__ = ["ControlBus"]

_STORED = {
    Register.START: "start_index",
    Register.TIMEOUT: "timeout",
    Register.EXTERNAL_BASE: "external_base",
    Register.EXTERNAL_SIZE: "external_size",
}
"""Registers that just keep what is written, and the members that show it."""

_REGISTER_BITS = (max(Register) + 4 - 1).bit_length()
"""Address bits inside the registers."""


class ControlBus(Component):
    """Registers as in :class:`celosia.arch.registers.Register`, one transaction at a time.

    ::

        AW ─► address ─┐
        W  ─► word ────┼─► which ─► register, or one beat on local ─► B
        AR ─► address ─┘  (in turn)                                └► R

    A write takes two cycles where nothing is in its way, the response included three; a read of a register
    four, of a memory three and as long as the local bus takes. Everywhere else reads give 0, writes
    do nothing; every response is OKAY. What is written to CONTROL acts in the order RESET, START. A
    reset clears the pending interrupt as well.

    Members
    -------
    bus:
        The control bus.
    local:
        The local memories.
    start, reset:
        Pulses on writes of CONTROL.
    start_index, timeout, external_base, external_size:
        Registers of these names.
    status, cause, index, counts:
        What STATUS, ERROR and the counters show.
    stopped:
        A pulse makes the interrupt pending.
    interrupt:
        High while the interrupt is enabled and pending.
    """

    bus: "AXI4Lite"
    local: "LocalBus"
    start: Signal
    reset: Signal
    start_index: Signal
    timeout: Signal
    external_base: Signal
    external_size: Signal
    status: Signal
    cause: "data.View"
    index: Signal
    counts: "data.View"
    stopped: Signal
    interrupt: Signal

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "bus": In(AXI4Lite(control_address_bits(config))),
                "local": Out(LocalBus(config)),
                "start": Out(1),
                "reset": Out(1),
                **{name: Out(32) for name in _STORED.values()},
                "status": In(4),
                "cause": In(ErrorCause),
                "index": In(16),
                "counts": In(Counts),
                "stopped": In(1),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus = self.bus
        write, read = _Address(self.config, "write"), _Address(self.config, "read")
        word_valid, word, strobe = Signal(), Signal(32), Signal(4)
        m.d.comb += [bus.awready.eq(~write.valid), bus.wready.eq(~word_valid), bus.arready.eq(~read.valid)]
        write.accept(m, bus.awvalid & bus.awready, bus.awaddr)
        read.accept(m, bus.arvalid & bus.arready, bus.araddr)
        with m.If(bus.wvalid & bus.wready):
            m.d.sync += [word_valid.eq(1), word.eq(bus.wdata), strobe.eq(bus.wstrb)]

        # Whose turn: the other kind's when both could go on. It lasts until the access is made, and is decided while
        # the last part of what it takes arrives: much waits for it.
        read_next, asked, writing, reading = Signal(), Signal(), Signal(), Signal()
        may_write = (write.valid | bus.awvalid) & (word_valid | bus.wvalid) & (~bus.bvalid | bus.bready)
        may_read = (read.valid | bus.arvalid) & (~bus.rvalid | bus.rready)
        wrote, answered, looked_up = Signal(), Signal(), Signal()
        with m.If(~writing & ~reading):
            m.d.sync += [
                writing.eq(may_write & ~(may_read & read_next)),
                reading.eq(may_read & ~(may_write & ~read_next)),
            ]
        with m.If(wrote | answered):
            m.d.sync += [writing.eq(0), reading.eq(0)]
        self._local(m, write, read, Cat(writing, reading), word, strobe, asked)
        m.d.comb += [
            wrote.eq(writing & (~write.local | self.local.request.ready)),
            answered.eq(reading & Mux(read.local, self.local.valid, looked_up)),
        ]
        m.d.sync += looked_up.eq(reading & ~answered)
        value = self._value(m, read)
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(bus.rready):
            m.d.sync += bus.rvalid.eq(0)
        with m.If(wrote):
            m.d.sync += [bus.bvalid.eq(1), write.valid.eq(0), word_valid.eq(0), read_next.eq(1)]
        with m.If(answered):
            half = self.local.data.word_select(read.half, 32) if self.config.bus_bytes > 4 else self.local.data
            m.d.sync += [
                bus.rvalid.eq(1),
                bus.rdata.eq(Mux(read.local, half, value)),
                read.valid.eq(0),
                read_next.eq(0),
            ]
        self._write_register(m, write, wrote, word, strobe)
        return m

    def _local(self, m: Module, write: "_Address", read: "_Address", turn, word, strobe, asked):
        """The access of a memory: offered until taken; ``asked`` while a read waits for its answer."""
        bus_bytes = self.config.bus_bytes
        request, local = self.local.request, self.local
        writing, reading = turn[0] & write.local, turn[1] & read.local
        low = (bus_bytes - 1).bit_length()
        address = Mux(writing, write.offset, read.offset)
        m.d.comb += [
            request.valid.eq(writing | (reading & ~asked)),
            request.payload.write.eq(writing),
            request.payload.space.eq(Space(Mux(writing, write.space, read.space))),
            request.payload.address[low:].eq(address[low:]),
            request.payload.data.eq(word.replicate(bus_bytes // 4)),
            request.payload.strobe.eq(strobe << (write.half * 4)),
        ]
        with m.If(request.valid & request.ready & reading):
            m.d.sync += asked.eq(1)
        with m.If(local.valid):
            m.d.sync += asked.eq(0)

    def _stored(self) -> dict[Register, str]:
        """Those that this core has; the others read 0."""
        return {register: _STORED[register] for register in stored(self.config)}

    def _value(self, m: Module, read: "_Address"):
        """What a register reads, a cycle after its address."""
        counts, pending = self.counts, Signal()
        self._pending, self._enabled = pending, Signal()
        shown = {
            Register.ID: Const(IDENTITY, 32),
            Register.VERSION: Const(VERSION[0] << 16 | VERSION[1], 32),
            Register.HASH_LOW: Const(self.config.hash & 0xFFFF_FFFF, 32),
            Register.HASH_HIGH: Const(self.config.hash >> 32, 32),
            Register.STATUS: self.status,
            Register.ERROR: Cat(self.cause.as_value(), Const(0, 8), self.index),
            Register.INTERRUPT: Cat(self._enabled, pending),
            **{register: getattr(self, name) for register, name in self._stored().items()},
        }
        for place in range(len(counts.as_value()) // 32):
            shown[Register(Register.CYCLES_LOW + 4 * place)] = counts.as_value().word_select(place, 32)
        # Every fourth word chooses by itself, and what is not asked for is 0: a wide choice is slow.
        parts = [Signal(32, name=f"value_{place}") for place in range(4)]
        for place, value in enumerate(parts):
            m.d.sync += value.eq(0)
            with m.If(read.register & (read.offset[2:4] == place)):
                with m.Switch(read.offset[4:_REGISTER_BITS]):
                    for register, content in shown.items():
                        if register >> 2 & 3 == place:
                            with m.Case(register >> 4):
                                m.d.sync += value.eq(content)
        return parts[0] | parts[1] | parts[2] | parts[3]

    def _write_register(self, m: Module, write: "_Address", wrote, word, strobe):
        """What writing a register does, a cycle after its turn, and the interrupt."""
        m.d.sync += [self.start.eq(0), self.reset.eq(0)]
        apply = Signal()
        m.d.sync += apply.eq(wrote & write.register)
        pending, enabled = self._pending, self._enabled
        with m.If(self.stopped):
            m.d.sync += pending.eq(1)
        with m.If(apply):
            with m.Switch(write.offset[2:_REGISTER_BITS]):
                with m.Case(Register.CONTROL >> 2):
                    with m.If(strobe[0]):
                        m.d.sync += [
                            self.start.eq((word & int(Control.START)).any()),
                            self.reset.eq((word & int(Control.RESET)).any()),
                        ]
                with m.Case(Register.INTERRUPT >> 2):
                    with m.If(strobe[0]):
                        m.d.sync += [enabled.eq(word[0]), pending.eq((pending & ~word[1]) | self.stopped)]
                for register, name in self._stored().items():
                    with m.Case(register >> 2):
                        for i in range(4):
                            with m.If(strobe[i]):
                                m.d.sync += getattr(self, name).word_select(i, 8).eq(word.word_select(i, 8))
        with m.If(self.reset):
            m.d.sync += pending.eq(0)
        m.d.comb += self.interrupt.eq(enabled & pending)


class _Address:
    """An accepted address and what it means: a register, a beat of a memory, or neither."""

    def __init__(self, config: Config, name: str):
        self.config = config
        self.valid = Signal(name=f"{name}_valid")
        self.local, self.register = Signal(name=f"{name}_local"), Signal(name=f"{name}_register")
        self.space = Signal(2, name=f"{name}_space")
        self.offset = Signal(window_bits(config), name=f"{name}_offset")
        self.half = self.offset[2:3] if config.bus_bytes > 4 else Const(0, 1)

    def accept(self, m: Module, taken, address):
        """Decode ``address`` into registers when ``taken``."""
        bits = window_bits(self.config)
        window, offset = address[bits:], address[:bits]
        inside = [(window == 1 + space.value) & (offset < space_bytes(self.config, space)) for space in Space]
        with m.If(taken):
            m.d.sync += [
                self.valid.eq(1),
                self.local.eq(Cat(inside).any()),
                self.register.eq(address[_REGISTER_BITS:] == 0),
                self.space.eq(window - 1),
                self.offset.eq(offset),
            ]
