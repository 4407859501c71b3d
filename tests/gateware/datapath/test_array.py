# SPDX-License-Identifier: Apache-2.0
"""The systolic array against a matrix product."""

from itertools import pairwise

import numpy as np
import pytest
from amaranth.sim import Simulator

from celosia.arch.config import Config
from celosia.gateware.datapath.array import SystolicArray

SHAPES = [(4, 4, 1), (8, 4, 1), (4, 8, 1), (12, 10, 1), (8, 8, 2), (8, 6, 4), (2, 2, 1)]


@pytest.mark.parametrize(("rows", "columns", "weight_rows"), SHAPES)
@pytest.mark.parametrize("seed", [1, 2])
def test_array_equals_matrix_product(rows, columns, weight_rows, seed):
    config = Config(rows=rows, columns=columns, lanes=columns, weight_rows=weight_rows)
    rng = np.random.default_rng(seed)
    tiles = [rng.integers(-128, 128, (rows, columns)) for _ in range(6)]
    lengths = [int(rng.integers(1, 2 * rows)) for _ in tiles]
    stimulus = []  # (activations, swap, weights, expected sums or None) a cycle
    for tile, length in zip(tiles, lengths, strict=True):
        for i in range(max(length, config.weight_cycles)):
            x = rng.integers(-128, 128, rows)
            w = rng.integers(-128, 128, (weight_rows, columns))
            if i < config.weight_cycles:
                w = tile[i * weight_rows : (i + 1) * weight_rows]
            stimulus.append((x, i == 0, w, x @ tile))
    stimulus += [(np.zeros(rows, int), 0, np.zeros((weight_rows, columns), int), None)] * 64
    array = SystolicArray(config)
    got = []

    async def bench(ctx):
        ctx.set(array.weights, stimulus[0][2].tolist())
        await ctx.tick()
        for (x, swap, _, _), (_, _, w, _) in pairwise(stimulus):
            ctx.set(array.activations, x.tolist())
            ctx.set(array.swap, int(swap))
            ctx.set(array.weights, w.tolist())  # one cycle ahead
            got.append([ctx.get(array.sums[c]) for c in range(columns)])
            await ctx.tick()

    sim = Simulator(array)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    for t, (_, _, _, expected) in enumerate(stimulus):
        if expected is not None:
            assert got[t + array.latency] == expected.tolist()
