# SPDX-License-Identifier: Apache-2.0
import random
from dataclasses import dataclass

import pytest
from amaranth.sim import Simulator

from celosia.arch.config import preset
from celosia.arch.isa import Engine, ErrorCause, Opcode, Space, encode
from celosia.arch.registers import Control as Bits
from celosia.arch.registers import Register, Status, space_bytes, window
from celosia.gateware.control.control import Control
from gateware.control.buses import AxiMemory, Host, LocalMemory

CONFIGS = [preset("c16"), preset("c64")]
BASE, SIZE = 0x2000, 0x8000
MEMORIES = (Space.WEIGHTS, Space.ACTIVATIONS, Space.PARAMETERS)


@dataclass
class Bench:
    """The control side with memories at all its buses, and CONV and ELEMENTWISE engines of fixed duration."""

    config: object
    stall: float = 0.0
    latency: int = 5
    errors: range = range(0)
    cycles: int = 20
    seed: int = 1

    def __post_init__(self):
        self.dut = dut = Control(self.config)
        self.host = Host(dut.bus, seed=self.seed, stall=self.stall)
        self.external = AxiMemory(
            dut.memory, 1 << 16, latency=self.latency, stall=self.stall, seed=self.seed, errors=self.errors
        )
        self.external.bytes[:] = random.Random(self.seed).randbytes(1 << 16)
        self.memories = {
            space: LocalMemory(
                getattr(dut, space.name.lower()), {space.value: space_bytes(self.config, space)},
                stall=self.stall, seed=self.seed + space.value, latency=(3, 4),
            )
            for space in MEMORIES
        }  # fmt: skip
        self.started = dict.fromkeys(Engine, 0)
        self.finished = dict.fromkeys(Engine, 0)

    def _engine(self, port):
        async def run(ctx):
            left = None
            while True:
                ctx.set(port.command.ready, left is None)
                ctx.set(port.busy, left is not None)
                ctx.set(port.finished, left == 0)
                _, _, valid, reset = await ctx.tick().sample(port.command.valid, self.dut.reset_engines)
                if left is not None:
                    left = left - 1 if left and not reset else None
                elif valid:
                    left = self.cycles

        return run

    async def _trace(self, ctx):
        while True:
            _, _, started, finished = await ctx.tick().sample(self.dut.trace_started, self.dut.trace_finished)
            for engine in Engine:
                self.started[engine] += started >> engine & 1
                self.finished[engine] += finished >> engine & 1

    def run(self, main):
        sim = Simulator(self.dut)
        sim.add_clock(1e-6)
        for model in (self.external, *self.memories.values()):
            sim.add_testbench(model.run, background=True)
        for port in (self.dut.conv, self.dut.elementwise):
            sim.add_testbench(self._engine(port), background=True)
        sim.add_testbench(self._trace, background=True)

        async def whole(ctx):
            await self.host.write(ctx, Register.EXTERNAL_BASE, BASE)
            await self.host.write(ctx, Register.EXTERNAL_SIZE, SIZE)
            await self.host.write(ctx, Register.TIMEOUT, 2000)
            await main(ctx)

        sim.add_testbench(whole)
        sim.run()

    async def upload(self, ctx, program, index=0):
        await self.host.write_block(ctx, window(self.config, Space.PROGRAM) + 64 * index, b"".join(program))

    async def play(self, ctx, limit=20_000) -> Status:
        """Start and wait for the interrupt; returns STATUS after it has been cleared."""
        host = self.host
        await host.write(ctx, Register.INTERRUPT, 3)
        await host.write(ctx, Register.CONTROL, Bits.START)
        await host.wait(ctx, self.dut.interrupt, limit)
        assert await host.read(ctx, Register.INTERRUPT) == 3
        await host.write(ctx, Register.INTERRUPT, 3)
        return Status(await host.read(ctx, Register.STATUS))

    async def error(self, ctx):
        value = await self.host.read(ctx, Register.ERROR)
        return ErrorCause(value & 0xFF), value >> 16


def block(opcode, external, space, local, size, rows=1, waits=None):
    return encode(
        opcode, waits=waits, external_address=external, external_stride=size, local_address=local,
        local_stride=2 * size, row_bytes=size, rows=rows, space=space.value,
    )  # fmt: skip


def round_trip(space: Space) -> list[bytes]:
    """External memory to ``space`` in rows and back as one block with gaps."""
    return [
        block(Opcode.LOAD, 0x100, space, 0x40, 0x20, rows=4),
        block(Opcode.STORE, 0x1000, space, 0x40, 0xE0, waits={Engine.LOAD: 1}),
        encode(Opcode.END),
    ]


