# SPDX-License-Identifier: Apache-2.0
"""The local bus between those who use it (control windows, LOAD, STORE) and the local memories.

::

    window ──►┐                                        ┌──► weights
    load ────►┼─ LocalArbiter ─► buffer ─► LocalSplit ─┼──► activations
    store ───►┘      ▲                        │        ├──► parameters
       ▲             └── who reads (FIFO)     │        └──► program
       └───── registered ◄────────────────────┘ read data, in order
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, fifo
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ...arch.isa import Space
from ..interfaces import LocalBus, local_request
from .buffer import StreamBuffer

__all__ = ["READS", "LocalArbiter", "LocalSplit"]

READS = 16
"""Reads the arbiter lets be under way at once; more than the longest latency behind it."""

_WINDOW, _LOAD, _STORE = range(3)


class LocalArbiter(Component):
    """Lets three initiators share the bus: the window first, LOAD and STORE in turn.

    One request a cycle passes; a request leaves one cycle after it was taken, and read data arrive one cycle
    after ``memories.valid``. A window asks at most every other cycle, so nobody starves.

    Members
    -------
    window, load, store:
        The initiators.
    memories:
        The bus they share.
    load_pending:
        High while a request taken from ``load`` has not been taken by ``memories``: its effect is not
        visible to the engines yet.
    """

    window: "LocalBus"
    load: "LocalBus"
    store: "LocalBus"
    memories: "LocalBus"
    load_pending: Signal

    def __init__(self, config: Config):
        self.config = config
        bus = LocalBus(config)
        super().__init__(
            {"window": In(bus), "load": In(bus), "store": In(bus), "memories": Out(bus), "load_pending": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        owned = data.StructLayout({"request": local_request(self.config), "load": 1})
        m.submodules.buffer = buffer = StreamBuffer(owned)
        m.submodules.reads = reads = fifo.SyncFIFO(width=2, depth=READS)
        initiators = (self.window, self.load, self.store)

        # Grant: one-hot. A read needs a place in the list of who reads.
        can = [i.request.valid & (i.request.payload.write | reads.w_rdy) for i in initiators]
        store_next = Signal()
        grant = Signal(3)
        m.d.comb += [
            grant[_WINDOW].eq(can[_WINDOW]),
            grant[_LOAD].eq(can[_LOAD] & ~can[_WINDOW] & ~(store_next & can[_STORE])),
            grant[_STORE].eq(can[_STORE] & ~can[_WINDOW] & ~(~store_next & can[_LOAD])),
            buffer.i.valid.eq(grant.any()),
            buffer.i.payload.load.eq(grant[_LOAD]),
        ]
        taken = Signal()
        m.d.comb += taken.eq(buffer.i.valid & buffer.i.ready)
        for index, initiator in enumerate(initiators):
            m.d.comb += initiator.request.ready.eq(grant[index] & buffer.i.ready)
            with m.If(grant[index]):
                m.d.comb += buffer.i.payload.request.eq(initiator.request.payload)
        with m.If(taken & ~grant[_WINDOW]):
            m.d.sync += store_next.eq(grant[_LOAD])
        m.d.comb += [
            reads.w_en.eq(taken & ~buffer.i.payload.request.write),
            reads.w_data.eq(Mux(grant[_WINDOW], _WINDOW, Mux(grant[_LOAD], _LOAD, _STORE))),
        ]

        # Onwards, and the answers back.
        leaves = self.memories.request.valid & self.memories.request.ready
        m.d.comb += [
            self.memories.request.valid.eq(buffer.o.valid),
            self.memories.request.payload.eq(buffer.o.payload.request),
            buffer.o.ready.eq(self.memories.request.ready),
            reads.r_en.eq(self.memories.valid),
        ]
        answer = Signal(self.config.bus_bits)
        m.d.sync += answer.eq(self.memories.data)
        for index, initiator in enumerate(initiators):
            m.d.comb += initiator.data.eq(answer)
            m.d.sync += initiator.valid.eq(self.memories.valid & (reads.r_data == index))

        pending = Signal(range(3))
        m.d.sync += pending.eq(pending + (taken & grant[_LOAD]) - (leaves & buffer.o.payload.load))
        m.d.comb += self.load_pending.eq(pending != 0)
        return m


class LocalSplit(Component):
    """Sends each request to the memory of its space and keeps the answers in order.

    Memories may take any time to answer: reads are under way to one memory at a time, and a read of another
    waits. No cycle is added in either direction.

    Members
    -------
    initiator:
        The bus of all spaces.
    weights, activations, parameters, program:
        One bus a memory.
    """

    def __init__(self, config: Config):
        self.config = config
        bus = LocalBus(config)
        super().__init__({"initiator": In(bus)} | {space.name.lower(): Out(bus) for space in Space})

    def elaborate(self, platform):
        m = Module()
        request = self.initiator.request
        space = request.payload.space.as_value()
        reading = Signal(len(space))
        under_way = Signal(range(2 * READS))
        may = Signal()
        idle = under_way == 0
        m.d.comb += may.eq(request.payload.write | idle | ((space == reading) & (under_way != 2 * READS - 1)))
        buses = [getattr(self, s.name.lower()) for s in sorted(Space, key=lambda s: s.value)]
        for index, bus in enumerate(buses):
            m.d.comb += [
                bus.request.payload.eq(request.payload),
                bus.request.valid.eq(request.valid & may & (space == index)),
            ]
            with m.If(space == index):
                m.d.comb += request.ready.eq(bus.request.ready & may)
            with m.If(reading == index):
                m.d.comb += self.initiator.data.eq(bus.data)
        begins = request.valid & request.ready & ~request.payload.write
        m.d.comb += self.initiator.valid.eq(Cat(bus.valid for bus in buses).any())
        m.d.sync += under_way.eq(under_way + begins - self.initiator.valid)
        with m.If(begins):
            m.d.sync += reading.eq(space)
        return m
