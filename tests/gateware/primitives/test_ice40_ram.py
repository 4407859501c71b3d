# SPDX-License-Identifier: Apache-2.0
"""The model of iCE40's large memory: a write of nibbles, a read a cycle later, and nothing while it is not enabled."""

from amaranth.hdl import Fragment
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.gateware.family import Device, Family, SimulatedPlatform
from celosia.gateware.primitives.ice40_ram import SPRAM

WORDS = 4

ACCESS = st.tuples(
    st.booleans(), st.booleans(), st.integers(0, 15), st.integers(0, WORDS - 1), st.integers(0, 0xFFFF)
)  # enable, write, nibbles, address, data


@settings(max_examples=30)
@given(st.lists(ACCESS, min_size=1, max_size=60))
def test_it_is_a_memory_that_keeps_its_output(accesses):
    dut = SPRAM()
    memory, output = [0] * WORDS, 0

    async def testbench(ctx):
        nonlocal output
        for enable, write, nibbles, address, data in accesses:
            ctx.set(dut.enable, enable)
            ctx.set(dut.write, write)
            ctx.set(dut.nibbles, nibbles)
            ctx.set(dut.address, address)
            ctx.set(dut.write_data, data)
            await ctx.tick()
            if enable and write:
                mask = sum(0xF << 4 * n for n in range(4) if nibbles >> n & 1)
                memory[address] = memory[address] & ~mask | data & mask
            elif enable:
                output = memory[address]
            assert ctx.get(dut.data) == output

    simulator = Simulator(Fragment.get(dut, SimulatedPlatform(Device(Family.ICE40, simulated=True))))
    simulator.add_clock(1e-6)
    simulator.add_testbench(testbench)
    simulator.run()
