# SPDX-License-Identifier: Apache-2.0
"""Joins two AXI4 initiators on one target."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import Component, In, Out

from ...arch.config import Config
from ..control.buffer import StreamBuffer
from ..interfaces import AXI4
from ..queue import Queue

__all__ = ["AXI4Arbiter"]

_UNDER_WAY = 16
"""Bursts of each initiator and direction that may be unanswered: what distributed memories hold."""

_ADDRESS = ("addr", "len", "size", "burst", "lock", "cache", "prot")


class AXI4Arbiter(Component):
    """Two initiators, one target; whoever went last waits when both want to go.

    ::

        a ─┬─ AR ─► last served waits ─► register ─► target          a ◄─┬─ register ◄─ R, B ◄─ target
        b ─┘  AW                                                     b ◄─┘
              W   of the burst whose address went first

    The ID at the target is the initiator: 0 for ``a``, 1 for ``b``. Their own IDs wait here until the answers come.
    A target answers bursts of one ID in order: answers to ``a`` and to ``b`` may overtake each other, no others.
    Write data follow the addresses, burst by burst. Each initiator may have 16 bursts a direction unanswered.

    Parameters
    ----------
    config:
        Gives the widths.

    Members
    -------
    a, b:
        AXI4, as target of the initiators.
    target:
        AXI4, as initiator.
    """

    a: "AXI4"
    b: "AXI4"
    target: "AXI4"

    def __init__(self, config: Config):
        signature = AXI4(config.address_bits, config.bus_bits)
        super().__init__({"a": In(signature), "b": In(signature), "target": Out(signature)})

    def elaborate(self, platform):
        m = Module()
        self._address(m, "ar", self._answers(m, "r", ("data", "resp", "last")))
        owner = self._address(m, "aw", self._answers(m, "b", ("resp",)))
        self._write_data(m, owner)
        return m

    def _address(self, m: Module, channel: str, identities: list[Queue]) -> stream.Interface:
        """Addresses, and a stream of whose they were. IDs go to ``identities`` of each initiator."""
        target, sources = self.target, (self.a, self.b)
        fields = {name: len(getattr(target, channel + name)) for name in _ADDRESS}
        m.submodules[channel] = buffer = StreamBuffer(data.StructLayout({"id": 1, **fields}))
        wants, chosen, last, taken = (
            Signal(width, name=f"{channel}_{name}")
            for name, width in (("wants", 2), ("chosen", 1), ("last", 1), ("taken", 1))
        )
        owner = stream.Signature(1).create(path=(f"{channel}_owner",))
        rooms = []
        for i, (source, queue) in enumerate(zip(sources, identities, strict=True)):
            ready = getattr(source, f"{channel}ready")
            m.d.comb += [
                ready.eq(taken & (chosen == i)),
                queue.push.eq(ready),
                queue.i.eq(getattr(source, f"{channel}id")),
            ]
            count, room = Signal(range(_UNDER_WAY), name=f"{channel}_count_{i}"), Signal(name=f"{channel}_room_{i}")
            m.d.sync += [count.eq(count + queue.push - queue.pop), room.eq(count < _UNDER_WAY - 2)]
            rooms.append(room)
        m.d.comb += [
            wants.eq(Cat(getattr(source, f"{channel}valid") for source in sources) & Cat(rooms)),
            chosen.eq(Mux(last, ~wants[0], wants[1])),
            buffer.i.valid.eq(wants.any() & (owner.ready if channel == "aw" else 1)),
            taken.eq(buffer.i.valid & buffer.i.ready),
            buffer.i.payload.id.eq(chosen),
            buffer.o.ready.eq(getattr(target, f"{channel}ready")),
            getattr(target, f"{channel}valid").eq(buffer.o.valid),
            getattr(target, f"{channel}id").eq(buffer.o.payload.id),
            owner.valid.eq(taken),
            owner.payload.eq(chosen),
        ]
        with m.If(taken):
            m.d.sync += last.eq(chosen)
        for name in _ADDRESS:
            a, b = (getattr(source, channel + name) for source in sources)
            m.d.comb += [
                buffer.i.payload[name].eq(Mux(chosen, b, a)),
                getattr(target, channel + name).eq(buffer.o.payload[name]),
            ]
        return owner

    def _write_data(self, m: Module, owner: stream.Interface):
        """Write data of the burst whose address was taken first."""
        target, sources = self.target, (self.a, self.b)
        m.submodules.owners = owners = StreamBuffer(1)
        layout = {name: len(getattr(target, f"w{name}")) for name in ("data", "strb", "last")}
        m.submodules.w = buffer = StreamBuffer(data.StructLayout(layout))
        a, b = sources
        mine = owners.o.payload
        m.d.comb += [
            owners.i.valid.eq(owner.valid), owners.i.payload.eq(owner.payload), owner.ready.eq(owners.i.ready),
            buffer.i.valid.eq(owners.o.valid & Mux(mine, b.wvalid, a.wvalid)),
            a.wready.eq(owners.o.valid & ~mine & buffer.i.ready),
            b.wready.eq(owners.o.valid & mine & buffer.i.ready),
            owners.o.ready.eq(buffer.i.valid & buffer.i.ready & buffer.i.payload.last),
            target.wvalid.eq(buffer.o.valid), buffer.o.ready.eq(target.wready),
        ]  # fmt: skip
        for name in layout:
            m.d.comb += [
                buffer.i.payload[name].eq(Mux(mine, getattr(b, f"w{name}"), getattr(a, f"w{name}"))),
                getattr(target, f"w{name}").eq(buffer.o.payload[name]),
            ]

    def _answers(self, m: Module, channel: str, names: tuple[str, ...]) -> list[Queue]:
        """Answers, to the initiator that their ID names, with its own ID: those wait in the queues returned."""
        target = self.target
        layout = data.StructLayout({name: len(getattr(target, channel + name)) for name in names})
        valid, identity = getattr(target, f"{channel}valid"), getattr(target, f"{channel}id")
        ready, identities = [], []
        for i, source in enumerate((self.a, self.b)):
            m.submodules[f"{channel}_{i}"] = buffer = StreamBuffer(layout)
            m.submodules[f"{channel}_identities_{i}"] = queue = Queue(1, _UNDER_WAY)
            ends = buffer.o.payload.last if channel == "r" else 1
            m.d.comb += [
                buffer.i.valid.eq(valid & (identity == i)),
                *(buffer.i.payload[name].eq(getattr(target, channel + name)) for name in names),
                *(getattr(source, channel + name).eq(buffer.o.payload[name]) for name in names),
                getattr(source, f"{channel}valid").eq(buffer.o.valid),
                buffer.o.ready.eq(getattr(source, f"{channel}ready")),
                getattr(source, f"{channel}id").eq(queue.o),
                queue.pop.eq(buffer.o.valid & buffer.o.ready & ends),
            ]
            ready.append(buffer.i.ready)
            identities.append(queue)
        m.d.comb += getattr(target, f"{channel}ready").eq(Mux(identity, ready[1], ready[0]))
        return identities
