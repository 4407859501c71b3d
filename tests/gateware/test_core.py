# SPDX-License-Identifier: Apache-2.0
"""The whole core through its ports: programs of every kind of command, against the command set on plain numbers."""

import random
from dataclasses import dataclass, field

import numpy as np
import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from celosia.arch.config import Config, preset
from celosia.arch.isa import Engine, ErrorCause, Opcode, Space, decode, encode
from celosia.arch.registers import IDENTITY, Control, Register, Status, window
from celosia.arch.timing import START_CYCLES, predict
from celosia.arch.version import VERSION
from celosia.gateware.core import Core
from celosia.sim.functional import FunctionalTransport
from gateware.control.buses import AxiMemory, Host
from support.commands import random_add, random_conv, random_depthwise
from support.machine import Machine

CONFIG = preset("c16").replace(
    weight_bytes=1024, activation_bytes=1024, parameter_records=64, accumulators=64, program_commands=16
)
BASE, SIZE = 0x1000, 0x4000
PLACES = {Space.WEIGHTS: 0x0000, Space.PARAMETERS: 0x1000, Space.ACTIVATIONS: 0x2000}
RESULT = 0x3000  # external, as PLACES


@dataclass
class Bench:
    """A core, a host, an external memory, and the cycles in which engines took up and finished commands."""

    config: Config = CONFIG
    stall: float = 0.0
    seed: int = 1
    platform: object = None
    cycle: int = 0
    started: list = field(default_factory=list)
    finished: list = field(default_factory=list)

    def __post_init__(self):
        self.dut = Core(self.config)
        self.host = Host(self.dut.control, seed=self.seed, stall=self.stall)
        self.external = AxiMemory(self.dut.memory, 1 << 16, latency=4, stall=self.stall, seed=self.seed)

    async def _trace(self, ctx):
        dut = self.dut
        while True:
            _, _, started, finished = await ctx.tick().sample(dut.trace_started, dut.trace_finished)
            for engine in Engine:
                if started >> engine & 1:
                    self.started.append((self.cycle, engine))
                if finished >> engine & 1:
                    self.finished.append((self.cycle, engine))
            self.cycle += 1

    def run(self, main):
        sim = Simulator(Fragment.get(self.dut, self.platform))
        sim.add_clock(1e-6)
        sim.add_testbench(self.external.run, background=True)
        sim.add_testbench(self._trace, background=True)

        async def whole(ctx):
            await self.host.write(ctx, Register.EXTERNAL_BASE, BASE)
            await self.host.write(ctx, Register.EXTERNAL_SIZE, SIZE)
            await self.host.write(ctx, Register.TIMEOUT, 5000)
            await self.host.write(ctx, Register.INTERRUPT, 3)
            await main(ctx)

        sim.add_testbench(whole)
        sim.run()

    async def upload(self, ctx, space: Space, content: bytes):
        await self.host.write_block(ctx, window(self.config, space), content)

    async def download(self, ctx, space: Space, size: int) -> bytes:
        words = [await self.host.read(ctx, window(self.config, space) + i) for i in range(0, size, 4)]
        return b"".join(word.to_bytes(4, "little") for word in words)

    async def start(self, ctx):
        await self.host.write(ctx, Register.INTERRUPT, 3)
        await self.host.write(ctx, Register.CONTROL, Control.START)

    async def done(self, ctx) -> Status:
        await self.host.wait(ctx, self.dut.interrupt, 50_000)
        return Status(await self.host.read(ctx, Register.STATUS))


def images(machine: Machine) -> dict[Space, bytes]:
    return {
        Space.WEIGHTS: machine.weights.tobytes(),
        Space.PARAMETERS: machine.parameters.tobytes(),
        Space.ACTIVATIONS: machine.activations.tobytes(),
    }


