# SPDX-License-Identifier: Apache-2.0
import random
from dataclasses import dataclass, field

import pytest
from amaranth.sim import Simulator

from celosia.arch.config import preset
from celosia.arch.isa import ErrorCause, Opcode, Space, encode
from celosia.arch.registers import space_bytes
from celosia.gateware.control.dma import Dma
from celosia.gateware.control.dma.store import STORE_BEATS
from gateware.control.buses import AxiMemory, LocalMemory

CONFIGS = [preset("c16"), preset("c64")]
BASE, SIZE = 0x3000, 0x6000  # of the memory's 64 KiB


@dataclass
class Bench:
    """A DMA between an AXI memory and one local memory an engine, and what came out of it."""

    config: object
    latency: int = 1
    stall: float = 0.0
    seed: int = 0
    errors: range = range(0)
    mute: bool = False
    base: int = BASE
    size: int = SIZE
    events: list = field(default_factory=list)  # (cycle, name)
    cycle: int = 0

    def __post_init__(self):
        self.dut = dut = Dma(self.config)
        rng = random.Random(self.seed)
        self.memory = AxiMemory(
            dut.memory,
            1 << 16,
            latency=self.latency,
            stall=self.stall,
            seed=self.seed,
            errors=self.errors,
            mute=self.mute,
        )
        sizes = {s.value: space_bytes(self.config, s) for s in Space}
        self.locals = {
            name: LocalMemory(bus, sizes, stall=self.stall, seed=self.seed + 1, name=name, latency=(3, 5))
            for name, bus in (("load", dut.load_local), ("store", dut.store_local))
        }
        self.memory.bytes[:] = rng.randbytes(1 << 16)
        for local in self.locals.values():
            for space in local.bytes:
                local.bytes[space][:] = rng.randbytes(len(local.bytes[space]))

    def run(self, main):
        sim = Simulator(self.dut)
        sim.add_clock(1e-6)
        for model in (self.memory, *self.locals.values()):
            sim.add_testbench(model.run, background=True)
        sim.add_testbench(self._watch, background=True)

        async def whole(ctx):
            ctx.set(self.dut.external_base, self.base)
            ctx.set(self.dut.external_size, self.size)
            await main(ctx)

        sim.add_testbench(whole)
        sim.run()

    async def _watch(self, ctx):
        dut = self.dut
        names = ["load.finished", "store.finished", "load_error", "store_error"]
        while True:
            values = await ctx.tick().sample(
                dut.load.finished, dut.store.finished, dut.load_error, dut.store_error, dut.load_cause, dut.store_cause
            )
            for name, value in zip(names, values[2:6], strict=True):
                if value:
                    cause = {"load_error": values[6], "store_error": values[7]}.get(name)
                    self.events.append((self.cycle, name, cause))
            self.cycle += 1

    async def issue(self, ctx, opcode: Opcode, **fields):
        port = self.dut.load if opcode == Opcode.LOAD else self.dut.store
        ctx.set(port.command.payload.as_value(), int.from_bytes(encode(opcode, **fields), "little"))
        ctx.set(port.command.valid, 1)
        while not (await ctx.tick().sample(port.command.ready))[2]:
            pass
        ctx.set(port.command.valid, 0)
        ctx.set(port.command.payload.as_value(), 0)

    async def idle(self, ctx, limit=20000):
        for _ in range(limit):
            _, _, load, store = await ctx.tick().sample(self.dut.load.busy, self.dut.store.busy)
            if not load and not store:
                return
        raise AssertionError(f"busy for {limit} cycles")

    def names(self):
        return [(name, cause) for _, name, cause in self.events]


def copy(bench: Bench, opcode: Opcode, external: bytearray, local: dict, f: dict):
    """The transfer's definition."""
    for i in range(f["rows"]):
        e = bench.base + f["external_address"] + i * f["external_stride"]
        o = f["local_address"] + i * f["local_stride"]
        n, memory = f["row_bytes"], local[f["space"]]
        if opcode == Opcode.LOAD:
            memory[o : o + n] = external[e : e + n]
        else:
            external[e : e + n] = memory[o : o + n]


