# SPDX-License-Identifier: Apache-2.0
"""The accumulators against plain sums: tiles over slots, extreme biases, and the larger instead of the sum."""

import numpy as np
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.arch.config import Config
from celosia.arch.timing.conv import REVISIT, accumulator_way
from celosia.gateware.datapath.accumulators import Accumulators

CONFIGS = [Config(rows=rows, columns=4, lanes=4, weight_rows=1, accumulators=16) for rows in (4, 8)]
"""Without a register behind the accumulators' memory, and with one."""


@st.composite
def planes(draw):
    """n-tiles: (slots, tiles, gap after each tile, maximum)."""
    plane = st.tuples(st.integers(1, 16), st.integers(1, 4), st.integers(0, 3), st.booleans())
    return draw(st.lists(plane, min_size=1, max_size=6))


@settings(max_examples=40)
@given(st.sampled_from(CONFIGS), planes(), st.integers(0, 2**32 - 1))
def test_totals_are_sums_over_tiles(config, planes, seed):
    rng = np.random.default_rng(seed)
    limit = 1 << (config.sum_bits - 1)
    apart = REVISIT + 3 * accumulator_way(config)
    stimulus, expected = [], []  # (flags, sums, bias) a cycle; totals in order
    for slots, tiles, gap, maximum in planes:
        bias = np.where(rng.random(4) < 0.5, rng.integers(-(2**15), 2**15, 4), rng.choice([2**30 + 7, -(2**30)], 4))
        sums = rng.integers(-limit, limit, (tiles, slots, 4))
        for tile in range(tiles):
            for slot in range(slots):
                flags = {
                    "valid": 1, "start": slot == 0, "first": tile == 0, "last": tile == tiles - 1, "maximum": maximum,
                }  # fmt: skip
                stimulus.append((flags, sums[tile, slot], bias))
            stimulus += [({"valid": 0}, np.zeros(4, int), bias)] * max(gap, apart - slots)
        total = sums.max(axis=0) if maximum else sums.sum(axis=0) + bias
        expected += ((total + 2**31) % 2**32 - 2**31).tolist()
    dut = Accumulators(config)
    got = []

    async def bench(ctx):
        for t in range(len(stimulus) + dut.lead + dut.latency + 1):
            flags = stimulus[t][0] if t < len(stimulus) else {"valid": 0}
            for name in ("valid", "start", "first", "last", "maximum"):
                ctx.set(dut.flags[name], int(flags.get(name, 0)))
            if 0 <= t - dut.lead < len(stimulus):
                ctx.set(dut.sums, stimulus[t - dut.lead][1].tolist())
            if 0 <= t - dut.lead + 1 < len(stimulus):
                ctx.set(dut.bias, stimulus[t - dut.lead + 1][2].tolist())
            if ctx.get(dut.valid):
                got.append([ctx.get(dut.totals[c]) for c in range(4)])
            await ctx.tick()

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    assert got == expected
