# SPDX-License-Identifier: Apache-2.0
"""Whole networks: the compiler's program, the runtime, and every bit of the result."""

import cocotb
import numpy as np
from cocotb.task import bridge

from celosia import golden
from celosia.arch.registers import Register
from celosia.compiler import compile
from celosia.demo import MODEL, digits
from celosia.model import load
from celosia.runtime import Device
from cosim.bench import Bench
from cosim.stalls import stall
from cosim.transport import CosimTransport

MAX_CYCLES = 200_000


async def infer(bench: Bench, memory: str):
    """The demo's network on one of its images, drawn by the seed."""
    graph = load(MODEL)
    program = compile(graph, bench.config, memory=memory)
    images = digits().images
    image = images[int(bench.rng.integers(len(images)))][None]

    def run():
        device = Device(CosimTransport(bench))
        return device.run(program, image, max_cycles=MAX_CYCLES)

    result = await bridge(run)()
    np.testing.assert_array_equal(result.outputs[0], golden.run(graph, [image])[0])
    return result


@cocotb.test()
async def from_local_memory(dut):
    """The host stalls as it loads; then nothing can: the cycles are those predicted."""
    bench = await Bench.start(dut, "from_local_memory", stalls=False)
    await bench.set_bounds(0, 0)
    stall(bench.host, bench.rng, (0.0, 0.3))
    result = await infer(bench, "local")
    assert result.cycles == result.predicted


@cocotb.test()
async def from_external_memory(dut):
    """External memory stalls in every way."""
    bench = await Bench.start(dut, "from_external_memory")
    await bench.set_bounds()
    result = await infer(bench, "external")
    assert result.cycles >= result.predicted
    assert await bench.read(Register.LOAD_BUSY)
