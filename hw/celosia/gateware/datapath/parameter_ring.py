# SPDX-License-Identifier: Apache-2.0
"""The ring that has the parameters of each n-tile ready when it needs them.

::

    parameter memory ──► prefetcher ──► ring of RING n-tiles × C columns (distributed RAM)
    (one record a cycle)                   │ bias            │ multiplier, exponent
                                           ▼                 ▼
                                     accumulators          lanes

The prefetcher runs ahead as far as the ring has room. The n-tile in the accumulators and the one in the lanes
differ while a tile is under way, so the ring has two read pointers.
"""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.timing.conv import PARAMETER_RING as RING
from ...arch.timing.conv import records_ahead
from ..delay import delay
from ..memory.parameters import RECORD_LATENCY, Record, Scale
from .jobs import ParameterJob

__all__ = ["ParameterRing"]


class ParameterRing(Component):
    """Prefetches records and keeps up to ``PARAMETER_RING`` n-tiles of them.

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
        address = Signal(16)
        tiles = Signal(16)
        column, last = Signal(range(config.columns)), Signal(range(config.columns))
        begins, ends = Signal(init=1), Signal()  # the n-tile's first column, its last
        slot, scale_slot = Signal(range(RING)), Signal(range(RING), init=RING - 1)
        room = Signal()
        fetch = Signal()
        job = self.job.payload
        m.d.comb += [
            room.eq(slot != scale_slot),
            fetch.eq(active & (~begins | room)),
            self.job.ready.eq(~active),
            self.busy.eq(active),
            self.read.eq(fetch),
            self.address.eq(address),
        ]
        with m.If(self.job.valid & self.job.ready):
            m.d.sync += [
                active.eq(1),
                address.eq(job.address),
                tiles.eq(job.n_tiles),
                pairs.eq(job.pairs),
                last.eq(Mux(job.pairs, config.down_channels - 1, config.columns - 1)),
                ends.eq(job.pairs & (config.down_channels == 1)),
            ]
        with m.If(fetch):
            m.d.sync += [address.eq(address + 1), column.eq(column + 1), begins.eq(ends), ends.eq(column + 1 == last)]
            with m.If(ends):
                m.d.sync += [
                    ends.eq(last == 0),
                    column.eq(0),
                    slot.eq(slot + 1),
                    tiles.eq(tiles - 1),
                    active.eq(tiles != 1),
                ]
        m.d.comb += self.begun.eq(fetch & (column == Mux(pairs, 0, records_ahead(config))))

        # Ring: one small memory per column for the bias and one for the scale, each with its own pointer.
        written = data.StructLayout({"fetch": 1, "pairs": 1, "column": column.shape(), "slot": slot.shape()})
        fetched = Signal(written)
        m.d.comb += [fetched.fetch.eq(fetch), fetched.pairs.eq(pairs), fetched.column.eq(column), fetched.slot.eq(slot)]
        write = delay(m, fetched, RECORD_LATENCY, "write")
        bias_slot = Signal(range(RING), init=RING - 1)
        with m.If(self.next_bias):
            m.d.sync += bias_slot.eq(bias_slot + 1)
        with m.If(self.next_scale):
            m.d.sync += scale_slot.eq(scale_slot + 1)
        moved = {
            "bias": delay(m, self.next_bias, 1, "moved_bias"),
            "scale": delay(m, self.next_scale, 1, "moved_scale"),
        }
        for c in range(config.columns):
            enable = Signal(name=f"enable_{c}")
            m.d.comb += enable.eq(write.fetch & (write.column == Mux(write.pairs, c // 2, c)))
            for name, value, pointer, out in (
                ("bias", self.record.bias, bias_slot, self.bias[c]),
                ("scale", self.record.scale.as_value(), scale_slot, self.scale[c].as_value()),
            ):
                m.submodules[f"{name}_{c}"] = ring = Memory(shape=unsigned(len(value)), depth=RING, init=[])
                write_port = ring.write_port()
                read_port = ring.read_port(domain="comb")
                m.d.comb += [
                    write_port.addr.eq(write.slot),
                    write_port.data.eq(value),
                    write_port.en.eq(enable),
                    read_port.addr.eq(pointer),
                ]
                entry = Signal(len(value), name=f"{name}_entry_{c}", reset_less=True)
                with m.If(moved[name]):
                    m.d.sync += entry.eq(read_port.data)
                m.d.comb += out.eq(entry)
        return m