def draw(rng: random.Random, config, external: tuple[int, int]) -> dict:
    """A transfer inside some bytes of external memory."""
    beat = config.bus_bytes
    low, high = external
    space = rng.choice(list(Space))
    room = min(space_bytes(config, space), 1 << 14)
    rows = rng.choice((1, 1, 2, 5, 17))
    beats = rng.choice((1, 2, 3, rng.randint(1, 40), rng.randint(1, 200)))
    beats = max(1, min(beats, (high - low) // beat // rows, room // beat // rows))
    stride = beats + rng.choice((0, 0, 1, rng.randint(0, 90)))
    local_stride = beats + rng.choice((0, 0, 1, rng.randint(0, 20)))
    stride = max(beats, min(stride, (high - low) // beat // rows))
    local_stride = max(beats, min(local_stride, room // beat // rows))
    external_span, local_span = (rows - 1) * stride + beats, (rows - 1) * local_stride + beats
    local_high = space_bytes(config, space) // beat - local_span
    return {
        "external_address": low + beat * rng.randint(0, (high - low) // beat - external_span),
        "external_stride": beat * stride,
        "local_address": beat * rng.choice((0, local_high, rng.randint(0, local_high))),
        "local_stride": beat * local_stride,
        "row_bytes": beat * beats,
        "rows": rows,
        "space": space.value,
    }


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
@pytest.mark.parametrize(("stall", "latency"), [(0.0, 30), (0.4, 7)])
def test_random_transfers_copy_what_they_say(config, stall, latency):
    bench = Bench(config, stall=stall, latency=latency, seed=2)
    rng = random.Random(7)
    jobs = [
        (Opcode.LOAD, draw(rng, config, (0, SIZE // 2))) if rng.random() < 0.5
        else (Opcode.STORE, draw(rng, config, (SIZE // 2, SIZE)))
        for _ in range(14)
    ]  # fmt: skip
    external = bytearray(bench.memory.bytes)
    loaded = {s: bytearray(b) for s, b in bench.locals["load"].bytes.items()}
    for opcode, fields in jobs:
        copy(bench, opcode, external, loaded if opcode == Opcode.LOAD else bench.locals["store"].bytes, fields)

    async def main(ctx):
        for opcode, fields in jobs:
            await bench.issue(ctx, opcode, **fields)
        await bench.idle(ctx)

    bench.run(main)
    assert bench.memory.bytes == external
    assert bench.locals["load"].bytes == loaded
    finished = {f"{o.name.lower()}.finished" for o, _ in jobs}
    assert [n for n, _ in bench.names() if n not in finished] == []
    assert len(bench.events) == len(jobs)
    assert bench.memory.open == 0


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
@pytest.mark.parametrize("opcode", [Opcode.LOAD, Opcode.STORE])
@pytest.mark.parametrize("row_beats", [512, 32, 8, 1])
def test_a_long_transfer_keeps_the_bus_busy(config, opcode, row_beats):
    """90 % of the cycles between first and last beat, with a latency of 30 cycles."""
    bench = Bench(config, latency=30)
    row = row_beats * config.bus_bytes
    rows = min(max(1, 400 // row_beats), (SIZE - 0x18) // (row + 0x40))

    async def main(ctx):
        await bench.issue(
            ctx, opcode, external_address=0x18, row_bytes=row, rows=rows, external_stride=row + 0x40,
            local_address=0, local_stride=row, space=Space.ACTIVATIONS.value,
        )  # fmt: skip
        await bench.idle(ctx)

    bench.run(main)
    cycles = bench.memory.read_cycles if opcode == Opcode.LOAD else bench.memory.write_cycles
    assert len(cycles) == rows * row_beats
    span = cycles[-1] - cycles[0] + 1
    share = len(cycles) / span
    # STOREs of one beat are bound by 32 bursts in a round trip of about 42 cycles, local memory included.
    assert share >= (0.9 if row_beats > 1 or opcode == Opcode.LOAD else 0.7), share


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
@pytest.mark.parametrize("opcode", [Opcode.LOAD, Opcode.STORE])
def test_out_of_bounds(config, opcode):
    """A row outside stops the transfer before any of its beats; what is inside to the last byte runs."""
    beat, name = config.bus_bytes, opcode.name.lower()
    local = space_bytes(config, Space.PARAMETERS)
    fine = {
        "external_address": SIZE - 4 * beat, "local_address": local - 4 * beat, "row_bytes": 4 * beat, "rows": 1,
        "external_stride": 0, "local_stride": 0, "space": Space.PARAMETERS.value,
    }  # fmt: skip
    top = (1 << 32) - beat
    bad = [
        {"external_address": SIZE - 3 * beat},
        {"external_address": SIZE},
        {"external_address": top},
        {"local_address": local - 3 * beat},
        {"local_address": top},
        {"row_bytes": top},
        {"row_bytes": SIZE + beat, "external_address": 0},
        {"rows": 2, "external_stride": beat, "local_address": 0},
        {"rows": 2, "external_address": 0, "local_stride": beat},
        {"rows": 3, "external_address": 0, "local_address": 0, "external_stride": 1 << 31},
        {"rows": 2, "external_address": beat, "local_address": 0, "external_stride": top},
        {"rows": 2, "external_address": 0, "local_address": beat, "local_stride": top},
        {"external_address": 1, "local_address": 0},
        {"local_address": 2},
        {"row_bytes": 4 * beat - 1},
        {"external_stride": 1},
        {"local_stride": 2},
    ]
    bench = Bench(config)
    outcomes = []

    async def main(ctx):
        for change in [{}, *bad, {}]:
            await bench.issue(ctx, opcode, **{**fine, **change})
            await bench.idle(ctx, 500)
            await ctx.tick()
            outcomes.append(bench.names())
            bench.events.clear()

    bench.run(main)
    assert outcomes[0] == outcomes[-1] == [(f"{name}.finished", None)]
    for change, outcome in zip(bad, outcomes[1:-1], strict=True):
        assert outcome == [(f"{name}_error", ErrorCause.OUT_OF_BOUNDS)], change
    bursts = bench.memory.reads if opcode == Opcode.LOAD else bench.memory.writes
    for address, beats in bursts:
        assert address >= BASE
        assert address + beats * beat <= BASE + SIZE


@pytest.mark.parametrize("opcode", [Opcode.LOAD, Opcode.STORE])
def test_base_that_wraps_or_is_odd(opcode):
    for base in ((1 << 32) - 64, 4):
        bench = Bench(CONFIGS[1], base=base, size=1 << 20)

        async def main(ctx, bench=bench):
            await bench.issue(ctx, opcode, row_bytes=128, rows=1)
            await bench.idle(ctx, 100)
            await ctx.tick()

        bench.run(main)
        assert bench.names() == [(f"{opcode.name.lower()}_error", ErrorCause.OUT_OF_BOUNDS)]
        assert not bench.memory.reads
        assert not bench.memory.writes


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
@pytest.mark.parametrize("stall", [0.0, 0.4])
@pytest.mark.parametrize("opcode", [Opcode.LOAD, Opcode.STORE])
def test_bus_errors_stop_the_transfer_and_the_next_one_runs(config, stall, opcode):
    name = opcode.name.lower()
    bad = BASE + 0x700
    bench = Bench(config, latency=12, stall=stall, errors=range(bad, bad + config.bus_bytes), seed=3)
    before = bytes(bench.locals["load"].bytes[1])
    fields = {"row_bytes": 0x800, "rows": 2, "external_stride": 0x800, "local_stride": 0x800, "space": 1}

    async def main(ctx):
        await bench.issue(ctx, opcode, **fields)
        await bench.idle(ctx)
        assert bench.memory.open == 0
        await bench.issue(ctx, opcode, external_address=0x1000, local_address=0x2000, row_bytes=0x200, rows=1, space=1)
        await bench.idle(ctx)

    bench.run(main)
    cause = ErrorCause.BUS_READ if opcode == Opcode.LOAD else ErrorCause.BUS_WRITE
    assert bench.names() == [(f"{name}_error", cause), (f"{name}.finished", None)]
    if opcode == Opcode.LOAD:
        got, external = bench.locals["load"].bytes[1], bench.memory.bytes
        assert got[0x700:0x2000] == before[0x700:0x2000], "written behind the error"
        assert got[0x2000:0x2200] == external[BASE + 0x1000 : BASE + 0x1200]


@pytest.mark.parametrize("opcode", [Opcode.LOAD, Opcode.STORE])
def test_abort_at_any_time_drains_and_forgets(opcode):
    config = CONFIGS[1]
    bench = Bench(config, latency=9, stall=0.3, seed=4)
    # STOREs write what is there already, so that only a wrong byte shows.
    external = bench.memory.bytes
    external[BASE : BASE + 0x1000] = bench.locals["store"].bytes[0][:0x1000]
    before = bytes(external)
    port = bench.dut.load if opcode == Opcode.LOAD else bench.dut.store
    rng = random.Random(5)

    async def main(ctx):
        for _ in range(14):
            await bench.issue(ctx, opcode, row_bytes=0x200, rows=4, external_stride=0x200, local_stride=0x200)
            for _ in range(rng.randint(0, 70)):
                await ctx.tick()
            ctx.set(bench.dut.abort, 1)
            for _ in range(4):
                await ctx.tick()
            ctx.set(bench.dut.abort, 0)
            assert ctx.get(port.busy) == ctx.get(bench.dut.draining)
            issued = len(bench.memory.reads) + len(bench.memory.writes)
            await bench.idle(ctx, 3000)
            assert len(bench.memory.reads) + len(bench.memory.writes) <= issued + 1
            assert bench.memory.open == 0
            assert not ctx.get(bench.dut.draining)
        await bench.issue(ctx, opcode, row_bytes=0x400, rows=1, local_address=0x800)
        await bench.idle(ctx)

    bench.run(main)
    assert bench.names() == [(f"{opcode.name.lower()}.finished", None)]
    if opcode == Opcode.LOAD:
        assert bench.locals["load"].bytes[0][0x800:0xC00] == external[BASE : BASE + 0x400]
    else:
        assert external[BASE : BASE + 0x400] == bench.locals["store"].bytes[0][0x800:0xC00]
        assert external[BASE + 0x400 :] == before[BASE + 0x400 :]


def test_load_finishes_only_when_its_writes_have_left_the_arbiter():
    bench = Bench(CONFIGS[1])

    async def main(ctx):
        ctx.set(bench.dut.load_pending, 1)
        await bench.issue(ctx, Opcode.LOAD, row_bytes=64, rows=1)
        for _ in range(100):
            await ctx.tick()
        assert len(bench.locals["load"].beats) == 8
        assert not bench.events
        assert ctx.get(bench.dut.load.busy)
        ctx.set(bench.dut.load_pending, 0)
        await ctx.tick().repeat(2)

    bench.run(main)
    assert bench.names() == [("load.finished", None)]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_store_reads_so_far_ahead_while_the_bus_takes_nothing(config):
    """STORE_BEATS, the beat that is on offer, and the one behind it."""
    bench = Bench(config, mute=True)

    async def main(ctx):
        await bench.issue(ctx, Opcode.STORE, row_bytes=100 * config.bus_bytes, rows=1)
        for _ in range(300):
            await ctx.tick()
        assert len(bench.locals["store"].beats) == STORE_BEATS + 2
        bench.memory.mute = False
        await bench.idle(ctx)

    bench.run(main)
    assert bench.names() == [("store.finished", None)]
    assert len(bench.memory.write_cycles) == 100
