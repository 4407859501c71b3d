# SPDX-License-Identifier: Apache-2.0
"""Cores without ``overlap``: one command at a time, read where it was fetched to."""

import random

import numpy as np
import pytest

from celosia.arch.config import Config, preset
from celosia.arch.isa import Engine, ErrorCause, Opcode, Space, decode, encode
from celosia.arch.registers import Control, Register, Status, window
from celosia.arch.timing import predict
from celosia.gateware.family import Device, Family, SimulatedPlatform
from gateware.test_core import Bench
from support.commands import random_conv, random_depthwise
from support.machine import Machine

WHOLE = preset("c16").replace(
    weight_bytes=1024, activation_bytes=1024, parameter_records=64, accumulators=64, program_commands=16, overlap=False
)
SMALLEST = WHOLE.replace(columns=2, lanes=1, depthwise=False, elementwise=False, external=False)
SPREAD = WHOLE.replace(rows=8, columns=8, lanes=8, weight_rows=2, weight_bytes=4096, elementwise=False, external=False)
ICE40 = SimulatedPlatform(Device(Family.ICE40, multipliers=8, simulated=True))
CONFIGS = {
    "whole": WHOLE,
    "smallest": SMALLEST,
    "smallest, two lanes": SMALLEST.replace(lanes=2),
    "smallest, two weight rows": SMALLEST.replace(weight_rows=2),
    "eight rows": SMALLEST.replace(rows=8, bus_bits=64),
    "8x8, ways to the memories": SPREAD,
    "8x8, a bus of 64 bits": SPREAD.replace(bus_bits=64),
}


def commands_of(config: Config, rng: np.random.Generator, machine: Machine, count: int) -> list[bytes]:
    words, convs = [], 0
    for i in range(count):
        if i % 3 == 1:
            words.append(encode(Opcode.SYNC, waits={Engine.CONV: int(rng.integers(0, convs + 1))}))
        elif i % 3 == 2 and config.down_channels:
            fields = random_depthwise(config, rng, machine, weight_address=160)
            words.append(encode(Opcode.DEPTHWISE, waits={Engine.CONV: convs}, **fields))
            convs += 1
        else:
            words.append(encode(Opcode.CONV, waits={Engine.CONV: convs}, **random_conv(config, rng)))
            convs += 1
    return [*words, encode(Opcode.END)]


def run_on(machine: Machine, words: list[bytes]) -> bytes:
    for word in words:
        command = decode(word)
        if command["opcode"] in (Opcode.CONV, Opcode.DEPTHWISE):
            getattr(machine, command["opcode"].name.lower())(command)
    return machine.activations.tobytes()


@pytest.mark.parametrize(
    ("name", "platform"),
    [*((name, None) for name in CONFIGS), *((name, ICE40) for name in CONFIGS if name.startswith("smallest"))],
)
def test_bits_and_cycles(name, platform):
    """Every dispatch, every finish, the total, and the memory afterwards; then the same from a reset in the middle."""
    config, rng = CONFIGS[name], np.random.default_rng(11)
    machine = Machine(config, rng)
    words = commands_of(config, rng, machine, 9)
    before = {
        Space.WEIGHTS: machine.weights.tobytes(),
        Space.PARAMETERS: machine.parameters.tobytes(),
        Space.ACTIVATIONS: machine.activations.tobytes(),
        Space.PROGRAM: b"".join(words),
    }
    expected = run_on(machine, words)
    schedule = predict(config, [decode(word) for word in words])
    bench = Bench(config, platform=platform)

    async def main(ctx):
        for space, content in before.items():
            await bench.upload(ctx, space, content)
        await bench.start(ctx)
        for i in range(0, 4 * 15, 4):  # inputs, while they are being read
            word = before[Space.ACTIVATIONS][i : i + 4]
            assert await bench.host.read(ctx, window(config, Space.ACTIVATIONS) + i) == int.from_bytes(word, "little")
        await bench.host.write(ctx, Register.CONTROL, Control.RESET)
        await bench.upload(ctx, Space.ACTIVATIONS, before[Space.ACTIVATIONS])
        bench.started.clear()
        bench.finished.clear()
        await bench.start(ctx)
        assert await bench.done(ctx) == Status.DONE
        assert await bench.host.read(ctx, Register.CYCLES_LOW) == schedule.cycles
        assert await bench.host.read(ctx, Register.VECTORS) == 0  # not counted
        assert await bench.download(ctx, Space.ACTIVATIONS, config.activation_bytes) == expected

    bench.run(main)
    intervals = [i for i in schedule.intervals if i.engine is not None]
    origin = bench.started[0][0] - intervals[0].start
    assert [cycle - origin for cycle, _ in bench.started] == [i.start for i in intervals]
    assert [cycle - origin for cycle, _ in bench.finished] == [i.finish for i in intervals]


@pytest.mark.parametrize(
    ("spoiled", "cause"),
    [
        ({1: 0x80}, ErrorCause.ILLEGAL_COMMAND),  # a flag
        ({0: 0x55}, ErrorCause.ILLEGAL_COMMAND),
        ({0: Opcode.ADD.value}, ErrorCause.ILLEGAL_COMMAND),  # none of this core's
        ({63: 1}, ErrorCause.ILLEGAL_COMMAND),  # reserved
        ({}, ErrorCause.PROGRAM_OVERRUN),
    ],
    ids=str,
)
def test_errors(spoiled, cause):
    """The last command of the memory, or the end behind it."""
    config, rng = SMALLEST, random.Random(1)
    bench = Bench(config)
    last = bytearray(encode(Opcode.CONV, **random_conv(config, np.random.default_rng(1))))
    for place, value in spoiled.items():
        last[place] = value
    words = [encode(Opcode.SYNC)] * (config.program_commands - 1) + [bytes(last)]

    async def main(ctx):
        await bench.upload(ctx, Space.PROGRAM, b"".join(words))
        for _ in range(2):
            await bench.host.write(ctx, Register.START, rng.randrange(config.program_commands))
            await bench.start(ctx)
            assert await bench.done(ctx) == Status.ERROR
            index = config.program_commands - (1 if spoiled else 0)
            assert await bench.host.read(ctx, Register.ERROR) == index << 16 | cause.value

    bench.run(main)


def test_every_zero_count_is_illegal():
    counts = ("kernel_h", "kernel_w", "chunks", "output_w", "output_h", "n_tiles")
    bench = Bench(SMALLEST)
    good = random_conv(SMALLEST, np.random.default_rng(2))

    async def main(ctx):
        for name in counts:
            await bench.upload(ctx, Space.PROGRAM, encode(Opcode.CONV, **{**good, name: 0}) + encode(Opcode.END))
            await bench.start(ctx)
            assert await bench.done(ctx) == Status.ERROR, name

    bench.run(main)
