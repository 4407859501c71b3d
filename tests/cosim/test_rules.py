# SPDX-License-Identifier: Apache-2.0
"""The rules that watch the buses: each one speaks up when it is broken, and none on legal traffic."""

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, Out
from amaranth.sim import Simulator

from celosia.gateware.interfaces import AXI4, AXI4Lite
from support.axi_rules import Axi4Rules, LiteRules

PERIOD = 1e-6


class Driven(Component):
    """Rules on a bus that a test bench drives from both sides."""

    def __init__(self, signature, rules):
        names = {name: Out(member.shape) for name, member in signature.members.items()}
        super().__init__(names)
        self.rules = rules(self)

    def elaborate(self, platform):
        m = Module()
        m.submodules.rules = self.rules
        return m


def axi4() -> Driven:
    return Driven(AXI4(16, 32), lambda bus: Axi4Rules("memory", bus, beats=8))


def lite() -> Driven:
    return Driven(AXI4Lite(8), lambda bus: LiteRules("control", bus))


def play(driven: Driven, cycles: list[dict[str, int]]) -> None:
    """Show the bus one set of values a cycle (what is left out is 0), and a last cycle of nothing."""

    async def bench(ctx):
        for values in [*cycles, {}]:
            for name in driven.signature.members:
                ctx.set(getattr(driven, name), values.get(name, 0))
            await ctx.tick()

    simulator = Simulator(driven)
    simulator.add_clock(PERIOD)
    simulator.add_testbench(bench)
    simulator.run()


IDLE: dict[str, int] = {}
AW = dict(awvalid=1, awready=1, awsize=2, awburst=1, awlen=1)
AR = dict(arvalid=1, arready=1, arsize=2, arburst=1, arlen=1)
W, LAST, B = dict(wvalid=1, wready=1), dict(wvalid=1, wready=1, wlast=1), dict(bvalid=1, bready=1)
R, END = dict(rvalid=1, rready=1), dict(rvalid=1, rready=1, rlast=1)

WRITE, READ = [IDLE, AW, W, LAST, B], [IDLE, AR, R, END]


def waiting(beat: dict[str, int], **changes: int) -> dict[str, int]:
    """The same offer, not taken."""
    return {name: value for name, value in beat.items() if not name.endswith("ready")} | changes


@pytest.mark.parametrize(
    "cycles",
    [
        WRITE,
        READ,
        [IDLE, waiting(AW), waiting(AW) | W, AW | LAST, IDLE, B],
        [IDLE, AW | AR, W | AR, LAST | R, B | END, R, waiting(END), END],
        [IDLE, AW | dict(awaddr=0x0FF8), W, LAST, B],
        [IDLE, AW | dict(awlen=7), *[W] * 7, LAST, B],
    ],
)
def test_legal_axi4_passes(cycles):
    play(axi4(), cycles)


ILLEGAL = {
    "aw: valid in the first cycle after reset": [AW],
    "aw: an offer was withdrawn": [IDLE, waiting(AW), IDLE],
    "aw: an offer changed": [IDLE, waiting(AW), AW | dict(awaddr=4)],
    "ar: an offer was withdrawn": [IDLE, waiting(AR), IDLE],
    "ar: an offer changed": [IDLE, waiting(AR), AR | dict(arlen=0)],
    "w: an offer changed": [IDLE, AW, waiting(W), W | dict(wdata=1)],
    "r: an offer changed": [IDLE, AR, waiting(R), R | dict(rdata=1)],
    "b: an offer was withdrawn": [*WRITE[:-1], waiting(B), IDLE],
    "aw: burst is not incrementing": [IDLE, AW | dict(awburst=2)],
    "ar: beats are not whole": [IDLE, AR | dict(arsize=1)],
    "aw: address is not aligned": [IDLE, AW | dict(awaddr=2)],
    "ar: more than 8 beats": [IDLE, AR | dict(arlen=8)],
    "ar: crosses 4 KiB": [IDLE, AR | dict(araddr=0x1FFC)],
    "aw: crosses 4 KiB": [IDLE, AW | dict(awaddr=0x0FF0, awlen=4)],
    "w before its address": [IDLE, W],
    "wlast not with the last beat": [IDLE, AW, LAST],
    "rlast not with the last beat": [IDLE, AR, R, R],
    "b without a write": [IDLE, AW, W, B],
    "r without a read": [*READ, R],
    "more bursts at once": [IDLE, *[AR] * 65],
}


@pytest.mark.parametrize("message", ILLEGAL)
def test_illegal_axi4_is_told(message):
    with pytest.raises(AssertionError, match=message):
        play(axi4(), ILLEGAL[message])


LITE_AW, LITE_W, LITE_AR = dict(awvalid=1, awready=1), dict(wvalid=1, wready=1), dict(arvalid=1, arready=1)


@pytest.mark.parametrize(
    "cycles",
    [
        [IDLE, LITE_AW, LITE_W, B],
        [IDLE, LITE_W, LITE_AW | LITE_AR, waiting(B) | R, B],
        [IDLE, LITE_AW | LITE_W, LITE_AW | LITE_W | B, B],
    ],
)
def test_legal_axi4_lite_passes(cycles):
    play(lite(), cycles)


ILLEGAL_LITE = {
    "control aw: an offer changed": [IDLE, waiting(LITE_AW), LITE_AW | dict(awaddr=4)],
    "control r: an offer changed": [IDLE, LITE_AR, waiting(R), R | dict(rdata=1)],
    "control b: an offer was withdrawn": [IDLE, LITE_AW | LITE_W, waiting(B), IDLE],
    "control: b without a write": [IDLE, LITE_AW, B],
    "control: r without a read": [IDLE, LITE_AR, R, R],
}


@pytest.mark.parametrize("message", ILLEGAL_LITE)
def test_illegal_axi4_lite_is_told(message):
    with pytest.raises(AssertionError, match=message):
        play(lite(), ILLEGAL_LITE[message])
