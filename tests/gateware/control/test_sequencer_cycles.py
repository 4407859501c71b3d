# SPDX-License-Identifier: Apache-2.0
"""When commands are dispatched, against :mod:`celosia.arch.timing.program`."""

import random
from itertools import pairwise

import pytest

from celosia.arch.isa import Engine, Opcode, decode
from celosia.arch.timing import predict
from celosia.arch.timing.program import CHECK_CYCLES, FETCH_CYCLES, FIRST_FETCH
from celosia.gateware.control.sequencer import CLEAN_CYCLES, ENGINE_OF
from gateware.control.sequencer_bench import CONFIG, DONE, KIND, Bench, command


def test_dispatch_rate_and_latency():
    """A command each 12 cycles, one that is read already 3 cycles after the one before and 2 after what it
    waited for; the first 19 cycles after the start; done 2 after the last ``finished``."""
    free = [command(KIND[Engine(i % 4)]) for i in range(20)]
    bench = Bench([*free, command(Opcode.END)], cycles=lambda engine: 3)
    assert bench.play() == DONE
    cycles = [cycle for cycle, _, _ in bench.starts()]
    assert {b - a for a, b in pairwise(cycles)} == {13}
    assert cycles[0] == CLEAN_CYCLES + 16

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
    assert bench.ran == bench.cycle - 2


ORIGIN = 2
"""The first cycle that CYCLES counts, in the bench's own, of which 0 is the start pulse."""


def test_dispatch_takes_the_cycles_of_the_timing_model():
    """The model's constants, each against the gateware."""
    free = [command(KIND[Engine(i % 4)]) for i in range(9)]
    bench = Bench([*free, command(Opcode.END)], cycles=lambda engine: 3)
    assert bench.play() == DONE
    cycles = [cycle for cycle, _, _ in bench.starts()]
    assert cycles[0] - ORIGIN == FIRST_FETCH + CHECK_CYCLES
    assert {b - a for a, b in pairwise(cycles)} == {FETCH_CYCLES}

    waits = [command(Opcode.LOAD), command(Opcode.ADD, {Engine.LOAD: 1}), command(Opcode.END)]
    for duration in (*range(5, 14), 40):  # from a finish before the command is there to one long after
        bench = Bench(waits, cycles=lambda engine, duration=duration: duration)
        assert bench.play() == DONE
        (load, add), finished = (c for c, _, _ in bench.starts()), bench.finishes()[0]
        assert add == max(load + FETCH_CYCLES, finished + CHECK_CYCLES)


@pytest.mark.parametrize("length", [0, 1, 2, 30, CONFIG.program_commands - 1])
def test_sync_programs_take_the_predicted_cycles(length):
    program = [command(Opcode.SYNC)] * length + [command(Opcode.END)]
    bench = Bench(program)
    assert bench.play() == DONE
    assert bench.ran == predict(CONFIG, [decode(c) for c in program]).cycles


@pytest.mark.parametrize("seed", range(4))
def test_programs_take_the_predicted_cycles(seed):
    """Every dispatch, every finish and the total, with engines that take as long as the model's do.

    Each command waits for its engine's last one: how early an engine takes its next is not the sequencer's.
    """
    rng = random.Random(seed)
    issued, program = dict.fromkeys(Engine, 0), []
    for _ in range(CONFIG.program_commands - 1):
        opcode = rng.choice([Opcode.LOAD, Opcode.STORE, Opcode.CONV, Opcode.ADD, Opcode.SYNC])
        waits = {e: max(0, issued[e] - rng.choice((0, 1, 4))) for e in Engine if rng.random() < 0.4}
        fields = {}
        if opcode in ENGINE_OF:
            engine = ENGINE_OF[opcode]
            waits[engine] = issued[engine]
            issued[engine] += 1
        if opcode in (Opcode.LOAD, Opcode.STORE):
            fields = {"row_bytes": CONFIG.bus_bytes * rng.randint(1, 60)}
        elif opcode is Opcode.CONV:
            fields = {"output_w": rng.randint(1, 50), "chunks": rng.randint(1, 4), "last_columns": 1}
        elif opcode is Opcode.ADD:
            fields = {"lines": rng.randint(1, 5)}
        program.append(command(opcode, waits, **fields))
    program.append(command(Opcode.END))
    schedule = predict(CONFIG, [decode(c) for c in program])
    expected = [interval for interval in schedule.intervals if interval.engine is not None]
    durations = {e: [finish - start for engine, start, finish in expected if engine is e] for e in Engine}
    # An engine of the bench that draws n finishes n + 1 cycles after it has taken the command.
    bench = Bench(program, cycles=lambda engine: durations[engine].pop(0) - 1)
    assert bench.play() == DONE
    assert [(engine, cycle - ORIGIN) for cycle, engine, _ in bench.starts()] == [(e, s) for e, s, _ in expected]
    for engine in Engine:
        finishes = [cycle - ORIGIN for cycle in bench.finishes(engine)]
        assert finishes == [finish for e, _, finish in expected if e is engine]
    assert bench.ran == schedule.cycles
