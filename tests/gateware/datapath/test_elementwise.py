# SPDX-License-Identifier: Apache-2.0
"""The element-wise engine between lanes and a memory that a convolution takes from it at any time."""

import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from celosia.arch.isa import Opcode, decode, encode
from celosia.arch.timing.conv import clamp_latency
from celosia.arch.timing.elementwise import add_finish, line_latency
from celosia.gateware.datapath.elementwise import Elementwise, Kind
from celosia.gateware.datapath.lanes import Lanes
from support.commands import configuration, random_add
from support.machine import Machine
from support.scaling import scale

CYCLES = 3000
NOTHING = {"elementwise": 0, "kind": 0}


class Taken:
    """The cycles in which the lanes and the memory are a convolution's: a share of each, so many cycles on end."""

    def __init__(self, rng: random.Random, lanes: float, memory: float, run: int):
        self._lanes, self._memory = (
            [taken for _ in range(CYCLES // run + 4) for taken in [rng.random() < share] * run]
            for share in (lanes, memory)
        )

    def lanes(self, cycle: int) -> bool:
        return self._lanes[cycle]

    def memory(self, cycle: int) -> bool:
        return self._memory[cycle]

    def any(self, first: int, last: int) -> bool:
        return any(self._lanes[first : last + 1]) or any(self._memory[first : last + 1])


def run(config, fields: dict, taken: Taken, activations: np.ndarray) -> tuple[int, int]:
    """One ADD on ``activations``; the cycles in which it is taken and has finished."""
    dut, width = Elementwise(config), config.line_bytes
    lines = activations.reshape(-1, width)
    scaled: dict[int, tuple[list[int], dict]] = {}  # by the cycle in which they leave the lanes
    clamped: dict[int, list[int]] = {}
    answers: dict[int, bytes] = {}
    begun: list[int] = []

    async def cycle_of(ctx, cycle: int) -> bool:
        y, source = scaled.pop(cycle, ([0] * config.lanes, NOTHING))
        ctx.set(dut.y, y)
        ctx.set(dut.source_soon, scaled.get(cycle + 1, (0, NOTHING))[1])
        ctx.set(dut.q, clamped.pop(cycle, [0] * config.lanes))
        ctx.set(dut.line_soon, cycle + 1 in answers)
        ctx.set(dut.line_data, int.from_bytes(answers.pop(cycle, b""), "little"))
        ctx.set(dut.slot_ready, not taken.lanes(cycle + 4))
        ctx.set(dut.lines.ready, not taken.memory(cycle + 1))
        if source["elementwise"] and source["kind"] == Kind.OUT.value:
            low, high, zero_point = (ctx.get(getattr(dut.range, name)) for name in ("low", "high", "zero_point"))
            clamped[cycle + clamp_latency(config)] = [min(max(value + zero_point, low), high) for value in y]
        if ctx.get(dut.slot_valid):
            assert not taken.lanes(cycle + 1)
            scales = ctx.get(dut.slot_scale.multiplier), ctx.get(dut.slot_scale.exponent)
            y = [scale(ctx.get(dut.slot[i]), *scales) for i in range(config.lanes)]
            y = [(value + 2**31) % 2**32 - 2**31 for value in y]
            scaled[cycle + Lanes.slot_latency] = y, {"elementwise": 1, "kind": ctx.get(dut.slot_kind)}
        if ctx.get(dut.lines.valid) and not taken.memory(cycle + 1):
            line = ctx.get(dut.lines.payload.line)
            if ctx.get(dut.lines.payload.write):
                lines[line] = np.frombuffer(ctx.get(dut.lines.payload.data).to_bytes(width, "little"), np.int8)
            else:
                answers[cycle + line_latency(config)] = lines[line].tobytes()
        if ctx.get(dut.engine.command.valid) and ctx.get(dut.engine.command.ready):
            begun.append(cycle)
        return bool(ctx.get(dut.engine.finished))

    async def bench(ctx):
        ctx.set(dut.engine.command.payload.as_value(), int.from_bytes(encode(Opcode.ADD, **fields), "little"))
        for cycle in range(CYCLES):
            ctx.set(dut.engine.command.valid, not begun)
            if await cycle_of(ctx, cycle):
                begun.append(cycle)
                return
            await ctx.tick()
        pytest.fail("it never finished")

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    start, finish = begun
    return start, finish


@pytest.mark.parametrize("taken", [(0, 0, 1), (0.3, 0.3, 1), (0.8, 0.8, 1), (0, 0.5, 50)], ids=str)
@pytest.mark.parametrize("name", ["4x4", "4x8, 2 lanes", "12x10"])
def test_sums_and_cycles_beside_a_convolution(name, taken):
    """Every byte of the memory, and the very cycle of the end."""
    config, rng = configuration(name), np.random.default_rng(5)
    machine = Machine(config, rng)
    taken = Taken(random.Random(6), *taken)
    fields = random_add(config, rng) | {"lines": 9}
    fields["output_address"] = config.activation_bytes - 9 * config.line_bytes
    activations = machine.activations.copy()
    start, finish = run(config, fields, taken, activations)
    machine.add(decode(encode(Opcode.ADD, **fields)))
    assert np.flatnonzero(activations != machine.activations).tolist() == []
    assert finish == add_finish(config, 9, start, taken)
