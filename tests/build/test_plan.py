# SPDX-License-Identifier: Apache-2.0
"""What nextpnr is asked for beside what the board's files say."""

import pytest
from amaranth.hdl import Elaboratable, Module, Signal

from celosia.boards import BOARDS
from celosia.boards.clocking import Clocking
from celosia.boards.top import System
from celosia.build.plan import make_plan


class Blinking(Elaboratable):
    """The board's clock, and one register."""

    def __init__(self, system: System):
        self.system = system

    def elaborate(self, platform):
        m = Module()
        m.submodules.clocking = Clocking(self.system.pll)
        blink = Signal()
        m.d.sync += blink.eq(~blink)
        return m


@pytest.mark.parametrize("name", ["ulx3s-85f", "icepi-zero"])
def test_the_router_of_an_ecp5_holds_wires_to_the_clock(name):
    board = BOARDS[name]
    system = System.of(board)
    plan = make_plan(board.part.family, board.platform(), Blinking(system), clock_hz=system.clock_hz)
    assert plan.clock_hz == system.clock_hz
    assert "--tmg-ripup" in plan.place
