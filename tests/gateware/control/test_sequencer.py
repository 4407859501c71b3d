# SPDX-License-Identifier: Apache-2.0
import random
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from amaranth.sim import Simulator

from celosia.arch.config import preset
from celosia.arch.isa import (
    COMMAND_BYTES,
    COUNTS,
    Engine,
    ErrorCause,
    IllegalCommandError,
    Opcode,
    decode,
    encode,
    fields_of,
    layout_of,
)
from celosia.gateware.control.program_memory import FETCH_BITS, FETCH_LATENCY
from celosia.gateware.control.sequencer import CLEAN_CYCLES, ENGINE_OF, Sequencer

CONFIG = preset("c16")
KIND = {engine: next(o for o, e in ENGINE_OF.items() if e is engine) for engine in Engine}
LIMIT = 20_000


def command(opcode: Opcode, waits=None, **fields) -> bytes:
    """A legal command: counts not given are 1."""
    return encode(opcode, waits=waits, **dict.fromkeys(COUNTS.get(opcode, ()), 1) | fields)


@dataclass
class Bench:
    """A sequencer, its program memory, and engines that take any time.

    ``cycles(engine)`` draws how long a command runs; an engine holds ``depth`` commands. ``log`` has
    (cycle, engine, "started" or "finished", the command's bytes or None).
    """

    program: list[bytes]
    cycles: object = lambda engine: 5
    depth: int = 1
    config: object = CONFIG
    log: list = field(default_factory=list)
    cycle: int = 0
    waiting: int = 0
    ran: int = 0  # cycles with running high
    faults: dict = field(default_factory=dict)  # cycle → engine, cause

    def __post_init__(self):
        self.dut = Sequencer(self.config)
        image = b"".join(self.program)
        step = FETCH_BITS // 8
        self.words = [int.from_bytes(image[i : i + step], "little") for i in range(0, len(image), step)]

    async def step(self, ctx):
        """One cycle of everything; returns after its end."""
        dut = self.dut
        ports = [getattr(dut, engine.name.lower()) for engine in Engine]
        for engine, port in zip(Engine, ports, strict=True):
            queue = self.queues[engine]
            ctx.set(port.command.ready, len(queue) < self.depth)
            finishes = bool(queue) and queue[0] == 0
            ctx.set(port.finished, finishes)
            ctx.set(port.busy, bool(queue))
        for engine in (Engine.LOAD, Engine.STORE):
            here = self.faults.get(self.cycle, (None, ErrorCause.NONE))
            ctx.set(getattr(dut, f"{engine.name.lower()}_error"), here[0] is engine)
            ctx.set(getattr(dut, f"{engine.name.lower()}_cause"), here[1])
        fields = [f for p in ports for f in (p.command.valid, p.command.payload.as_value())]
        _, _, address, reset, running, waiting, *offers = await ctx.tick().sample(
            dut.address, dut.reset_engines, dut.running, dut.waiting, *fields
        )
        self.pipeline.append(self.words[address] if address < len(self.words) else 0)
        ctx.set(dut.word, self.pipeline.pop(0))
        self.waiting += waiting
        self.ran += running
        for engine in Engine:
            valid, payload = offers[2 * engine : 2 * engine + 2]
            queue = self.queues[engine]
            ready = len(queue) < self.depth
            if queue and queue[0] == 0:
                queue.pop(0)
                self.log.append((self.cycle, engine, "finished", None))
            elif queue and queue[0] is not None:
                queue[0] -= 1
            if valid and ready:
                queue.append(self.cycles(engine))
                self.log.append((self.cycle, engine, "started", payload.to_bytes(COMMAND_BYTES, "little")))
            if reset:
                queue.clear()
        self.cycle += 1

    async def start(self, ctx, index=0):
        ctx.set(self.dut.start_index, index)
        ctx.set(self.dut.start, 1)
        await self.step(ctx)
        ctx.set(self.dut.start, 0)

    async def finish(self, ctx, limit=LIMIT):
        for _ in range(limit):
            await self.step(ctx)
            if not ctx.get(self.dut.running):
                return
        raise AssertionError(f"still running after {limit} cycles")

    def run(self, main):
        self.queues = {engine: [] for engine in Engine}
        self.pipeline = [0] * (FETCH_LATENCY - 1)
        sim = Simulator(self.dut)
        sim.add_clock(1e-6)
        sim.add_testbench(main)
        sim.run()

    def outcome(self, ctx):
        dut = self.dut
        return ctx.get(dut.done), ctx.get(dut.error), ErrorCause(ctx.get(dut.cause)), ctx.get(dut.index)

    def play(self, index=0, limit=LIMIT):
        """Start, run to the end, and return what STATUS and ERROR would say."""
        result = []

        async def main(ctx):
            await self.start(ctx, index)
            await self.finish(ctx, limit)
            result.append(self.outcome(ctx))
            assert ctx.get(self.dut.stopped)

        self.run(main)
        return result[0]

    def starts(self):
        return [(cycle, engine, bytes_) for cycle, engine, what, bytes_ in self.log if what == "started"]