def check_round_trip(bench: Bench, space: Space):
    memory, external = bench.memories[space].bytes[space.value], bench.external.bytes
    for row in range(4):
        assert memory[0x40 + 0x40 * row :][:0x20] == external[BASE + 0x100 + 0x20 * row :][:0x20]
    assert external[BASE + 0x1000 :][:0xE0] == memory[0x40:][:0xE0]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
@pytest.mark.parametrize("stall", [0.0, 0.3])
def test_external_to_local_and_back(config, stall):
    bench = Bench(config, stall=stall)

    async def main(ctx):
        host = bench.host
        marks = bytes(range(0x20))
        for i, space in enumerate(MEMORIES):
            # A gap between two rows is written by a window; it must come back with the rest.
            await host.write_block(ctx, window(config, space) + 0x60, marks)
            await bench.upload(ctx, round_trip(space), index=4 * i)
        for i, space in enumerate(MEMORIES):
            await host.write(ctx, Register.START, 4 * i)
            assert await bench.play(ctx) == Status.DONE
            loaded = bytes(bench.external.bytes[BASE + 0x100 :][:0x80])
            check_round_trip(bench, space)
            assert bench.external.bytes[BASE + 0x1020 :][:0x20] == marks
            value = await host.read(ctx, window(config, space) + 0x40)
            assert value == int.from_bytes(loaded[:4], "little")
            assert await bench.error(ctx) == (ErrorCause.NONE, 0)

    bench.run(main)
    assert bench.started[Engine.LOAD] == bench.finished[Engine.LOAD] == 3
    assert bench.started[Engine.STORE] == bench.finished[Engine.STORE] == 3


def test_a_program_that_loads_commands():
    """LOAD into the program memory: the commands arrive through the same bus as everything else."""
    config = CONFIGS[1]
    bench = Bench(config)
    behind = [encode(Opcode.ADD, lines=1), encode(Opcode.END)]
    bench.external.bytes[BASE : BASE + 128] = b"".join(behind)

    async def main(ctx):
        wait = {Engine.LOAD: 1}
        program = [block(Opcode.LOAD, 0, Space.PROGRAM, 64 * 6, 128), *[encode(Opcode.SYNC, waits=wait)] * 5]
        await bench.upload(ctx, program)
        assert await bench.play(ctx) == Status.DONE
        assert bench.finished[Engine.ELEMENTWISE] == 1

    bench.run(main)


def test_counters():
    bench = Bench(CONFIGS[0], cycles=100)

    async def counters(ctx):
        names = [r for r in Register if r >= Register.CYCLES_LOW]
        return {r.name: await bench.host.read(ctx, r) for r in names}

    async def main(ctx):
        program = [
            encode(Opcode.CONV, kernel_h=1, kernel_w=1, chunks=1, output_w=1, output_h=1, n_tiles=1),
            block(Opcode.LOAD, 0, Space.WEIGHTS, 0, 0x100),
            encode(Opcode.ADD, waits={Engine.CONV: 1}, lines=1),
            block(Opcode.STORE, 0, Space.WEIGHTS, 0, 0x40, waits={Engine.LOAD: 1}),
            encode(Opcode.END),
        ]
        await bench.upload(ctx, program)
        ctx.set(bench.dut.vector_issued, 1)
        assert await bench.play(ctx) == Status.DONE
        counts = await counters(ctx)
        cycles = counts["CYCLES_LOW"]
        assert counts["CONV_BUSY"] == counts["ELEMENTWISE_BUSY"] == 101
        assert 64 <= counts["LOAD_BUSY"] < 100
        assert 16 <= counts["STORE_BUSY"] < 60
        assert 210 < cycles < 300
        assert counts["VECTORS"] == cycles
        # ADD waits from 12 cycles after it could have come until CONV is done; nobody else waits.
        assert 60 <= counts["WAITS"] < 100
        assert counts["CYCLES_HIGH"] == 0
        assert await counters(ctx) == counts, "they stop with the program"
        assert await bench.play(ctx) == Status.DONE
        again = await counters(ctx)
        assert again["CYCLES_LOW"] == cycles, "they start from 0"
        await bench.host.write(ctx, Register.CONTROL, Bits.RESET)
        assert set((await counters(ctx)).values()) == {0}
        assert await bench.host.read(ctx, Register.TIMEOUT) == 2000

    bench.run(main)


