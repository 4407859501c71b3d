# SPDX-License-Identifier: Apache-2.0
"""The local bus between those who use it (control windows, LOAD, STORE) and the local memories.

::

    window ─► buffer ─►┐                                   ┌──► weights
    load ───► buffer ─►┼─ turns ─► buffer ─► LocalSplit ───┼──► activations
    store ──► buffer ─►┘    ▲                    │         ├──► parameters
       ▲      LocalArbiter  └─ who reads (FIFO)  │         └──► program
       └───── registered ◄───────────────────────┘ read data, in order
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, fifo
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from ...arch.config import Config
from ...arch.isa import Space
from ..interfaces import LocalBus, local_request
from .buffer import TurnBuffer

__all__ = ["READS", "LocalArbiter", "LocalSplit"]

READS = 16
"""Reads the arbiter lets be under way at once; more than the longest latency behind it."""

_WINDOW, _LOAD, _STORE = range(3)


class LocalArbiter(Component):
    """Lets three initiators share the bus: the window first but not twice running, LOAD and STORE in turn.

    One request a cycle passes; a request leaves two cycles after it was taken, and read data arrive one cycle
    after ``memories.valid``. Whoever wants it gets at least a quarter of what the memories take.

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
        m.submodules.buffer = buffer = TurnBuffer(owned)
        m.submodules.reads = reads = fifo.SyncFIFO(width=2, depth=READS)
        initiators = (self.window, self.load, self.store)
        requests = []
        for name, initiator in zip(("window", "load", "store"), initiators, strict=True):
            m.submodules[name] = entry = TurnBuffer(local_request(self.config))
            connect(m, flipped(initiator.request), entry.i)
            requests.append(entry.o)

        # Whose turn it is was decided in the cycle before, from who asked then. A read needs a place in the list
        # of who reads; that there is one is known a cycle late, so one place stays free. There always is one but where
        # memories are slow: so writes wait for it as well.
        turn = Signal(3, init=1 << _WINDOW)
        store_next, room = Signal(), Signal()
        valid = [turn[i] & r.valid for i, r in enumerate(requests)]
        taken = Signal()
        m.d.comb += [
            buffer.i.valid.eq(Cat(valid).any() & room),
            buffer.i.payload.load.eq(turn[_LOAD]),
            taken.eq(buffer.i.valid & buffer.i.ready),
            reads.w_en.eq(taken & ~buffer.i.payload.request.write),
            reads.w_data.eq(Mux(turn[_WINDOW], _WINDOW, Mux(turn[_LOAD], _LOAD, _STORE))),
        ]
        m.d.sync += room.eq(reads.level < READS - 1)
        chosen = Const(0, len(buffer.i.payload.request.as_value()))
        for index, request in enumerate(requests):
            m.d.comb += request.ready.eq(turn[index] & buffer.i.ready & room)
            chosen = chosen | Mux(turn[index], request.payload.as_value(), 0)
        m.d.comb += buffer.i.payload.request.as_value().eq(chosen)
        self._next_turn(m, turn, store_next, taken, requests)

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

        pending, enters = Signal(range(5)), Signal()  # both buffers on its way may be full; none leaves at once
        m.d.sync += [
            enters.eq(self.load.request.valid & self.load.request.ready),
            pending.eq(pending + enters - (leaves & buffer.o.payload.load)),
        ]
        m.d.comb += self.load_pending.eq((pending != 0) | enters)
        return m

    def _next_turn(self, m: Module, turn, store_next, taken, requests):
        """After a request, or when there is none: the window and the engines in turn, and those in turn; the
        window's when nobody asks."""
        window, load, store = (request.valid for request in requests)
        asks = Cat(window, load, store)
        with m.If(taken | ~(turn & asks).any()):
            with m.If((load | store) & ~(window & ~turn[_WINDOW])):
                to_store = store & (store_next | ~load)
                m.d.sync += [turn.eq(Mux(to_store, 1 << _STORE, 1 << _LOAD)), store_next.eq(~to_store)]
            with m.Else():
                m.d.sync += turn.eq(1 << _WINDOW)


class LocalSplit(Component):
    """Sends each request to the memory of its space and keeps the answers in order.

    Memories may take any time to answer: reads are under way to one memory at a time, and a read of another
    waits. No cycle is added in either direction. At most READS reads are under way at once.

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
        none = Signal()  # a cycle late
        may, reads, begins, ends = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [
            may.eq(request.payload.write | none | (space == reading)),
            reads.eq(request.valid & ~request.payload.write & may),  # or will: it is offered to its memory
        ]
        m.d.sync += [
            begins.eq(reads & request.ready),
            ends.eq(self.initiator.valid),
            none.eq((under_way == 0) & ~begins & ~reads),
        ]
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
        m.d.comb += self.initiator.valid.eq(Cat(bus.valid for bus in buses).any())
        m.d.sync += under_way.eq(under_way + begins - ends)
        with m.If(reads):
            m.d.sync += reading.eq(space)
        return m
