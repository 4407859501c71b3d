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

from amaranth.hdl import Cat, Module, Signal, signed, unsigned
from amaranth.lib import data, stream
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.timing.conv import PARAMETER_RING as RING
from ...arch.timing.conv import parameter_slack
from ..delay import delay
from ..memory.parameters import Record, Scale
from ..memory.ram import READ_LATENCY

__all__ = ["ParameterJob", "ParameterRing"]


class ParameterJob(data.Struct):
    """What a CONV command needs from the parameter memory: records of ``n_tiles`` tiles from ``address`` on."""

    address: unsigned(16)
    n_tiles: unsigned(16)


class ParameterRing(Component):
    """Prefetches records and keeps up to ``PARAMETER_RING`` n-tiles of them.

    Members
    -------
    job:
        One transfer per CONV command, in order.
    begun:
        Pulses when so much of an n-tile has been fetched that the rest will be in time for a tile that the
        feeder starts now; the feeder counts them.
    next_bias → bias:
        After a pulse, ``bias`` is the next n-tile's, two cycles later.
    next_scale → scale:
        The same for the lanes; it also frees the entry before.
    address, record:
        The parameter memory's port.
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
                "address": Out(range(config.parameter_records)),
                "record": In(Record),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config

        # Prefetcher: one record a cycle; starts an n-tile only when the ring has room for all of it.
        active = Signal()
        address = Signal(16)
        tiles = Signal(16)
        column = Signal(range(config.columns))
        slot, scale_slot = Signal(range(RING)), Signal(range(RING), init=RING - 1)
        room = Signal()
        fetch = Signal()
        m.d.comb += [
            room.eq(slot != scale_slot),
            fetch.eq(active & ((column != 0) | room)),
            self.job.ready.eq(~active),
        ]
        with m.If(self.job.valid & self.job.ready):
            m.d.sync += [active.eq(1), address.eq(self.job.payload.address), tiles.eq(self.job.payload.n_tiles)]
        with m.If(fetch):
            m.d.sync += [address.eq(address + 1), column.eq(column + 1)]
            with m.If(column == config.columns - 1):
                m.d.sync += [column.eq(0), slot.eq(slot + 1), tiles.eq(tiles - 1), active.eq(tiles != 1)]
        m.d.comb += self.address.eq(address)
        enough = max(0, config.columns - parameter_slack(config))
        m.d.comb += self.begun.eq(fetch & (column == min(enough, config.columns - 1)))

        # Ring: one small memory per column for the bias and one for the scale, each with its own pointer.
        write = delay(m, Cat(fetch, column, slot), READ_LATENCY, "write")
        write_fetch, write_column = write[0], write[1 : 1 + len(column)]
        write_slot = write[1 + len(column) :]
        bias_slot = Signal(range(RING), init=RING - 1)
        with m.If(self.next_bias):
            m.d.sync += bias_slot.eq(bias_slot + 1)
        with m.If(self.next_scale):
            m.d.sync += scale_slot.eq(scale_slot + 1)
        for c in range(config.columns):
            enable = Signal(name=f"enable_{c}")
            m.d.comb += enable.eq(write_fetch & (write_column == c))
            for name, value, pointer, out in (
                ("bias", self.record.bias, bias_slot, self.bias[c]),
                ("scale", self.record.scale.as_value(), scale_slot, self.scale[c].as_value()),
            ):
                m.submodules[f"{name}_{c}"] = ring = Memory(shape=unsigned(len(value)), depth=RING, init=[])
                write_port = ring.write_port()
                read_port = ring.read_port(domain="comb")
                m.d.comb += [
                    write_port.addr.eq(write_slot),
                    write_port.data.eq(value),
                    write_port.en.eq(enable),
                    read_port.addr.eq(pointer),
                ]
                m.d.sync += out.eq(read_port.data)
        return m
