# SPDX-License-Identifier: Apache-2.0
"""The ring that has the parameters of each n-tile ready when it needs them.

::

    parameter memory ──► prefetcher ──► ring of n-tiles × C columns (distributed RAM)
    (one record a cycle)                   │ bias            │ multiplier, exponent
                                           ▼                 ▼
                                     accumulators          lanes

The prefetcher runs ahead as far as the ring (:func:`celosia.arch.timing.conv.parameter_ring`) has room. The n-tile in
the accumulators and the one in the lanes differ while a tile is under way, so the ring has two read pointers. A ring
of one is a register for each value; it has room again when its n-tile is ``done``.
"""

from amaranth.hdl import Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.timing.conv import parameter_ring, record_latency, record_way, records_ahead
from ..delay import delay
from ..memory.parameters import Record, Scale
from ..memory.ram import UNDEFINED
from .jobs import ParameterJob, Widths

__all__ = ["ParameterRing"]


class ParameterRing(Component):
    """Prefetches records and keeps them until they are used.

    Members
    -------
    job:
        One transfer per command, in order.
    begun:
        Pulses when so much of an n-tile has been fetched that the rest will be in time for a tile that the
        feeder starts now; the feeder counts them.
    next_bias → bias:
        After a pulse, ``bias`` is the next n-tile's, two cycles later.
    next_scale → scale:
        The same for the lanes; it also frees the entry before.
    done:
        Pulses when all sums of an n-tile have left the lanes, or later.
    busy, read, address, record:
        The parameter memory's port; ``busy`` is high as long as there are records to be read.
    """

    def __init__(self, config: Config):
        self.config = config
        super().__init__(
            {
                "job": In(stream.Signature(ParameterJob)),
                "begun": Out(1),
                "next_bias": In(1),
                "bias": Out(data.ArrayLayout(signed(32), config.columns)),
                "next_scale": In(1),
                "scale": Out(data.ArrayLayout(Scale, config.columns)),
                "done": In(1),
                "busy": Out(1),
                "read": Out(1),
                "address": Out(range(config.parameter_records)),
                "record": In(Record),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config

        # Prefetcher: one record a cycle; starts an n-tile only when the ring has room for all of it.
        active, pairs = Signal(), Signal()
        address = Signal.like(self.address)
        tiles = Signal(Widths(config).n)
        column, last = Signal(range(config.columns)), Signal(range(config.columns))
        begins, ends = Signal(init=1), Signal()  # the n-tile's first column, its last
        slot = Signal(range(parameter_ring(config)))
        room = Signal(init=1)
        fetch, moves = Signal(), Signal()  # a record; the last of its n-tile
        job = self.job.payload
        m.d.comb += [
            fetch.eq(active & (~begins | room)),
            self.job.ready.eq(~active),
            moves.eq(fetch & ends),
            self.busy.eq(active),
            self.read.eq(fetch),
            self.address.eq(address),
        ]
        with m.If(~active):  # whether there is a job or not: so nothing but ``active`` waits to know
            m.d.sync += [
                active.eq(self.job.valid),
                address.eq(job.address),
                tiles.eq(job.n_tiles),
                pairs.eq(job.pairs),
                last.eq(Mux(job.pairs, config.down_channels - 1, config.columns - 1)),
                ends.eq(job.pairs & (config.down_channels == 1)),
            ]
        with m.If(fetch):
            m.d.sync += [address.eq(address + 1), column.eq(column + 1), begins.eq(ends), ends.eq(column + 1 == last)]
            with m.If(moves):
                m.d.sync += [
                    ends.eq(last == 0),
                    column.eq(0),
                    slot.eq(slot + 1),
                    tiles.eq(tiles - 1),
                    active.eq(tiles != 1),
                ]
        m.d.comb += self.begun.eq(fetch & (column == Mux(pairs, 0, records_ahead(config))))

        written = data.StructLayout({"fetch": 1, "pairs": 1, "column": column.shape(), "slot": slot.shape()})
        fetched = Signal(written)
        m.d.comb += [fetched.fetch.eq(fetch), fetched.pairs.eq(pairs), fetched.column.eq(column), fetched.slot.eq(slot)]
        way = record_way(config)
        record = delay(m, self.record, way, "record", reset_less=True)
        late = min(way, 1)  # whose record it is, is known before its last step
        early = delay(m, fetched, record_latency(config) + way - late, "write")
        write_slot = delay(m, early.slot, late, "write_slot", reset_less=True)
        enables = [
            delay(m, early.fetch & (early.column == Mux(early.pairs, c // 2, c)), late, f"enable_{c}")
            for c in range(config.columns)
        ]
        if parameter_ring(config) == 1:
            self._registers(m, record, enables, fetch, room)
        else:
            self._ring(m, record, enables, write_slot, Mux(moves, slot + 1, slot)[: len(slot)], room)
        return m

    def _registers(self, m: Module, record: data.View, enables: list[Value], fetch: Signal, room: Signal):
        """A ring of one."""
        free = Signal(init=1)
        m.d.comb += room.eq(free)
        m.d.sync += free.eq((free | self.done) & ~fetch)
        for c, enable in enumerate(enables):
            for value, out in ((record.bias, self.bias[c]), (record.scale, self.scale[c])):
                with m.If(enable):
                    m.d.sync += out.eq(value)

    def _ring(
        self,
        m: Module,
        record: data.View,
        enables: list[Value],
        write_slot: Value,
        next_slot: Value,
        room: Signal,
    ):
        """One small memory per column for the bias and one for the scale, each with its own pointer."""
        depth = parameter_ring(self.config)
        bias_slot, scale_slot = Signal(range(depth), init=depth - 1), Signal(range(depth), init=depth - 1)
        used = Signal.like(scale_slot)  # on the way to the prefetcher, which lies elsewhere
        m.d.sync += [used.eq(scale_slot), room.eq(next_slot != used)]
        for next_one, pointer in ((self.next_bias, bias_slot), (self.next_scale, scale_slot)):
            with m.If(next_one):
                m.d.sync += pointer.eq(pointer + 1)
        moved = {
            "bias": delay(m, self.next_bias, 1, "moved_bias"),
            "scale": delay(m, self.next_scale, 1, "moved_scale"),
        }
        for c, enable in enumerate(enables):
            for name, value, pointer, out in (
                ("bias", record.bias, bias_slot, self.bias[c]),
                ("scale", record.scale.as_value(), scale_slot, self.scale[c].as_value()),
            ):
                m.submodules[f"{name}_{c}"] = ring = Memory(shape=unsigned(len(value)), depth=depth, init=[])
                write_port = ring.write_port()
                read_port = ring.read_port(domain="comb")
                m.d.comb += [
                    write_port.addr.eq(write_slot),
                    write_port.data.eq(value),
                    write_port.en.eq(enable),
                    read_port.addr.eq(pointer),
                ]
                entry = Signal(len(value), name=f"{name}_entry_{c}", reset_less=True, attrs=UNDEFINED)
                with m.If(moved[name]):
                    m.d.sync += entry.eq(read_port.data)
                m.d.comb += out.eq(entry)
