# SPDX-License-Identifier: Apache-2.0
"""The smallest design with a core's ports: registers, one window, and a copier from memory to memory."""

from amaranth.hdl import Assert, Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from celosia.arch.config import Config
from celosia.arch.isa import Engine, Space
from celosia.arch.registers import IDENTITY, Control, Register, Status, control_address_bits, window
from celosia.gateware.interfaces import AXI4, AXI4Lite

__all__ = ["BREAK", "BURST", "RAM_BYTES", "Copier", "core_ports", "small", "start_copy"]

BURST = 8
"""Beats of each of the copier's bursts."""

RAM_BYTES = 4096
"""Size of the window's memory."""

BREAK = 0x50
"""A register that breaks a rule for one cycle on purpose: 1 fails an assertion, 2 asserts arvalid for one cycle,
3 sends wlast early, 4 asks for a burst over a 4 KiB boundary, 5 answers a read that nobody asked for."""


def small(bus_bits: int = 64) -> Config:
    """A small configuration; only its bus matters here."""
    return Config(
        name="small", rows=4, columns=4, lanes=4, weight_bytes=RAM_BYTES, activation_bytes=1 << 10,
        parameter_records=4, program_commands=2, bus_bits=bus_bits,
    )  # fmt: skip


def core_ports(config):
    """The members of a core."""
    return {
        "control": In(AXI4Lite(control_address_bits(config))),
        "memory": Out(AXI4(config.address_bits, config.bus_bits)),
        "interrupt": Out(1),
        "trace_started": Out(4),
        "trace_finished": Out(4),
    }


def start_copy(transport, source: int, destination: int, size: int):
    """Have a :class:`Copier` begin, its interrupt enabled."""
    transport.write(Register.START, source)
    transport.write(Register.EXTERNAL_BASE, destination)
    transport.write(Register.EXTERNAL_SIZE, size)
    transport.write(Register.INTERRUPT, 3)
    transport.write(Register.CONTROL, Control.START)


