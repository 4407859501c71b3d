# SPDX-License-Identifier: Apache-2.0
"""What nextpnr is asked for beside what the board's files say."""

import re

import pytest
from amaranth.hdl import Elaboratable, Module, Signal

from celosia.boards import BOARDS
from celosia.boards.clocking import Clocking
from celosia.boards.top import System
from celosia.build.plan import MARGIN, TOP, make_plan


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
def test_the_router_of_an_ecp5_is_asked_for_a_little_more_than_the_clock(name):
    board = BOARDS[name]
    system = System.of(board)
    plan = make_plan(board.part.family, board.platform(), Blinking(system), clock_hz=system.clock_hz)
    (asked,) = re.findall(r"^FREQUENCY PORT \S+ (\S+) HZ;$", plan.files[f"{TOP}.lpf"], re.MULTILINE)
    assert float(asked) == pytest.approx(board.crystal_hz * MARGIN)
    assert 1 < MARGIN < 1.05
    assert "--tmg-ripup" in plan.place
