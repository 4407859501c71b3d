# SPDX-License-Identifier: Apache-2.0
"""The model of ECP5's and Gowin's block RAM: two ports, a word two cycles after its address, kept while they rest."""

import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.gateware.family import Device, Family, SimulatedPlatform
from celosia.gateware.primitives.block_ram import BlockRam
from celosia.gateware.primitives.ecp5_ram import DP16KD
from celosia.gateware.primitives.gowin_ram import GowinBlock

WORDS = 4

USE = st.tuples(
    st.booleans(), st.booleans(), st.integers(0, 3), st.integers(0, WORDS - 1), st.integers(0, 0xFFFF)
)  # enable, write, lanes, address, data

CELLS = {
    Family.ECP5: (lambda: DP16KD(18), 9),
    Family.GOWIN: (lambda: GowinBlock(16, dual=True), 8),
}


class Port:
    """What a port shows: the word read last, a cycle late."""

    def __init__(self):
        self.read = self.shown = 0

    def tick(self, memory: list[int], use: tuple, lane_bits: int) -> None:
        enable, write, lanes, address, data = use
        self.shown = self.read
        if enable and not write:
            self.read = memory[address]
        elif enable:
            mask = sum(((1 << lane_bits) - 1) << lane_bits * lane for lane in range(2) if lanes >> lane & 1)
            memory[address] = memory[address] & ~mask | data & mask


@pytest.mark.parametrize("family", CELLS)
@settings(max_examples=30)
@given(st.lists(st.tuples(USE, USE), min_size=3, max_size=60))
def test_ports_are_two_users_of_a_memory_and_keep_their_outputs(family, uses):
    """But in cycles in which both use a word, one of them writing: that is undefined, and left out."""
    make, lane_bits = CELLS[family]
    dut: BlockRam = make()
    memory, ports = [0] * WORDS, {"a": Port(), "b": Port()}

    async def testbench(ctx):
        for a, b in uses:
            if a[0] and b[0] and a[3] == b[3] and (a[1] or b[1]):
                b = (False, *b[1:])
            for side, use in (("a", a), ("b", b)):
                for name, value in zip(("enable", "write", "lanes", "address", "write_data"), use, strict=True):
                    ctx.set(getattr(dut, f"{side}_{name}"), value)
                ports[side].tick(memory, use, lane_bits)
            await ctx.tick()
            for side, port in ports.items():
                assert ctx.get(getattr(dut, f"{side}_data")) == port.shown

    simulator = Simulator(Fragment.get(dut, SimulatedPlatform(Device(family, simulated=True))))
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