class Copier(wiring.Component):
    """Copies EXTERNAL_SIZE bytes from START to EXTERNAL_BASE when CONTROL is written with bit 0 set.

    Sizes are multiples of a burst. INTERRUPT: bit 0 enables, bit 1 is pending, cleared by writing 1.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(core_ports(config))

    def elaborate(self, platform):
        m = Module()
        self.source, self.destination, self.size = Signal(32), Signal(32), Signal(32)
        self.status, self.enable, self.pending = Signal(4), Signal(), Signal()
        self.start, self.broken = Signal(), Signal(8)
        m.d.comb += self.interrupt.eq(self.enable & self.pending)
        m.submodules.ram = self.ram = Memory(shape=32, depth=RAM_BYTES // 4, init=[])
        self.elaborate_writes(m)
        self.elaborate_reads(m)
        self.elaborate_copy(m)
        self.elaborate_breakage(m)
        return m

    def elaborate_writes(self, m):
        """Address and data are taken together, one write a cycle."""
        bus, base = self.control, window(self.config, Space.WEIGHTS)
        ram, accept = self.ram.write_port(granularity=8), Signal()
        m.d.comb += [
            accept.eq(bus.awvalid & bus.wvalid & (~bus.bvalid | bus.bready)),
            bus.awready.eq(accept),
            bus.wready.eq(accept),
            ram.addr.eq(bus.awaddr[2:]),
            ram.data.eq(bus.wdata),
        ]
        m.d.sync += [self.start.eq(0), self.broken.eq(0)]
        with m.If(bus.bready):
            m.d.sync += bus.bvalid.eq(0)
        with m.If(accept):
            m.d.sync += [bus.bvalid.eq(1), bus.bresp.eq(0)]
            with m.If(bus.awaddr >= base + RAM_BYTES):
                m.d.sync += bus.bresp.eq(2)
            with m.Elif(bus.awaddr >= base):
                m.d.comb += ram.en.eq(bus.wstrb)
            with m.Else():
                with m.Switch(bus.awaddr):
                    with m.Case(Register.CONTROL):
                        m.d.sync += self.start.eq(bus.wdata[0])
                    with m.Case(Register.INTERRUPT):
                        m.d.sync += [self.enable.eq(bus.wdata[0]), self.pending.eq(self.pending & ~bus.wdata[1])]
                    with m.Case(Register.START):
                        m.d.sync += self.source.eq(bus.wdata)
                    with m.Case(Register.EXTERNAL_BASE):
                        m.d.sync += self.destination.eq(bus.wdata)
                    with m.Case(Register.EXTERNAL_SIZE):
                        m.d.sync += self.size.eq(bus.wdata)
                    with m.Case(BREAK):
                        m.d.sync += self.broken.eq(bus.wdata)

    def elaborate_reads(self, m):
        """One read a cycle, answered in the next."""
        bus, base = self.control, window(self.config, Space.WEIGHTS)
        ram, value, from_ram = self.ram.read_port(), Signal(32), Signal()
        m.d.comb += [
            bus.arready.eq(~bus.rvalid | bus.rready),
            ram.addr.eq(bus.araddr[2:]),
            ram.en.eq(bus.arready),
            bus.rdata.eq(ram.data),
        ]
        with m.If(~from_ram):
            m.d.comb += bus.rdata.eq(value)
        with m.If(bus.arready):
            m.d.sync += [bus.rvalid.eq(bus.arvalid | (self.broken == 5)), from_ram.eq(bus.araddr >= base), value.eq(0)]
            m.d.sync += bus.rresp.eq((bus.araddr >= base + RAM_BYTES) << 1)
            with m.Switch(bus.araddr):
                with m.Case(Register.ID):
                    m.d.sync += value.eq(IDENTITY)
                with m.Case(Register.STATUS):
                    m.d.sync += value.eq(self.status)
                with m.Case(Register.INTERRUPT):
                    m.d.sync += value.eq(Cat(self.enable, self.pending))

    def elaborate_copy(self, m):
        """Reader and writer, with a queue between them."""
        memory, bus_bytes = self.memory, self.config.bus_bytes
        m.submodules.queue = queue = SyncFIFOBuffered(width=self.config.bus_bits, depth=4 * BURST)
        beats, to_ask, to_send, to_write, answers = (Signal(16) for _ in range(5))
        room = Signal(range(4 * BURST + 1), init=4 * BURST)
        failed, running, beat_in, beat_out = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            beat_in.eq(memory.rvalid & memory.rready),
            beat_out.eq(memory.wvalid & memory.wready),
            beats.eq(self.size // bus_bytes),
            memory.rready.eq(1),
            memory.bready.eq(1),
            queue.w_en.eq(beat_in),
            queue.w_data.eq(memory.rdata),
            queue.r_en.eq(beat_out),
            memory.arvalid.eq((to_ask != 0) & (room >= BURST)),
            memory.awvalid.eq(to_send != 0),
            memory.wvalid.eq(queue.r_rdy & (to_write > to_send)),  # data follow their address
            memory.wdata.eq(queue.r_data),
            memory.wstrb.eq(-1),
            memory.wlast.eq((to_write - 1) % BURST == 0),
        ]
        for channel, count, base in (("ar", to_ask, self.source), ("aw", to_send, self.destination)):
            m.d.comb += [
                getattr(memory, f"{channel}len").eq(BURST - 1),
                getattr(memory, f"{channel}size").eq((bus_bytes - 1).bit_length()),
                getattr(memory, f"{channel}burst").eq(1),
                getattr(memory, f"{channel}addr").eq(base + (beats - count) * bus_bytes),
            ]
            with m.If(getattr(memory, f"{channel}valid") & getattr(memory, f"{channel}ready")):
                m.d.sync += count.eq(count - BURST)
        m.d.sync += room.eq(room - (memory.arvalid & memory.arready) * BURST + beat_out)
        with m.If(beat_out):
            m.d.sync += to_write.eq(to_write - 1)
        with m.If(memory.bvalid):
            m.d.sync += answers.eq(answers - 1)
        with m.If((beat_in & (memory.rresp != 0)) | (memory.bvalid & (memory.bresp != 0))):
            m.d.sync += failed.eq(1)
        with m.If(self.start):
            m.d.sync += [count.eq(beats) for count in (to_ask, to_send, to_write)]
            m.d.sync += [answers.eq(beats // BURST), running.eq(1), failed.eq(0), self.status.eq(Status.RUNNING)]
            m.d.comb += self.trace_started.eq(1 << Engine.LOAD)
        with m.If(running & (answers == 0)):
            m.d.sync += [running.eq(0), self.pending.eq(1), self.status.eq(Status.DONE)]
            m.d.comb += self.trace_finished.eq(1 << Engine.LOAD)
            with m.If(failed):
                m.d.sync += self.status.eq(Status.ERROR)

    def elaborate_breakage(self, m):
        """What a core must never do."""
        memory = self.memory
        m.d.sync += Assert(self.broken != 1, "broken as asked")
        with m.Switch(self.broken):
            with m.Case(2):
                m.d.comb += memory.arvalid.eq(1)
            with m.Case(3):
                m.d.comb += [memory.awvalid.eq(1), memory.awlen.eq(3), memory.wvalid.eq(1), memory.wlast.eq(1)]
            with m.Case(4):
                m.d.comb += [memory.arvalid.eq(1), memory.araddr.eq(0xFF8), memory.arlen.eq(1)]
