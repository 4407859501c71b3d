# SPDX-License-Identifier: Apache-2.0
"""The control bus with any host, any local bus and any state of the machine."""

from amaranth.hdl import Assert, Assume, Cat, Cover, Module, Mux, Signal
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from celosia.arch.config import preset
from celosia.arch.registers import control_address_bits
from celosia.gateware.control.axi_lite import ControlBus
from celosia.gateware.interfaces import AXI4Lite, LocalBus
from support.axi_rules import LiteRules, Stable

from .proving import check, reach, started

CONFIG = preset("c16").replace(name="proved", bus_bits=64)
PROMPT = 12  # cycles from a request to its answer, when nobody else is slow


class Watched(Component):
    """Free inputs, and what must hold.

    Parameters
    ----------
    prompt:
        Suppose that the host takes every answer at once, and that the local bus takes every request at once and
        answers reads two cycles later; then requests must be answered within :data:`PROMPT` cycles.
    """

    def __init__(self, *, prompt: bool = False):
        self.prompt = prompt
        super().__init__(
            {
                "bus": In(AXI4Lite(control_address_bits(CONFIG))),
                "local": Out(LocalBus(CONFIG)),
                "stopped": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        started(m)
        m.submodules.control = control = ControlBus(CONFIG)
        connect(m, flipped(self.bus), control.bus)
        connect(m, control.local, flipped(self.local))
        m.d.comb += control.stopped.eq(self.stopped)
        bus, request = self.bus, self.local.request
        m.submodules.rules = LiteRules("control", bus, initiator=Assume, bursts=15)

        payload = request.payload
        written = Mux(payload.write, Cat(payload.data, payload.strobe), 0)
        meaning = Cat(payload.space, payload.address, payload.write, written)
        m.submodules.stable = Stable("local", request.valid, request.ready, meaning)
        asks, owed = Signal(), Signal(4)
        m.d.comb += [asks.eq(request.valid & request.ready & ~payload.write), Assume(owed.any() | ~self.local.valid)]
        m.d.sync += owed.eq(owed + asks - self.local.valid)
        m.d.sync += [
            Assert(~bus.bvalid | (bus.bresp == 0), "a write is not answered with OKAY"),
            Assert(~bus.rvalid | (bus.rresp == 0), "a read is not answered with OKAY"),
            Assert(owed <= 1, "reads of memories overlap"),
        ]
        m.d.comb += [
            Cover(self.local.valid & bus.bvalid),
            Cover(bus.bvalid & bus.rvalid & ~bus.bready & ~bus.rready & (owed == 0) & (bus.rdata == 0xC0FFEE)),
        ]
        if self.prompt:
            self._answers_come(m, asks)
        return m

    def _answers_come(self, m: Module, asks):
        bus, late = self.bus, Signal()
        m.d.sync += late.eq(asks)
        came = Signal()
        m.d.sync += came.eq(late)
        m.d.comb += Assume(bus.bready & bus.rready & self.local.request.ready & (self.local.valid == came))
        for name, begins, ends in (("w", bus.wvalid & bus.awvalid, bus.bvalid), ("r", bus.arvalid, bus.rvalid)):
            age = Signal(range(PROMPT + 2), name=f"{name}_age")
            m.d.sync += age.eq(Mux(begins & ~ends, age + 1, 0))
            m.d.sync += Assert(age <= PROMPT, f"{name}: nothing is answered")


def test_the_rules_of_axi4_lite(tmp_path):
    check(Watched(), tmp_path, depth=18)


def test_the_proof_reaches_answers(tmp_path):
    reach(Watched(), tmp_path, depth=18)


def test_requests_are_answered(tmp_path):
    check(Watched(prompt=True), tmp_path, depth=24)
