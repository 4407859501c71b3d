# SPDX-License-Identifier: Apache-2.0
"""The local bus's arbiter with any initiators and any memories."""

from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Mux, Signal
from amaranth.lib import fifo
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from celosia.arch.config import preset
from celosia.gateware.control.local_bus import LocalArbiter
from celosia.gateware.interfaces import LocalBus
from support.axi_rules import Stable

from .proving import check, reach, started

CONFIG = preset("c16")
NAMES = ("window", "load", "store")
WAIT = 14  # cycles after which an offered request must have been taken, by memories that are never busy


class Watched(Component):
    """Three initiators that put their number into their addresses, so that answers can be told apart.

    Parameters
    ----------
    prompt:
        Suppose that memories take everything at once and answer two cycles later; then nobody may starve.
    """

    def __init__(self, *, prompt: bool = False):
        self.prompt = prompt
        bus = LocalBus(CONFIG)
        super().__init__({name: In(bus) for name in NAMES} | {"memories": Out(bus)})

    def elaborate(self, platform):
        m = Module()
        started(m)
        m.submodules.arbiter = arbiter = LocalArbiter(CONFIG)
        for name in NAMES:
            connect(m, flipped(getattr(self, name)), getattr(arbiter, name))
        connect(m, arbiter.memories, flipped(self.memories))
        memories = self.memories
        low = (CONFIG.bus_bytes - 1).bit_length()
        for number, name in enumerate(NAMES):
            request = getattr(self, name).request
            m.submodules[f"{name}_stable"] = Stable(
                name, request.valid, request.ready, request.payload.as_value(), check=Assume
            )
            m.d.comb += Assume(~request.valid | (request.payload.address[low : low + 2] == number))
        offered = memories.request
        m.submodules.stable = Stable("memories", offered.valid, offered.ready, offered.payload.as_value())

        # Whose each answer is: the numbers of reads, in the order in which they reach the memories.
        m.submodules.owners = owners = fifo.SyncFIFO(width=2, depth=16)
        asks, due = Signal(), Signal(3)
        m.d.comb += [
            asks.eq(offered.valid & offered.ready & ~offered.payload.write),
            owners.w_en.eq(asks),
            owners.w_data.eq(offered.payload.address[low : low + 2]),
            owners.r_en.eq(memories.valid),
            Assume(owners.r_rdy | ~memories.valid),
        ]
        data = Signal(CONFIG.bus_bits)
        m.d.sync += [due.eq(Mux(memories.valid, 1 << owners.r_data, 0)), data.eq(memories.data)]
        answered = Cat(getattr(self, name).valid for name in NAMES)
        m.d.sync += [
            Assert(answered == due, "an answer for somebody else, or none"),
            Assert(~due.any() | (self.window.data == data), "an answer changed"),
            Assert(owners.w_rdy, "more reads are under way than can be"),
        ]
        told = Signal(len(NAMES))
        m.d.sync += told.eq(told | answered)
        m.d.comb += Cover(told.all())
        if self.prompt:
            self._nobody_starves(m, asks)
        return m

    def _nobody_starves(self, m: Module, asks):
        late, came = Signal(), Signal()
        m.d.sync += [late.eq(asks), came.eq(late)]
        m.d.comb += Assume(self.memories.request.ready & (self.memories.valid == came))
        for name in NAMES:
            request = getattr(self, name).request
            age = Signal(range(WAIT + 2), name=f"{name}_age")
            m.d.sync += age.eq(Mux(request.valid & ~request.ready, age + 1, 0))
            m.d.sync += Assert(age <= WAIT, f"{name} starves")


def test_answers_find_their_way(tmp_path):
    check(Watched(), tmp_path, depth=11)


def test_the_proof_reaches_answers_for_all(tmp_path):
    reach(Watched(), tmp_path, depth=11)


def test_nobody_starves(tmp_path):
    check(Watched(prompt=True), tmp_path, depth=22)
