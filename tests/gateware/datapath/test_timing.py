# SPDX-License-Identifier: Apache-2.0
"""The timing model of the engines against the gateware, to the cycle."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from celosia.arch.config import Config
from celosia.arch.isa import Opcode, decode, encode
from celosia.arch.timing.conv import ConvModel
from celosia.arch.timing.elementwise import add_cycles
from celosia.gateware.compute import Compute
from support.commands import CONFIGS, configuration, random_conv, random_depthwise
from support.machine import Machine


def measure(config: Config, engine: str, commands: list[tuple[Opcode, dict]]) -> tuple[list[int], list[int]]:
    """The cycles in which each command is taken and has finished, all offered one after the other; each is there a
    cycle before it is offered."""
    dut = Compute(config)
    port = getattr(dut, engine)
    taken, finished = [], []

    async def bench(ctx):
        cycle, there = 0, None
        while len(finished) < len(commands):
            left, offered = commands[len(taken) :], there == len(taken)
            ctx.set(port.command.valid, bool(left) and offered)
            if left:
                ctx.set(port.command.payload.as_value(), int.from_bytes(encode(left[0][0], **left[0][1]), "little"))
                there = len(taken)
                if offered and ctx.get(port.command.ready):
                    taken.append(cycle)
            if ctx.get(port.finished):
                finished.append(cycle)
            await ctx.tick()
            cycle += 1

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    return taken, finished


@pytest.mark.parametrize("name", CONFIGS)
def test_convolution_engine_takes_what_the_model_says(name):
    config, rng = configuration(name), np.random.default_rng(3)
    machine = Machine(config, rng)
    commands = []
    for i in range(14):
        if i % 2 and config.down_channels:
            commands.append((Opcode.DEPTHWISE, random_depthwise(config, rng, machine, 0)))
        else:
            commands.append((Opcode.CONV, random_conv(config, rng)))
    model = ConvModel(config)
    ready, taken, finished = 1, [], []
    for opcode, fields in commands:
        taken.append(model.accept(ready))
        ready = taken[-1] + 2
        finished.append(model.run(decode(encode(opcode, **fields)), taken[-1]))
    assert (taken, finished) == measure(config, "conv", commands)


@pytest.mark.parametrize("lines", [1, 2, 3, 5, 27, 46, 61])
@pytest.mark.parametrize("name", ["4x4", "4x8, 2 lanes", "12x10", "16x4"])
def test_elementwise_engine_takes_what_the_model_says(name, lines):
    config = configuration(name)
    (taken,), (finished,) = measure(config, "elementwise", [(Opcode.ADD, {"lines": lines})])
    assert finished - taken == add_cycles(config, lines)
