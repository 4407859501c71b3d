# SPDX-License-Identifier: Apache-2.0
"""A lane, with each of its bodies, against TFLM's rounding in plain Python integers."""

import numpy as np
import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from celosia.gateware.datapath.lane import multiplied, portable
from celosia.gateware.datapath.lane.lane import Lane
from celosia.gateware.family import Device, Family, SimulatedPlatform
from support.scaling import scale


def cases():
    rng = np.random.default_rng(0)
    edges = [0, 1, -1, 2, -2, 3, -3, 2**30, -(2**30), 2**30 + 128, -(2**30) - 128, 2**31 - 1, -(2**31)]
    edges += [2**16 - 1, 2**16, -(2**16), -(2**16) - 1, 2**31 - 2**16, 2**15 - 2**31]
    multipliers = [0, 1, 2**16 - 1, 2**31 - 2**16, 2**30, 2**30 + 1, 2**31 - 1]
    for x in edges:
        for multiplier in multipliers:
            for exponent in (-31, -30, -17, -9, -8, -7, -1, 0, 1, 2):
                yield x, multiplier, exponent
    for exponent in range(-31, 3):
        for _ in range(40):
            bits = int(rng.integers(1, 32))
            x = int(rng.integers(-(2**bits), 2**bits)) >> 1
            yield x, int(rng.integers(2**30, 2**31)), exponent
        for _ in range(20):  # exact halves of the second rounding
            yield int(rng.integers(-64, 64)) << max(0, -exponent - 1) & 0x7FFFFFFF, 2**30, exponent


BODIES = {
    "portable": (portable.product, Family.PORTABLE),
    "ECP5": (multiplied.ecp5, Family.ECP5),
    "ECP5, logic": (multiplied.ecp5_logic, Family.ECP5),
    "Gowin": (multiplied.gowin, Family.GOWIN),
    "iCE40": (multiplied.ice40, Family.ICE40),
    "logic": (multiplied.logic, Family.GOWIN),
}


@pytest.mark.parametrize("body", BODIES)
def test_lane_equals_tflm(body):
    product, family = BODIES[body]
    lane = Lane(product)
    todo = list(cases())

    async def bench(ctx):
        for i in range(len(todo) + lane.latency):
            ctx.set(lane.valid, i < len(todo))
            if i < len(todo):
                x, multiplier, exponent = todo[i]
                ctx.set(lane.x, x)
                ctx.set(lane.scale, {"multiplier": multiplier, "exponent": exponent})
            if i >= lane.latency:
                case = todo[i - lane.latency]
                assert ctx.get(lane.y) == scale(*case), case
            await ctx.tick()

    sim = Simulator(Fragment.get(lane, SimulatedPlatform(Device(family, simulated=True))))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