DONE = (1, 0, ErrorCause.NONE, 0)


def random_program(rng: random.Random, length: int) -> list[bytes]:
    """Commands that wait for what has been issued before."""
    issued = dict.fromkeys(Engine, 0)
    program = []
    for _ in range(length):
        waits = {e: max(0, issued[e] - rng.choice((0, 0, 1, 2, 8))) for e in Engine if rng.random() < 0.6}
        opcode = rng.choice([*ENGINE_OF, Opcode.SYNC])
        program.append(command(opcode, waits, layer=rng.getrandbits(16)))
        if opcode in ENGINE_OF:
            issued[ENGINE_OF[opcode]] += 1
    return [*program, command(Opcode.END)]


def finished_before(log, cycle, engine):
    return sum(1 for at, e, what, _ in log if what == "finished" and e is engine and at < cycle)


@pytest.mark.parametrize(("depth", "longest"), [(1, 40), (2, 3), (2, 200)])
def test_random_programs_run_in_order_and_wait(depth, longest):
    rng = random.Random(depth * 100 + longest)
    program = random_program(rng, CONFIG.program_commands - 1)
    bench = Bench(program, cycles=lambda engine: rng.randint(0, longest), depth=depth)
    assert bench.play() == DONE
    expected = [c for c in program if decode(c)["opcode"] in ENGINE_OF]
    assert [c for _, _, c in bench.starts()] == expected
    for cycle, engine, content in bench.starts():
        fields = decode(content)
        assert ENGINE_OF[fields["opcode"]] is engine
        for other, count in fields["waits"].items():
            assert finished_before(bench.log, cycle, other) >= count
    assert finished_before(bench.log, LIMIT * 100, Engine.CONV) == sum(e is Engine.CONV for _, e, _ in bench.starts())


def test_counts_go_on_past_256():
    """A program of 64 commands run from one start cannot count so far: many short runs in one memory would
    not either, since a start clears the counts. 300 commands in a larger memory do."""
    config = preset("c256").replace(program_commands=512)
    program = [command(Opcode.CONV, {Engine.CONV: i - 1} if i else {}, layer=i) for i in range(300)]
    bench = Bench([*program, command(Opcode.END, {Engine.CONV: 300})], depth=2, config=config)
    assert bench.play() == DONE
    cycles = [cycle for cycle, _, _ in bench.starts()]
    assert len(cycles) == 300
    for i, cycle in enumerate(cycles):
        assert finished_before(bench.log, cycle, Engine.CONV) >= i - 1


def test_dispatch_rate_and_latency():
    """A command each 11 cycles, one that is read already 3 cycles after the one before and 2 after what it
    waited for; the first 18 cycles after the start; done 3 after the last ``finished``."""
    free = [command(KIND[Engine(i % 4)]) for i in range(20)]
    bench = Bench([*free, command(Opcode.END)], cycles=lambda engine: 3)
    assert bench.play() == DONE
    cycles = [cycle for cycle, _, _ in bench.starts()]
    assert {b - a for a, b in pairwise(cycles)} == {11}
    assert cycles[0] == CLEAN_CYCLES + 14

    bench = Bench(
        [
            command(Opcode.LOAD),
            command(Opcode.CONV, {Engine.LOAD: 1}),
            command(Opcode.STORE, {Engine.LOAD: 1}),
            command(Opcode.END),
        ],
        cycles=lambda engine: 50,
    )
    assert bench.play() == DONE
    (_, conv, store) = (cycle for cycle, _, _ in bench.starts())
    load_finished = next(cycle for cycle, _, what, _ in bench.log if what == "finished")
    assert conv == load_finished + 2
    assert store == conv + 3
    assert bench.cycle - max(cycle for cycle, _, what, _ in bench.log if what == "finished") == 3
    assert 25 <= bench.waiting <= 50  # CONV waited from when it was read until LOAD had finished
    assert bench.ran == bench.cycle - 1