def layers(seed: int) -> tuple[Machine, list[tuple[Opcode, dict]]]:
    """Memories, and CONV, DEPTHWISE and an ADD of what CONV wrote to something else.

    Inputs lie in the lower half of the activation memory, as do ADD's results, which nobody reads.
    """
    rng = np.random.default_rng(seed)
    machine = Machine(CONFIG, rng)
    conv = random_conv(CONFIG, rng)
    depthwise = random_depthwise(CONFIG, rng, machine, weight_address=160)
    add = random_add(CONFIG, rng)
    line = CONFIG.line_bytes
    add["address_a"] = conv["output_address"] // line * line
    add["lines"] = min(add["lines"], (CONFIG.activation_bytes - add["address_a"]) // line)
    add["output_address"] = CONFIG.activation_bytes // 2 - line * add["lines"]
    add["address_b"] = line * int(rng.integers(0, 20))
    return machine, [(Opcode.CONV, conv), (Opcode.DEPTHWISE, depthwise), (Opcode.ADD, add)]


def compute(machine: Machine, commands: list[tuple[Opcode, dict]]) -> bytes:
    """The activation memory after some commands."""
    for opcode, fields in commands:
        getattr(machine, opcode.name.lower())(decode(encode(opcode, **fields)))
    return machine.activations.tobytes()


def program(commands: list[tuple[Opcode, dict]]) -> list[bytes]:
    """Convolutions one behind the other, ADD when both are done."""
    waits = {Opcode.CONV: {}, Opcode.DEPTHWISE: {Engine.CONV: 1}, Opcode.ADD: {Engine.CONV: 2}}
    return [*(encode(opcode, waits=waits[opcode], **f) for opcode, f in commands), encode(Opcode.END)]


def test_identity():
    bench = Bench()

    async def main(ctx):
        expected = {
            Register.ID: IDENTITY,
            Register.VERSION: VERSION[0] << 16 | VERSION[1],
            Register.HASH_LOW: CONFIG.hash & 0xFFFFFFFF,
            Register.HASH_HIGH: CONFIG.hash >> 32,
            Register.STATUS: 0,
            Register.ERROR: 0,
        }
        for register, value in expected.items():
            await bench.host.write(ctx, register, ~value & 0xFFFFFFFF)
            assert await bench.host.read(ctx, register) == value, register.name

    bench.run(main)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_program_through_the_windows_alone(seed):
    """Bits, cycles, vectors and events: those of the machine on plain numbers and of the timing model."""
    bench = Bench()
    machine, commands = layers(seed)
    before = images(machine)
    expected = compute(machine, commands)
    assert expected != before[Space.ACTIVATIONS]
    words = program(commands)
    schedule = predict(CONFIG, [decode(word) for word in words])

    async def main(ctx):
        for space, content in before.items():
            await bench.upload(ctx, space, content)
        await bench.upload(ctx, Space.PROGRAM, b"".join(words))
        await bench.host.write(ctx, Register.CONTROL, Control.START)
        assert await bench.done(ctx) == Status.DONE
        assert await bench.host.read(ctx, Register.CYCLES_LOW) == schedule.cycles
        assert await bench.host.read(ctx, Register.VECTORS) == schedule.vectors
        assert await bench.download(ctx, Space.ACTIVATIONS, CONFIG.activation_bytes) == expected

    bench.run(main)
    intervals = [i for i in schedule.intervals if i.engine is not None]
    origin = bench.started[0][0] - intervals[0].start
    assert [(cycle - origin, engine) for cycle, engine in bench.started] == [(i.start, i.engine) for i in intervals]
    assert sorted((c - origin, e) for c, e in bench.finished) == sorted((i.finish, i.engine) for i in intervals)
    assert not bench.external.reads
    assert not bench.external.writes


def test_cycles_are_counted_from_the_start():
    """START_CYCLES after the edge that completed the write of CONTROL is the first cycle of all."""
    bench = Bench()
    words = program(layers(1)[1])
    first = predict(CONFIG, [decode(word) for word in words]).intervals[0]

    async def main(ctx):
        await bench.upload(ctx, Space.PROGRAM, b"".join(words))
        bus, taken = bench.dut.control, None
        ctx.set(bus.awaddr, Register.CONTROL)
        ctx.set(bus.wdata, Control.START)
        ctx.set(bus.wstrb, 15)
        for name in ("awvalid", "wvalid", "bready"):
            ctx.set(getattr(bus, name), 1)
        while taken is None:
            edge = bench.cycle
            _, _, address, word = await ctx.tick().sample(bus.awready, bus.wready)
            if address and word:
                taken = edge
        for name in ("awvalid", "wvalid"):
            ctx.set(getattr(bus, name), 0)
        while not bench.started:
            await ctx.tick()
        assert bench.started[0] == (taken + START_CYCLES + first.start, Engine.CONV)

    bench.run(main)


def whole(commands: list[tuple[Opcode, dict]]) -> list[bytes]:
    """All memories from outside, the layers, and the activation memory back."""
    sizes = {Space.WEIGHTS: CONFIG.weight_bytes, Space.PARAMETERS: 1024, Space.ACTIVATIONS: CONFIG.activation_bytes}
    loads = [
        encode(Opcode.LOAD, external_address=PLACES[space], row_bytes=size, rows=1, space=space.value)
        for space, size in sizes.items()
    ]
    conv, depthwise, add = (
        encode(opcode, waits={Engine.LOAD: 3, Engine.CONV: i}, **f) for i, (opcode, f) in enumerate(commands)
    )
    store = encode(
        Opcode.STORE, waits={Engine.CONV: 2, Engine.ELEMENTWISE: 1}, external_address=RESULT,
        row_bytes=CONFIG.activation_bytes, rows=1, space=Space.ACTIVATIONS.value,
    )  # fmt: skip
    return [*loads, conv, depthwise, add, store, encode(Opcode.END)]


def fill(bench: Bench, content: dict[Space, bytes]):
    for space, data in content.items():
        start = BASE + PLACES[space]
        bench.external.bytes[start : start + len(data)] = data


def result(bench: Bench) -> bytes:
    return bytes(bench.external.bytes[BASE + RESULT :][: CONFIG.activation_bytes])


@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_a_program_that_brings_its_data(stall):
    """From external memory and back, twice: what the second start finds is not the first one's."""
    bench = Bench(stall=stall)
    runs = [layers(4), layers(5)]

    async def main(ctx):
        for machine, commands in runs:
            fill(bench, images(machine))
            await bench.upload(ctx, Space.PROGRAM, b"".join(whole(commands)))
            await bench.start(ctx)
            assert await bench.done(ctx) == Status.DONE
            assert result(bench) == compute(machine, commands)
            assert bench.external.open == 0

    bench.run(main)


def test_windows_while_a_program_runs():
    """Reads and writes of what the program does not touch come out right, and so does the program."""
    bench = Bench()
    machine, commands = layers(6)
    rng = random.Random(6)
    before = images(machine)
    expected = compute(machine, commands)
    constant = dict(commands)[Opcode.ADD]["output_address"]  # the first byte that the program writes
    free = {  # beyond what the commands read and write
        Space.WEIGHTS: range(CONFIG.weight_bytes - 256, CONFIG.weight_bytes, 4),
        Space.PROGRAM: range(64 * 8, 64 * 16, 4),
    }
    reads = {space: range(0, len(content), 4) for space, content in before.items()}
    reads[Space.ACTIVATIONS] = range(0, constant, 4)
    model = {}

    async def main(ctx):
        for space, content in before.items():
            await bench.upload(ctx, space, content)
        await bench.upload(ctx, Space.PROGRAM, b"".join(program(commands)))
        accesses = 0
        for _ in range(2):  # a program is short, and its second run changes nothing
            await bench.start(ctx)
            while Status(await bench.host.read(ctx, Register.STATUS)) == Status.RUNNING:
                space = rng.choice(list(free))
                address, value = rng.choice(free[space]), rng.getrandbits(32)
                await bench.host.write(ctx, window(CONFIG, space) + address, value)
                model[space, address] = value
                (space, address), value = rng.choice(list(model.items()))
                assert await bench.host.read(ctx, window(CONFIG, space) + address) == value
                space = rng.choice(list(reads))
                address = rng.choice(reads[space])
                if (space, address) not in model:
                    word = int.from_bytes(before[space][address : address + 4], "little")
                    await bench.host.write(ctx, window(CONFIG, space) + address, word, rng.getrandbits(4))
                    assert await bench.host.read(ctx, window(CONFIG, space) + address) == word
                accesses += 1
            assert await bench.done(ctx) == Status.DONE
        assert accesses > 15
        assert await bench.download(ctx, Space.ACTIVATIONS, CONFIG.activation_bytes) == expected
        for (space, address), value in model.items():
            assert await bench.host.read(ctx, window(CONFIG, space) + address) == value

    bench.run(main)


def test_a_long_command_is_progress():
    """With a TIMEOUT far shorter than the command, and longer than anything rests within it."""
    bench = Bench()
    longest = dict.fromkeys((Opcode.ADD, Opcode.CONV))
    longest[Opcode.ADD] = encode(Opcode.ADD, lines=CONFIG.activation_lines)
    longest[Opcode.CONV] = encode(
        Opcode.CONV, kernel_h=8, kernel_w=4, chunks=4, output_w=8, output_h=1, n_tiles=1, last_columns=1
    )

    async def main(ctx):
        await bench.host.write(ctx, Register.TIMEOUT, 50)
        for command in longest.values():
            await bench.upload(ctx, Space.PROGRAM, command + encode(Opcode.END))
            await bench.start(ctx)
            assert await bench.done(ctx) == Status.DONE
            assert await bench.host.read(ctx, Register.CYCLES_LOW) > 500

    bench.run(main)


def test_reset_at_any_time_leaves_nothing_stale():
    """In the middle of transfers, vectors, sums on their way down and results on theirs out."""
    bench = Bench(stall=0.1)
    machine, commands = layers(7)
    before = images(machine)
    expected = compute(machine, commands)
    cycles = predict(CONFIG, [decode(word) for word in whole(commands)]).cycles
    rng = random.Random(7)

    async def main(ctx):
        await bench.upload(ctx, Space.PROGRAM, b"".join(whole(commands)))
        for turn in range(6):
            fill(bench, before)
            await bench.start(ctx)
            for _ in range(rng.randint(cycles * turn // 6, cycles * (turn + 1) // 6)):
                await bench.host.tick(ctx)
            await bench.host.write(ctx, Register.CONTROL, Control.RESET)
            assert Status(await bench.host.read(ctx, Register.STATUS)) & ~Status.DRAINING == 0
            assert await bench.host.read(ctx, Register.ERROR) == 0
            start = BASE + RESULT
            bench.external.bytes[start : start + CONFIG.activation_bytes] = bytes(CONFIG.activation_bytes)
            await bench.start(ctx)
            assert await bench.done(ctx) == Status.DONE
            assert result(bench) == expected
            assert bench.external.open == 0

    bench.run(main)


@pytest.mark.parametrize("changes", [{}, {"lanes": 2}, {"rows": 6}, {"depthwise": False}], ids=str)
def test_depthwise_is_legal_only_where_there_is_such_a_mode(changes):
    """On hardware and in the functional simulator alike."""
    config = CONFIG.replace(**changes)
    depthwise = encode(Opcode.DEPTHWISE, **dict(layers(1)[1])[Opcode.DEPTHWISE])
    words = b"".join([encode(Opcode.SYNC), depthwise, encode(Opcode.END)])
    legal = bool(config.down_channels)
    assert legal == (not changes)
    expected = (Status.DONE, 0) if legal else (Status.ERROR, 1 << 16 | ErrorCause.ILLEGAL_COMMAND.value)
    bench = Bench(config)

    async def main(ctx):
        await bench.upload(ctx, Space.PROGRAM, words)
        await bench.start(ctx)
        assert await bench.done(ctx) == expected[0]
        assert await bench.host.read(ctx, Register.ERROR) == expected[1]

    bench.run(main)
    with FunctionalTransport(config, 1 << 16) as functional:
        functional.write_block(window(config, Space.PROGRAM), words)
        functional.write(Register.CONTROL, Control.START)
        assert (functional.read(Register.STATUS), functional.read(Register.ERROR)) == expected
