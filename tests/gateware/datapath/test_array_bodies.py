# SPDX-License-Identifier: Apache-2.0
"""Every body of the array against the portable one, cycle for cycle; and the arithmetic of shared multipliers."""

import numpy as np
import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from celosia.arch.config import Config
from celosia.gateware.datapath.array import Flow, SystolicArray
from celosia.gateware.datapath.multipliers import PER_LANE
from celosia.gateware.family import PORTABLE, Device, Family, SimulatedPlatform

SHAPES = {
    "8x6, 2 rows": Config(rows=8, columns=6, lanes=6, weight_rows=2),
    "4x4": Config(rows=4, columns=4, lanes=4, weight_rows=1),
    "12x4, 4 rows": Config(rows=12, columns=4, lanes=4, weight_rows=4),
    "3x2": Config(rows=3, columns=2, lanes=1, weight_rows=1),
}


def stimulus(config: Config, cycles: int) -> list[dict]:
    """Random values in every cycle, of extremes more than their share, and swaps whenever."""
    rng = np.random.default_rng(config.rows)

    def bytes_of(*shape):
        values = rng.integers(-128, 128, shape)
        return np.where(rng.random(shape) < 0.3, rng.choice([-128, -127, 0, 127], shape), values).tolist()

    flow, result = Flow.ACROSS, []
    for _ in range(cycles):
        if config.down_channels and rng.random() < 0.1:
            flow = list(Flow)[rng.integers(4)]
        result.append(
            {
                "flow": flow,
                "swap": int(rng.random() < 0.4),
                "activations": bytes_of(config.rows),
                "heads": bytes_of(4, config.pairs),
                "weights": bytes_of(config.weight_rows, config.columns),
            }
        )
    return result


def sums_of(config: Config, device: Device, inputs: list[dict]) -> list[list[int]]:
    array = SystolicArray(config)
    result = []

    async def bench(ctx):
        for values in inputs:
            for name, value in values.items():
                ctx.set(getattr(array, name), value)
            result.append([ctx.get(array.sums[c]) for c in range(config.columns)])
            await ctx.tick()

    sim = Simulator(Fragment.get(array, SimulatedPlatform(device)))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return result


@pytest.mark.parametrize("share", [0.0, 0.45, 1.0], ids=["no multipliers", "some", "all"])
@pytest.mark.parametrize("family", [Family.ECP5, Family.GOWIN, Family.ICE40])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_body_has_the_portable_one_s_sums_in_the_same_cycles(shape, family, share):
    config = SHAPES[shape]
    multipliers = PER_LANE[family] * config.lanes + int(share * config.rows * config.pairs)
    inputs = stimulus(config, 150)
    expected = sums_of(config, PORTABLE, inputs)
    assert any(any(sums) for sums in expected)
    assert sums_of(config, Device(family, multipliers, simulated=True), inputs) == expected


def test_two_products_of_one_multiplier_come_apart_for_all_int8():
    """The arithmetic of ``ecp5_double`` for every activation and both weights."""
    int8 = np.arange(-128, 128, dtype=np.int32)
    w1, w0 = int8[:, None], int8[None, :]
    factor = 512 * w1 - w0
    assert factor.min() >= -(2**17)
    assert factor.max() < 2**17
    for a in int8:
        product = factor * a
        low, high = product & 511, product >> 9
        assert high.min() >= -(2**14) - 2**5
        assert high.max() < 2**14 + 2**5
        correction = ((high - (a * w1 & 63)) + 32 & 63) - 32
        assert np.array_equal(-(low + 512 * correction), np.broadcast_to(a * w0, low.shape))
        assert np.array_equal(high - correction, np.broadcast_to(a * w1, low.shape))
