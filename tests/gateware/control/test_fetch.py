# SPDX-License-Identifier: Apache-2.0
"""Both ways to fetch commands, against :func:`celosia.arch.isa.decode` and their cycles."""

import random

import pytest
from amaranth.sim import Simulator

from celosia.arch.config import preset
from celosia.arch.isa import COMMAND_BYTES, IllegalCommandError, Opcode, decode, opcodes
from celosia.gateware.control.fetch import Fetch
from celosia.gateware.control.fetch_in_place import FetchInPlace
from celosia.gateware.control.program_memory import COMMAND_WORDS, FETCH_BITS, FETCH_LATENCY
from gateware.control.sequencer_bench import command

CONFIG = preset("c16").replace(depthwise=False)
WAYS = pytest.mark.parametrize("way", [Fetch, FetchInPlace])
CYCLES = COMMAND_WORDS + 4


def damaged(rng: random.Random, content: bytes) -> bytes:
    """A command with a changed bit, or one of its words lost, or as it was."""
    word = rng.randrange(COMMAND_WORDS) * 8
    match rng.randrange(4):
        case 0:
            bit = rng.randrange(8 * COMMAND_BYTES)
            return (int.from_bytes(content, "little") ^ 1 << bit).to_bytes(COMMAND_BYTES, "little")
        case 1:
            return content[:word] + bytes(8) + content[word + 8 :]
    return content


def kind(content: bytes) -> int:
    """What a command's ``kind`` must be."""
    try:
        opcode = decode(content)["opcode"]
    except IllegalCommandError:
        return 0
    return int(opcode in opcodes(CONFIG)) << list(Opcode).index(opcode)


def fetch(way, program: list[bytes], starts: list[tuple[int, int]], ready) -> list[list[tuple]]:
    """Fetch from the first of each of ``starts`` on until the second's number of commands has been taken.

    Each is (cycle since the start in which it came, index, kind, bits), or, beyond the memory, has no kind and no bits.
    """
    dut, image = way(CONFIG), b"".join(program)
    step = FETCH_BITS // 8
    words = [int.from_bytes(image[i : i + step], "little") for i in range(0, len(image), step)]
    o, noise, runs = dut.o.payload, random.Random(1), []

    async def main(ctx):
        pipeline = [0] * (FETCH_LATENCY - 1)

        async def cycle():
            _, _, read, address, valid, taken, overrun, *what = await ctx.tick().sample(
                dut.read, dut.address, dut.o.valid, dut.o.ready,
                o.overrun, o.index, o.kind, o.command.as_value(),
            )  # fmt: skip
            pipeline.append(words[address] if read and address < len(words) else noise.getrandbits(FETCH_BITS))
            ctx.set(dut.word, pipeline.pop(0))
            return valid, taken, (what[0], None, None) if overrun else tuple(what)

        for start, count in starts:
            ctx.set(dut.start, start)
            ctx.set(dut.run, 0)
            ctx.set(dut.o.ready, 0)
            for _ in range(FETCH_LATENCY + 1):
                await cycle()
            ctx.set(dut.run, 1)
            run, at, since = [], 0, None
            while len(run) < count:
                assert at < CYCLES * (count + 1) + 400
                ctx.set(dut.o.ready, ready(at))
                valid, taken, what = await cycle()
                since = at if valid and since is None else since
                assert valid or since is None, "what was offered was withdrawn"
                if valid and taken:
                    run.append((since, *what))
                    since = None
                at += 1
            runs.append(run)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(main)
    sim.run()
    return runs


@WAYS
@pytest.mark.parametrize("seed", range(3))
def test_commands_come_in_order_with_their_kinds(way, seed):
    rng = random.Random(seed)
    program = [damaged(rng, command(rng.choice(list(Opcode)), layer=rng.getrandbits(16))) for _ in range(60)]
    program += [command(Opcode.SYNC)] * (CONFIG.program_commands - len(program))
    last = CONFIG.program_commands
    starts = [(0, 60), (7, 1), (last - 2, 4), (last, 2)]
    runs = fetch(way, program, starts, lambda at: rng.random() < 0.3)
    for (start, count), run in zip(starts, runs, strict=True):
        expected = [(i, kind(program[i]), int.from_bytes(program[i], "little")) for i in range(start, last)][:count]
        expected += [(last, None, None)] * (count - len(expected))
        assert [tuple(what) for _, *what in run] == expected


@WAYS
def test_how_long_a_command_takes_and_one_that_was_read_ahead(way):
    program = [command(Opcode.SYNC)] * CONFIG.program_commands
    (quick,) = fetch(way, program, [(0, 9)], lambda at: True)
    first, *_ = came = [cycle for cycle, *_ in quick]
    cycles = CYCLES if way is FetchInPlace else CYCLES + 1  # its kind is a register before it is looked at
    assert came == [first + cycles * i for i in range(9)]
    (slow,) = fetch(way, program, [(0, 9)], lambda at: at % 50 == 49)
    after = CYCLES if way is FetchInPlace else 2
    assert [cycle for cycle, *_ in slow] == [first, *(50 * i - 1 + after for i in range(1, 9))]
