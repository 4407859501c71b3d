# SPDX-License-Identifier: Apache-2.0
import random

import pytest

from celosia.arch.config import preset
from celosia.arch.isa import Engine, ErrorCause, Opcode, decode
from celosia.gateware.control.sequencer import CLEAN_CYCLES, ENGINE_OF
from gateware.control.sequencer_bench import (
    CONFIG,
    DONE,
    KIND,
    LIMIT,
    Bench,
    command,
    finished_before,
    random_program,
)


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


@pytest.mark.parametrize("depth", [1, 2])
def test_without_overlap_each_command_is_handed_over_once_when_the_one_before_has_finished(depth):
    """Whether its engine would take another in the next cycle or not."""
    rng = random.Random(depth)
    program = random_program(rng, 40)
    bench = Bench(program, cycles=lambda engine: rng.randint(0, 20), depth=depth, config=CONFIG.replace(overlap=False))
    assert bench.play() == DONE
    assert [c for _, _, c in bench.starts()] == [c for c in program if decode(c)["opcode"] in ENGINE_OF]
    assert [what for _, _, what, _ in bench.log] == ["started", "finished"] * len(bench.starts())


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


def test_end_waits_for_every_engine():
    for slow in Engine:
        program = [command(KIND[engine]) for engine in Engine]
        bench = Bench([*program, command(Opcode.END)], cycles=lambda engine, slow=slow: 300 if engine is slow else 1)
        assert bench.play() == DONE
        assert finished_before(bench.log, bench.cycle, slow) == 1


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
            assert 100 <= bench.cycle - since <= 105
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
            await bench.step(ctx)
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
