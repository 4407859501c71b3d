# SPDX-License-Identifier: Apache-2.0
"""The controller against a model of the chip: data, answers, speed, and refreshes whatever the bus does."""

import random
from collections import Counter

import pytest
from amaranth.hdl import Cat
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.gateware.sdram.chip import W9825G6KH_6
from celosia.gateware.sdram.pins import Command
from celosia.gateware.sdram.refresh import FIRST_REFRESHES
from gateware.sdram.bench import NARROW, QUICK, SIZE, WIDE, System, run, serve, write
from gateware.sdram.initiator import Burst, Contents, Initiator

CONFIGS = pytest.mark.parametrize("config", [WIDE, NARROW], ids=["64 bits", "32 bits"])
SLVERR, DECERR = 2, 3
PAGE = 4096


@CONFIGS
def test_what_was_written_is_read(config):
    width, rng = config.bus_bytes, random.Random(1)
    places = [0, 1024 - width, 1024, SIZE - 16 * width]
    writes = [write(rng, width, place, n) for place, n in zip(places, (1, 1, 5, 16), strict=True)]
    reads = [Burst(burst.address, burst.length) for burst in writes]
    serve(System(config), writes + reads)
    for before, after in zip(writes, reads, strict=True):
        assert after.read == [word for word, _ in before.beats]


def draw(rng: random.Random, width: int) -> Burst:
    """A legal burst: short and long, near each other and anywhere, with strobes, with addresses inside a beat."""
    length = rng.choice((1, 1, 2, 3, rng.randint(1, 20), rng.randint(1, 60)))
    start = rng.choice((rng.randrange(0, SIZE, width), rng.randrange(0, 2 * PAGE, 1024), SIZE - width * length))
    start = min(start, SIZE - width)
    length = min(length, (PAGE - start % PAGE) // width, 256)
    address, identity = start + rng.choice((0, 0, rng.randrange(width))), rng.randrange(2)
    if rng.random() < 0.5:
        return Burst(address, length, id=identity)
    return write(rng, width, address, length, full=rng.random() < 0.5, id=identity)


@settings(max_examples=10)
@given(
    config=st.sampled_from([WIDE, NARROW]),
    seed=st.integers(0, 1 << 20),
    stall=st.sampled_from([0.0, 0.2, 0.7]),
    clock=st.sampled_from(
        [(QUICK, 125e6), (QUICK, 142e6), (W9825G6KH_6.replace(power_up_ns=2e3), 133e6), (QUICK, 66e6)]
    ),
    io_cycles=st.integers(0, 3),
)
def test_random_traffic(config, seed, stall, clock, io_cycles):
    rng = random.Random(seed)
    system = System(config, chip=clock[0], clock_hz=clock[1], io_cycles=io_cycles)
    serve(system, [draw(rng, config.bus_bytes) for _ in range(30)], stall=stall, seed=seed)


@CONFIGS
def test_what_is_not_served_is_answered_and_changes_nothing(config):
    width, rng = config.bus_bytes, random.Random(2)
    end = QUICK.size
    refused = [
        {"address": 64, "length": 4, "kind": 0, "response": SLVERR},
        {"address": 64, "length": 4, "kind": 2, "response": SLVERR},
        {"address": 64, "length": 3, "size": 1, "response": SLVERR},
        {"address": PAGE - 2 * width, "length": 3, "response": SLVERR},
        {"address": end, "length": 2, "response": DECERR},
        {"address": end + (64 << 10), "length": 17, "response": DECERR},
    ]
    good = write(rng, width, 0, 40), write(rng, width, PAGE - 4 * width, 4), write(rng, width, PAGE, 4)
    bad = [Burst(**options, id=i % 2) for i, options in enumerate(refused)]
    bad += [write(rng, width, options.pop("address"), options.pop("length"), **options) for options in refused]
    after = [Burst(burst.address, burst.length) for burst in good]
    serve(System(config), [*good, *bad, *after])


def speed(bursts, width: int) -> float:
    """How busy the data wires were: words a cycle, from the first beat of the bursts to the last."""
    cycles = [cycle for burst in bursts for cycle in burst.cycles]
    return (len(cycles) - 1) * width / 2 / (max(cycles) - min(cycles))


@CONFIGS
@pytest.mark.parametrize("length", [64, 256], ids=["bursts of 64", "bursts of 256"])
@pytest.mark.parametrize("kind", ["reads", "writes"])
def test_long_bursts_keep_the_wires_busy(config, length, kind):
    width, rng = config.bus_bytes, random.Random(3)
    places = range(0, SIZE // 4 * width // 4, length * width)
    bursts = [Burst(place, length) if kind == "reads" else write(rng, width, place, length) for place in places]
    serve(System(config), bursts)
    assert speed(bursts, width) > 0.93


@CONFIGS
def test_short_rows_keep_the_wires_busy(config):
    """As LOAD moves them: rows of 64 bytes, each in a row and bank of its own."""
    width, beats = config.bus_bytes, 64 // config.bus_bytes
    reads = [Burst(place, beats) for place in range(0, SIZE, 1024)]
    serve(System(config), reads)
    assert speed(reads, width) > 0.85


@CONFIGS
def test_reads_and_writes_at_once_share_the_wires(config):
    width, rng = config.bus_bytes, random.Random(4)
    reads = [Burst(place, 64) for place in range(0, SIZE // 4, 64 * width)]
    writes = [write(rng, width, SIZE // 2 + burst.address, 64) for burst in reads]
    serve(System(config), [burst for pair in zip(reads, writes, strict=True) for burst in pair])
    assert speed(reads + writes, width) > 0.75


def test_rows_are_refreshed_while_the_initiator_takes_nothing():
    system = System(WIDE)
    bursts = [Burst(0, 256), Burst(2048, 256), write(random.Random(5), 8, 4096, 256)]
    cycles = 0

    async def mute(ctx):
        nonlocal cycles
        initiator.mute = True
        for cycles in range(20_000):  # noqa: B007 - counts for the assertion below
            await ctx.tick()
        initiator.mute = False

    initiator = Initiator(system.bus, Contents())
    initiator.todo.extend(bursts)
    run(system, [initiator], also=[mute])
    assert all(burst.done for burst in bursts)
    assert cycles > 10 * system.sdram.cycles.refi


def test_the_mode_is_loaded_once():
    """Refreshes take no longer than they must: only those after power-up are followed by LOAD MODE."""
    system = System(WIDE, chip=QUICK.replace(refresh_ns=QUICK.refresh_ns / 4))  # sooner, for a shorter test
    commands = Counter()

    async def watch(ctx):
        pins = system.chip.pins
        while True:
            _, _, chosen, command = await ctx.tick().sample(pins.cs & pins.cke, Cat(pins.we, pins.cas, pins.ras))
            commands[Command(command if chosen else 0)] += 1

    serve(system, [Burst(0, 4)], begin=10 * system.sdram.cycles.refi, also=[watch])
    assert commands[Command.REFRESH] > FIRST_REFRESHES + 2
    assert commands[Command.LOAD_MODE] == 1
