# SPDX-License-Identifier: Apache-2.0
"""A controller for a 16-bit SDR SDRAM behind AXI4.

::

            AR ─► segments ─┐                       ┌─► rows ────────┐ ACTIVE, PRECHARGE, REFRESH, LOAD MODE
    AXI4                    ├─► select ─► access ───┤   │ row open   ├─► pins
            AW ─► segments ─┘     ▲                 └─► columns ─────┤ READ, WRITE
            W  ─► write data ─────┴── data are there, room is there  │
            R  ◄─ read data  ◄───────────────────────────────────────┘
            B  ◄─ responses  ◄─ select
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import Component, In, Out, connect

from ...arch.config import Config
from ..interfaces import AXI4
from ..queue import Queue
from .chip import Chip, ChipError
from .columns import Columns
from .data_path import ReadData, WriteData
from .pins import Command, SdramPins
from .rows import Rows
from .segments import Mapping, Segments
from .select import Select

__all__ = ["Sdram"]

_RESPONSES = 4


class Sdram(Component):
    """External memory on AXI4: one beat is one column command of the chip, bursts follow each other without gaps.

    Rows stay open; the next segment's row is opened while the columns of the one before are under way, in another
    bank where addresses go on. Refreshes wait for gaps, up to four of them, then they come first. Nothing of a burst
    is begun before its data (up to 8 beats) are in the controller, or have room in it.

    INCR bursts of whole beats, up to 256 of them and not over 4 KiB, are served; others are answered SLVERR, those
    outside the chip DECERR. Reads and writes of one direction stay in order, and so do all answers, whatever their
    ID. Exclusive accesses are answered OKAY.

    A write is answered when its data are here, up to some 70 cycles before they are in the chip; the order that
    accesses are served in makes it visible to every later read.

    **Clock and capture.** The chip's clock is the board's to make: the frequency of ``sync``, and late by 0.5
    (inverted) to 0.75 of a period; pins change at ``sync``'s edge, so the chip takes them in their middle. In this
    phase the first word of a READ is sampled CL + 1 edges after the edge that put READ on the pins;
    :meth:`.Chip.capture_margins` tells setup and hold.

    Parameters
    ----------
    config:
        The core's, for the widths of the bus.
    chip:
        The chip.
    clock_hz:
        Frequency of ``sync``.
    io_cycles:
        Cycles that registers at the board's pads add, on the way out and back together: 2 for input and output
        registers in the pads.

    Members
    -------
    bus:
        AXI4, as its target.
    pins:
        The chip.

    Raises
    ------
    ChipError
        When the chip cannot be used with this clock, or a parameter is out of its bounds.
    """

    bus: "AXI4"
    pins: "SdramPins"

    def __init__(self, config: Config, chip: Chip, *, clock_hz: float, io_cycles: int = 0):
        if not 0 <= io_cycles <= 4:
            raise ChipError(f"io_cycles must be 0 to 4, not {io_cycles!r}")
        self.config, self.chip, self.io_cycles = config, chip, io_cycles
        self.cycles = chip.cycles(clock_hz)
        self.mapping = Mapping(config, chip)
        super().__init__({"bus": In(AXI4(config.address_bits, config.bus_bits)), "pins": Out(SdramPins())})

    def elaborate(self, platform):
        m = Module()
        mapping, cycles = self.mapping, self.cycles
        m.submodules.reads = reads = Segments(mapping)
        m.submodules.writes = writes = Segments(mapping)
        m.submodules.select = select = Select(mapping)
        m.submodules.rows = rows = Rows(mapping, cycles)
        # The chip's last word, one cycle for it to leave the wires, one for the FPGA's own delays.
        m.submodules.columns = columns = Columns(mapping, turn=cycles.cl + mapping.words + 2)
        m.submodules.write_data = write_data = WriteData(mapping)
        # From issue: pins, the chip's latency and its phase.
        m.submodules.read_data = read_data = ReadData(mapping, latency=1 + cycles.cl + self.io_cycles)
        connect(m, reads.o, select.reads)
        connect(m, writes.o, select.writes)
        connect(m, select.o, rows.i)
        connect(m, rows.o, columns.i)
        self._addresses(m, reads, writes)
        self._write_side(m, select, write_data)
        self._read_side(m, select, read_data)
        served = columns.issue & ~columns.refused
        m.d.comb += [
            rows.slot.eq(~columns.issue), rows.accessed.eq(served),
            rows.columns_busy.eq(columns.busy), rows.columns_bank.eq(columns.bank),
            write_data.pop.eq(columns.issue & columns.write),
            read_data.issue.eq(columns.issue & ~columns.write), read_data.last.eq(columns.last),
            read_data.id.eq(columns.id), read_data.response.eq(columns.response),
        ]  # fmt: skip
        self._drive(m, rows, columns, write_data, served)
        return m

    def _addresses(self, m: Module, reads: Segments, writes: Segments):
        for name, segments in (("ar", reads), ("aw", writes)):
            channel = segments.i.payload
            fields = {"id": channel.id, "addr": channel.address, "len": channel.length}
            fields |= {"size": channel.size, "burst": channel.burst, "valid": segments.i.valid}
            m.d.comb += [value.eq(getattr(self.bus, name + field)) for field, value in fields.items()]
            m.d.comb += getattr(self.bus, f"{name}ready").eq(segments.i.ready)

    def _write_side(self, m: Module, select: Select, write_data: WriteData):
        """Beats, and responses: one is due when the last segment of a burst has been selected."""
        bus, chosen = self.bus, select.writes.payload
        shape = data.StructLayout({"id": 1, "response": 2})
        m.submodules.responses = responses = Queue(shape, _RESPONSES)
        left, responded = Signal(range(_RESPONSES + 1), init=_RESPONSES), Signal()
        m.d.comb += [
            write_data.i.valid.eq(bus.wvalid), bus.wready.eq(write_data.i.ready),
            write_data.i.payload.data.eq(bus.wdata), write_data.i.payload.strobe.eq(bus.wstrb),
            write_data.count.eq(chosen.count), write_data.claim.eq(select.writes.ready),
            select.write_room.eq(write_data.room & (left != 0)),
            responses.push.eq(responded), responses.pop.eq(responses.some & (~bus.bvalid | bus.bready)),
        ]  # fmt: skip
        m.d.sync += [
            responded.eq(select.writes.ready & chosen.last), responses.i.id.eq(chosen.id),
            responses.i.response.eq(chosen.response), left.eq(left + responses.pop - responded),
        ]  # fmt: skip
        with m.If(~bus.bvalid | bus.bready):
            m.d.sync += [
                bus.bvalid.eq(responses.some),
                bus.bid.eq(responses.o.id),
                bus.bresp.eq(responses.o.response),
            ]

    def _read_side(self, m: Module, select: Select, read_data: ReadData):
        bus, o = self.bus, read_data.o
        m.d.comb += [
            read_data.dq.eq(self.pins.dq_i),
            read_data.count.eq(select.reads.payload.count), read_data.claim.eq(select.reads.ready),
            select.read_room.eq(read_data.room),
            bus.rvalid.eq(o.valid), o.ready.eq(bus.rready), bus.rdata.eq(o.payload.data),
            bus.rlast.eq(o.payload.last), bus.rid.eq(o.payload.id), bus.rresp.eq(o.payload.response),
        ]  # fmt: skip

    def _drive(self, m: Module, rows: Rows, columns: Columns, write_data: WriteData, served):
        """The registers at the pins."""
        pins, command = self.pins, Signal(Command)
        m.d.comb += command.eq(rows.command)
        with m.If(served):
            m.d.comb += command.eq(Mux(columns.write, Command.WRITE, Command.READ))
        m.d.sync += [
            pins.cke.eq(1),
            pins.cs.eq(command != Command.NOP),
            pins.we.eq(command.as_value()[0]),
            pins.cas.eq(command.as_value()[1]),
            pins.ras.eq(command.as_value()[2]),
            pins.ba.eq(Mux(columns.issue, columns.bank, rows.bank)),
            pins.a.eq(Mux(columns.issue, columns.column, rows.address)),
            pins.dq_oe.eq(columns.busy & columns.write & ~columns.refused),
        ]
        m.d.comb += [
            pins.dq_o.eq(write_data.dq),
            pins.dqm.eq(write_data.mask),
            write_data.asleep.eq(rows.asleep),
        ]
