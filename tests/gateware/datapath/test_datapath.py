# SPDX-License-Identifier: Apache-2.0
"""The datapath against the command set's own words: random commands on random memories."""

import numpy as np
import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from celosia.arch.isa import Opcode, decode, encode
from celosia.gateware.compute import Compute
from celosia.gateware.family import Device, Family, SimulatedPlatform
from support.commands import CONFIGS, configuration, random_add, random_conv, random_depthwise
from support.local_bus import beats, fetch, transfer
from support.machine import Machine


@pytest.mark.parametrize("overlap", [False, True])
@pytest.mark.parametrize("name", CONFIGS)
def test_commands_do_what_the_command_set_says(name, overlap):
    """Convolutions back to back; with ``overlap`` an ADD runs beside them."""
    run_commands(configuration(name), len(name) + overlap, overlap, None)


@pytest.mark.parametrize("family", [Family.ECP5, Family.GOWIN, Family.ICE40], ids=lambda family: family.value)
def test_the_same_with_the_bodies_of_a_family(family):
    run_commands(configuration("4x4"), 1, True, SimulatedPlatform(Device(family, 16, simulated=True)))


def run_commands(config, seed, overlap, platform):
    rng = np.random.default_rng(seed)
    machine = Machine(config, rng)
    dut = Compute(config)
    half = config.activation_bytes // 2
    convs: list[tuple[Opcode, dict]] = []
    for i in range(10):
        if config.down_channels and i % 2:
            convs.append((Opcode.DEPTHWISE, random_depthwise(config, rng, machine, 8 * config.tile_words * i // 2)))
        else:
            convs.append((Opcode.CONV, random_conv(config, rng)))
    adds = [(Opcode.ADD, random_add(config, rng)) for _ in range(3)]
    if overlap:  # the last quarter is for the sums alone
        for opcode, f in convs:
            size = f["output_h"] * f["output_row_pitch"]
            place = f["output_address"] % max(1, half // 2 - size)
            f["output_address"] = half + (place if opcode is Opcode.CONV else 0)
        for _, f in adds:
            f["lines"] = min(f["lines"], half // 2 // config.line_bytes)
            f["output_address"] = half + half // 2
    images = (
        (dut.weights, machine.weights.tobytes()),
        (dut.parameters, machine.parameters.tobytes()),
        (dut.activations, machine.activations.tobytes()),
    )
    after = {}

    async def issue(ctx, engine, commands):
        for opcode, fields in commands:
            word = int.from_bytes(encode(opcode, **fields), "little")
            ctx.set(engine.command.payload.as_value(), word)
            await ctx.tick()
            ctx.set(engine.command.valid, 1)
            await ctx.tick().until(engine.command.ready)
            ctx.set(engine.command.valid, 0)

    async def settle(ctx):
        for _ in range(10_000):
            if not (ctx.get(dut.conv.busy) or ctx.get(dut.elementwise.busy)):
                return
            await ctx.tick()
        pytest.fail("an engine never finished")

    async def bench(ctx):
        for bus, image in images:
            await transfer(ctx, bus, beats(image, config.bus_bytes))
        if overlap:
            await issue(ctx, dut.elementwise, adds[:1])
        await issue(ctx, dut.conv, convs)
        await settle(ctx)
        await issue(ctx, dut.elementwise, adds[int(overlap) :])
        await settle(ctx)
        after["bytes"] = await fetch(ctx, dut.activations, config.activation_bytes, config.bus_bytes)

    sim = Simulator(Fragment.get(dut, platform))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()
    for opcode, fields in adds[: int(overlap)] + convs + adds[int(overlap) :]:
        getattr(machine, opcode.name.lower())(decode(encode(opcode, **fields)))
    got = np.frombuffer(after["bytes"], np.int8)
    wrong = np.flatnonzero(got != machine.activations)
    assert not len(wrong), f"{len(wrong)} bytes differ, first at {wrong[0]}"
