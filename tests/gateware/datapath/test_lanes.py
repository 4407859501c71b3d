# SPDX-License-Identifier: Apache-2.0
"""A lane, with each of its bodies, against TFLM's rounding in plain Python integers; whose values the lanes take."""

import numpy as np
import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from celosia.gateware.datapath.lane import multiplied, portable
from celosia.gateware.datapath.lane.lane import Lane
from celosia.gateware.datapath.lanes import Lanes
from celosia.gateware.family import Device, Family, SimulatedPlatform
from support.commands import configuration
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
                ctx.set(lane.left, max(exponent, 0))
            if i >= lane.latency:
                case = todo[i - lane.latency]
                assert ctx.get(lane.y) == scale(*case), case
            await ctx.tick()

    sim = Simulator(Fragment.get(lane, SimulatedPlatform(Device(family, simulated=True))))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize("name", ["4x8", "4x8, 2 lanes", "6x6, 3 lanes, 3 weight rows"])
def test_all_sums_enter_and_the_element_wise_engine_has_every_other_slot(name):
    """Sums as often as they may come and with gaps, all columns in as many slots as that takes, lowest first."""
    config, rng = configuration(name), np.random.default_rng(2)
    dut, lanes, groups = Lanes(config), config.lanes, config.lane_groups
    begins, taken, expected, coming = set(), set(), {}, {}  # the last by the cycle in which they leave, or enter
    for cycle in range(205):
        if cycle not in taken and rng.random() < (0.8 if cycle < 100 else 0.1):
            begins.add(cycle)
            taken.update(range(cycle, cycle + groups))

    def draw(count: int) -> list[tuple[int, int, int]]:
        limits = ((-(2**20), 2**20), (2**30, 2**31), (-12, 2))
        return [tuple(int(rng.integers(*limit)) for limit in limits) for _ in range(count)]

    async def bench(ctx):
        ready = [False] * 3  # in this cycle and the next two
        for cycle in range(200):
            if cycle in begins:
                sums = draw(config.columns)
                coming.update({cycle + g: sums[lanes * g : lanes * (g + 1)] for g in range(groups)})
                ctx.set(dut.totals, [x for x, _, _ in sums])
                ctx.set(dut.scale, [{"multiplier": m, "exponent": e} for _, m, e in sums])
            ctx.set(dut.valid, cycle in begins)
            ctx.set(dut.soon, cycle + 4 in begins)
            slot, kind, offered = draw(lanes), int(rng.integers(3)), ready[0] and bool(rng.integers(2))
            slot = [(x, *slot[0][1:]) for x, _, _ in slot]
            ctx.set(dut.slot, [x for x, _, _ in slot])
            ctx.set(dut.slot_scale, {"multiplier": slot[0][1], "exponent": slot[0][2]})
            ctx.set(dut.slot_kind, kind)
            ctx.set(dut.slot_valid, offered)
            ready = [*ready[1:], cycle + 4 not in taken]
            assert cycle < 4 or ctx.get(dut.slot_ready) == ready[-1]
            if cycle in coming:
                expected[cycle + dut.latency] = (1, 0), None, [scale(*value) for value in coming.pop(cycle)]
            if offered:
                expected[cycle + dut.slot_latency] = (0, 1), kind, [scale(*value) for value in slot]
            whose, kind, y = expected.pop(cycle, ((0, 0), None, None))
            assert (ctx.get(dut.source.conv), ctx.get(dut.source.elementwise)) == whose
            assert kind is None or ctx.get(dut.source.kind) == kind
            assert y is None or [ctx.get(dut.y[i]) for i in range(lanes)] == y
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