def test_end_waits_for_every_engine():
    for slow in Engine:
        program = [command(KIND[engine]) for engine in Engine]
        bench = Bench([*program, command(Opcode.END)], cycles=lambda engine, slow=slow: 300 if engine is slow else 1)
        assert bench.play() == DONE
        assert finished_before(bench.log, bench.cycle, slow) == 1


def mutants(opcode: Opcode):
    """Commands that differ from a legal one in one way, each with what isa.decode makes of it."""
    good = command(opcode)
    yield good
    yield good[:1] + b"\x80" + good[2:]
    word = int.from_bytes(good, "little")
    for name, (offset, width, _) in fields_of(layout_of(opcode)).items():
        bits = {0, width // 2, width - 1}
        if name.startswith("reserved"):
            bits |= set(range(0, width, 37))
        for bit in sorted(bits):
            yield (word | 1 << offset + bit).to_bytes(COMMAND_BYTES, "little")
        yield (word & ~(((1 << width) - 1) << offset)).to_bytes(COMMAND_BYTES, "little")


def is_legal(content: bytes) -> bool:
    try:
        decode(content)
    except IllegalCommandError:
        return False
    return True


@pytest.mark.parametrize("opcode", Opcode)
def test_hardware_finds_illegal_what_decode_does(opcode):
    contents = list(dict.fromkeys(mutants(opcode)))
    assert any(not is_legal(c) for c in contents)
    bench = Bench([])

    async def main(ctx):
        for content in contents:
            # Not the first command, so that the index shows.
            image = command(Opcode.SYNC) + content + command(Opcode.END)
            bench.words = [int.from_bytes(image[i : i + 8], "little") for i in range(0, len(image), 8)]
            await bench.start(ctx)
            await bench.finish(ctx, 200)
            expected = DONE if is_legal(content) else (0, 1, ErrorCause.ILLEGAL_COMMAND, 1)
            assert bench.outcome(ctx) == expected, content.hex()
            for _ in range(CLEAN_CYCLES + 2):
                await bench.step(ctx)

    bench.run(main)


def test_unknown_opcodes():
    known = {o.value for o in Opcode}
    bench = Bench([])

    async def main(ctx):
        for opcode in sorted({0, 0xFF, 0x12, *(k ^ 1 << b for k in known for b in range(8))} - known):
            bench.words = [opcode] + [0] * 7
            await bench.start(ctx)
            await bench.finish(ctx, 200)
            assert bench.outcome(ctx) == (0, 1, ErrorCause.ILLEGAL_COMMAND, 0), hex(opcode)
            for _ in range(CLEAN_CYCLES + 2):
                await bench.step(ctx)

    bench.run(main)


def test_overrun():
    last = CONFIG.program_commands - 1
    program = [command(Opcode.SYNC)] * CONFIG.program_commands
    for index, at in ((last - 1, last + 1), (last + 1, last + 1), (1 << 31, last + 1)):
        assert Bench(program).play(index) == (0, 1, ErrorCause.PROGRAM_OVERRUN, at)
    # END in the last place is none.
    assert Bench([*program[:-1], command(Opcode.END)]).play(last) == DONE


@pytest.mark.parametrize("engine", [Engine.LOAD, Engine.STORE])
def test_errors_of_an_engine_name_its_command(engine):
    program = [command(Opcode.SYNC), command(Opcode.CONV), command(KIND[engine]), command(Opcode.ADD)]
    bench = Bench([*program, command(Opcode.END)], cycles=lambda engine: 500)
    bench.faults[120] = (engine, ErrorCause.OUT_OF_BOUNDS)
    result = []

    async def main(ctx):
        await bench.start(ctx)
        await bench.finish(ctx)
        result.append(bench.outcome(ctx))
        assert bench.cycle < 125
        high = 0
        for _ in range(20):
            high += ctx.get(bench.dut.reset_engines)
            await bench.step(ctx)
        assert high == CLEAN_CYCLES
        assert not any(bench.queues.values())
        # Faults of an idle machine are nothing.
        bench.faults[bench.cycle] = (engine, ErrorCause.BUS_READ)
        await bench.step(ctx)
        await bench.step(ctx)
        assert bench.outcome(ctx) == result[0]
        # And it starts again as if nothing had been.
        await bench.start(ctx)
        assert bench.outcome(ctx) == (0, 0, ErrorCause.NONE, 0)
        await bench.finish(ctx)
        assert bench.outcome(ctx) == DONE

    bench.run(main)
    assert result[0] == (0, 1, ErrorCause.OUT_OF_BOUNDS, 2)


def test_watchdog():
    hangs = Bench([command(Opcode.LOAD), command(Opcode.CONV), command(Opcode.END)], cycles=lambda engine: None)
    never = Bench([command(Opcode.SYNC), command(Opcode.ADD, {Engine.CONV: 1})])
    for bench, index in ((hangs, 0), (never, 1)):
        result = []

        async def main(ctx, bench=bench, result=result):
            ctx.set(bench.dut.timeout, 100)
            await bench.start(ctx)
            for i in range(300):  # progress keeps it alive
                ctx.set(bench.dut.progress, i % 90 == 0)
                await bench.step(ctx)
                assert ctx.get(bench.dut.running)
            ctx.set(bench.dut.progress, 1)
            await bench.step(ctx)
            ctx.set(bench.dut.progress, 0)
            since = bench.cycle
            await bench.finish(ctx)
            assert 100 <= bench.cycle - since <= 104
            result.append(bench.outcome(ctx))

        bench.run(main)
        assert result == [(0, 1, ErrorCause.TIMEOUT, index)]

    async def forever(ctx):
        await endless.start(ctx)
        for _ in range(500):
            await endless.step(ctx)
        assert ctx.get(endless.dut.running)

    endless = Bench([command(Opcode.LOAD), command(Opcode.END)], cycles=lambda engine: None)
    endless.run(forever)


def test_reset_at_any_time_leaves_nothing_stale():
    rng = random.Random(3)
    program = random_program(rng, 12)
    bench = Bench(program, cycles=lambda engine: rng.randint(0, 30))

    async def main(ctx):
        dut = bench.dut
        for _ in range(40):
            await bench.start(ctx)
            for _ in range(rng.randint(0, 150)):
                await bench.step(ctx)
            both = rng.random() < 0.5
            ctx.set(dut.reset, 1)
            ctx.set(dut.start, both)
            await bench.step(ctx)
            ctx.set(dut.reset, 0)
            ctx.set(dut.start, 0)
            assert ctx.get(dut.running) == both
            if not both:
                assert bench.outcome(ctx) == (0, 0, ErrorCause.NONE, 0)
                for _ in range(rng.randint(0, 8)):
                    await bench.step(ctx)
                await bench.start(ctx)
            bench.log.clear()
            await bench.finish(ctx)
            assert bench.outcome(ctx) == DONE
            started = [c for _, _, c in bench.starts()]
            assert started == [c for c in program if decode(c)["opcode"] in ENGINE_OF]

    bench.run(main)


def test_start_waits_for_draining_and_is_ignored_while_running():
    bench = Bench([command(Opcode.ADD), command(Opcode.END)], cycles=lambda engine: 60)

    async def main(ctx):
        ctx.set(bench.dut.draining, 1)
        await bench.start(ctx)
        for _ in range(100):
            await bench.step(ctx)
        assert ctx.get(bench.dut.running)
        assert not bench.log
        ctx.set(bench.dut.draining, 0)
        for _ in range(30):
            await bench.step(ctx)
        assert len(bench.log) == 1
        await bench.start(ctx, index=1)
        await bench.finish(ctx)
        assert bench.outcome(ctx) == DONE
        assert [what for _, _, what, _ in bench.log] == ["started", "finished"]

    bench.run(main)