@pytest.mark.parametrize("opcode", [Opcode.LOAD, Opcode.STORE])
def test_an_error_stops_and_a_reset_brings_it_back(opcode):
    bench = Bench(CONFIGS[1], errors=range(BASE + 0x200, BASE + 0x208), latency=40)
    cause = ErrorCause.BUS_READ if opcode == Opcode.LOAD else ErrorCause.BUS_WRITE

    async def main(ctx):
        program = [
            encode(Opcode.ADD, lines=1),
            block(opcode, 0, Space.ACTIVATIONS, 0, 0x400, rows=2),
            encode(Opcode.SYNC, waits={Engine.STORE: 1, Engine.LOAD: 1}),
            encode(Opcode.END),
        ]
        await bench.upload(ctx, program)
        status = await bench.play(ctx)
        assert status & ~Status.DRAINING == Status.ERROR
        assert await bench.error(ctx) == (cause, 1)
        # A program that touches nothing bad, started with or without a reset, even while the old bursts drain.
        await bench.upload(ctx, round_trip(Space.WEIGHTS), index=8)
        await bench.host.write(ctx, Register.START, 8)
        bench.external.errors = range(0)
        await bench.host.write(ctx, Register.CONTROL, Bits.RESET)
        assert (await bench.host.read(ctx, Register.STATUS)) & ~Status.DRAINING == 0
        assert await bench.error(ctx) == (ErrorCause.NONE, 0)
        assert await bench.play(ctx) == Status.DONE
        assert bench.external.open == 0
        check_round_trip(bench, Space.WEIGHTS)

    bench.run(main)


def test_a_memory_that_never_answers_times_out_and_drains_later():
    bench = Bench(CONFIGS[1])

    async def main(ctx):
        await bench.upload(ctx, round_trip(Space.ACTIVATIONS))
        await bench.host.write(ctx, Register.TIMEOUT, 200)
        bench.external.mute = True
        assert await bench.play(ctx) == Status.ERROR | Status.DRAINING
        assert await bench.error(ctx) == (ErrorCause.TIMEOUT, 0)
        # Started again, it waits for the old bursts, and times out again while they do not come.
        assert await bench.play(ctx) == Status.ERROR | Status.DRAINING
        await bench.host.write(ctx, Register.CONTROL, Bits.RESET)
        for _ in range(50):
            await bench.host.tick(ctx)
        assert await bench.host.read(ctx, Register.STATUS) == Status.DRAINING
        bench.external.mute = False
        assert await bench.play(ctx) == Status.DONE
        assert bench.external.open == 0

    bench.run(main)


def test_reset_at_any_time_leaves_nothing_stale():
    bench = Bench(CONFIGS[1], stall=0.2, latency=15)
    rng = random.Random(9)

    async def main(ctx):
        await bench.upload(ctx, round_trip(Space.ACTIVATIONS))
        for _ in range(10):
            await bench.host.write(ctx, Register.CONTROL, Bits.START)
            for _ in range(rng.randint(0, 150)):
                await bench.host.tick(ctx)
            await bench.host.write(ctx, Register.CONTROL, Bits.RESET)
            assert (await bench.host.read(ctx, Register.STATUS)) & ~Status.DRAINING == 0
            bench.external.bytes[BASE + 0x100 : BASE + 0x180] = rng.randbytes(0x80)
            assert await bench.play(ctx) == Status.DONE
            check_round_trip(bench, Space.ACTIVATIONS)

    bench.run(main)


def test_windows_during_a_program():
    """Reads and writes of every memory while both engines copy."""
    config = CONFIGS[1]
    bench = Bench(config)
    rng = random.Random(4)
    size = 0x800

    async def main(ctx):
        program = [
            block(Opcode.LOAD, 0, Space.ACTIVATIONS, 0, size),
            block(Opcode.STORE, 0x4000, Space.WEIGHTS, 0, size),
            encode(Opcode.END),
        ]
        await bench.upload(ctx, program)
        weights = bench.memories[Space.WEIGHTS].bytes[Space.WEIGHTS.value]
        weights[:size] = rng.randbytes(size)
        await bench.host.write(ctx, Register.CONTROL, Bits.START)
        models = {space: {} for space in Space}
        slowest = 0
        for _ in range(30):
            space = rng.choice(list(Space))
            low = 0x400 if space == Space.PROGRAM else size
            address, value = low + 4 * rng.randrange(200), rng.getrandbits(32)
            await bench.host.write(ctx, window(config, space) + address, value)
            models[space][address] = value
            address = rng.choice(list(models[space]))
            before = bench.host.cycles
            assert await bench.host.read(ctx, window(config, space) + address) == models[space][address]
            slowest = max(slowest, bench.host.cycles - before)
        assert await bench.host.read(ctx, Register.STATUS) == Status.RUNNING
        assert slowest < 60
        while await bench.host.read(ctx, Register.STATUS) == Status.RUNNING:
            pass
        activations = bench.memories[Space.ACTIVATIONS].bytes[Space.ACTIVATIONS.value]
        assert activations[:size] == bench.external.bytes[BASE : BASE + size]
        assert bench.external.bytes[BASE + 0x4000 :][:size] == weights[:size]
        # And alone: a word each two cycles, an answer within nine.
        before = bench.host.cycles
        await bench.host.read(ctx, window(config, Space.PROGRAM))
        assert bench.host.cycles - before <= 10  # the cycle of the request and nine more

    bench.run(main)
