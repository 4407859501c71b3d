# SPDX-License-Identifier: Apache-2.0
"""LOAD and STORE against numpy, with every kind of memory AXI4 allows."""

import cocotb
import numpy as np
from cocotb.triggers import RisingEdge

from celosia.arch.isa import COMMAND_BYTES, Engine, Opcode, Space, encode
from celosia.arch.registers import Register, space_bytes
from cosim.bench import Bench
from cosim.stalls import stall
from cosim.transfers import Block, Memories, random_block

END = encode(Opcode.END)
SOURCE, TARGET, DUMP = range(48 << 10), range(48 << 10, 112 << 10), 112 << 10
"""Parts of the external memory: what is loaded, what is stored to, where local memories are brought to be compared."""

PART = 1 << 10  # bytes of each local memory that a test plays with


class Player:
    """Runs blocks on the core and in numpy, and compares all bytes."""

    def __init__(self, bench: Bench):
        self.bench, self.rng = bench, bench.rng
        self.unit = bench.config.bus_bytes
        self.memories = Memories(bench.config, bytearray(bench.external.bytes))
        self.parts = {space: self._part(space) for space in Space}

    def _part(self, space: Space) -> range:
        """A part of a local memory, at one end or between; of the program memory the last."""
        size = space_bytes(self.bench.config, space)
        middle = int(self.rng.integers(0, (size - PART) // self.unit)) * self.unit
        start = size - PART if space is Space.PROGRAM else int(self.rng.choice((0, middle, size - PART)))
        return range(start, start + PART)

    async def fill(self):
        """Load every part, so that its contents are known."""
        blocks = [
            Block(Opcode.LOAD, space, int(self.rng.integers(0, 64)) * self.unit, part.start, PART)
            for space, part in self.parts.items()
        ]
        await self.play([block.encode() for block in blocks], blocks)

    async def play(self, commands: list[bytes], blocks: list[Block], limit: int = 100_000):
        """Run commands that do what ``blocks`` do, and compare."""
        dumps = [
            Block(Opcode.STORE, space, DUMP + 2 * PART * space.value, part.start, PART)
            for space, part in self.parts.items()
        ]
        loads = sum(block.opcode is Opcode.LOAD for block in blocks)
        waits = {Engine.LOAD: loads, Engine.STORE: len(blocks) - loads}
        after = [dump.encode(waits) for dump in dumps]
        assert len(commands) + len(after) < (min(self.parts[Space.PROGRAM]) // COMMAND_BYTES)
        await self.bench.expect_done([*commands, *after, END], limit=limit)
        for block in (*blocks, *dumps):
            self.memories.move(block)
        self.compare()

    def compare(self):
        seen, expected = (np.frombuffer(b, np.uint8) for b in (self.bench.external.bytes, self.memories.external))
        wrong = np.flatnonzero(seen != expected)
        assert not len(wrong), f"{len(wrong)} external bytes differ, the first at {wrong[0]:#x}"

    def draw(self, opcode: Opcode, space: Space | None = None) -> Block:
        space = Space(int(self.rng.integers(len(Space)))) if space is None else space
        external = SOURCE if opcode is Opcode.LOAD else TARGET
        return random_block(self.rng, self.unit, opcode, space, external, self.parts[space])


async def player(dut, test: str, *, stalls: bool = True) -> Player:
    bench = await Bench.start(dut, test, stalls=stalls)
    await bench.set_bounds()
    player = Player(bench)
    await player.fill()
    return player


@cocotb.test()
async def in_turn(dut):
    """Blocks of both kinds, all spaces, any strides, each after all before it."""
    play = await player(dut, "in_turn")
    for _ in range(2):
        commands, blocks, counts = [], [], dict.fromkeys((Engine.LOAD, Engine.STORE), 0)
        for _ in range(12):
            opcode = Opcode.LOAD if play.rng.random() < 0.5 else Opcode.STORE
            block = play.draw(opcode)
            commands.append(block.encode(counts))
            blocks.append(block)
            counts[Engine.LOAD if opcode is Opcode.LOAD else Engine.STORE] += 1
        await play.play(commands, blocks)


@cocotb.test()
async def side_by_side(dut):
    """LOADs and STOREs that have nothing to do with each other: both engines at once."""
    play = await player(dut, "side_by_side")
    rng = play.rng
    for _ in range(2):
        spaces = [Space(int(value)) for value in rng.permutation(len(Space))]
        loads = [play.draw(Opcode.LOAD, spaces[i % 2]) for i in range(8)]
        stores = [play.draw(Opcode.STORE, spaces[2 + i % 2]) for i in range(8)]
        mixed = [block for pair in zip(loads, stores, strict=True) for block in pair]
        await play.play([block.encode() for block in mixed], mixed)


@cocotb.test()
async def every_alignment(dut):
    """Rows that begin at every beat of a burst and end at every beat, and are short, or longer than bursts."""
    play = await player(dut, "every_alignment")
    unit, part = play.unit, play.parts[Space.ACTIVATIONS]
    for beats in (1, int(play.rng.integers(2, 8)), 64, int(play.rng.integers(65, 100))):
        rows = min(64, PART // (beats * unit))
        first = int(play.rng.integers(0, 64)) * unit
        load = Block(
            Opcode.LOAD, Space.ACTIVATIONS, first, part.start, beats * unit, rows, 65 * unit, beats * unit
        )  # fmt: skip
        store = Block(
            Opcode.STORE, Space.ACTIVATIONS, TARGET.start + first, part.start, beats * unit, rows,
            (2 * beats // 64 * 64 + 65) * unit, beats * unit,
        )  # fmt: skip
        await play.play([load.encode(), store.encode({Engine.LOAD: 1})], [load, store])


@cocotb.test()
async def round_4_kib(dut):
    """Rows that end before, at and after a boundary that no burst may cross."""
    bench = await Bench.start(dut, "round_4_kib")
    unit = bench.config.bus_bytes
    await bench.set_bounds(base=int(bench.rng.integers(1, 1 << 18)) << 12)
    play = Player(bench)
    await play.fill()
    part = play.parts[Space.WEIGHTS]
    commands, blocks = [], []
    for before in (1, 2, 63, 64, 65):
        for beats in (before - 1, before, before + 1):
            if not beats or beats * unit > PART:
                continue
            page = int(bench.rng.integers(1, 8)) << 12
            kind = dict(space=Space.WEIGHTS, local=part.start, row_bytes=beats * unit)
            load = Block(Opcode.LOAD, external=page - before * unit, **kind)
            store = Block(Opcode.STORE, external=TARGET.start + page - before * unit, **kind)
            done = {Engine.LOAD: len(blocks) // 2, Engine.STORE: len(blocks) // 2}
            commands += [load.encode(done), store.encode(done | {Engine.LOAD: len(blocks) // 2 + 1})]
            blocks += [load, store]
    await play.play(commands, blocks)


@cocotb.test()
async def a_whole_memory(dut):
    """All of the activation memory there and back, from an address that divides nothing."""
    bench = await Bench.start(dut, "a_whole_memory", stalls=False)
    await bench.set_bounds()
    stall(bench.external, bench.rng, (0.0, 0.1))
    size = bench.config.activation_bytes
    load = Block(Opcode.LOAD, Space.ACTIVATIONS, 5 * bench.config.bus_bytes, 0, size)
    store = Block(Opcode.STORE, Space.ACTIVATIONS, (64 << 10) + 3 * bench.config.bus_bytes, 0, size)
    expected = bytes(bench.external.bytes[load.external : load.external + size])
    await bench.expect_done([load.encode(), store.encode({Engine.LOAD: 1}), END], limit=60_000)
    assert bytes(bench.external.bytes[store.external : store.external + size]) == expected


async def data_before_addresses(bench: Bench):
    """Take a write's address only once all its data have come, which AXI4 allows."""
    half, taken = bench.external.write_if, 0
    half.w_channel.queue_occupancy_limit = 0
    while True:
        await RisingEdge(bench.dut.clk)
        dut = bench.dut
        taken += bool(dut.memory__wvalid.value and dut.memory__wready.value and dut.memory__wlast.value)
        taken -= bool(dut.memory__awvalid.value and dut.memory__awready.value)
        half.aw_channel.pause = taken <= 0


async def answers_in_heaps(bench: Bench):
    """Take as many reads as come, then answer them all."""
    channel = bench.external.read_if.r_channel
    while True:
        for pause in (True, False):
            channel.pause = pause
            for _ in range(int(bench.rng.integers(50, 400))):
                await RisingEdge(bench.dut.clk)


@cocotb.test()
async def peculiar_memories(dut):
    """Addresses taken after the data; no data taken before the address; reads answered in heaps."""
    play = await player(dut, "peculiar_memories", stalls=False)
    bench = play.bench
    tasks = [cocotb.start_soon(habit(bench)) for habit in (data_before_addresses, answers_in_heaps)]
    for _ in range(2):
        blocks = [play.draw(Opcode.LOAD, Space.WEIGHTS) for _ in range(5)]
        blocks += [play.draw(Opcode.STORE, Space.ACTIVATIONS) for _ in range(5)]
        await play.play([block.encode() for block in blocks], blocks)
    for task in tasks:
        task.cancel()
    bench.external.write_if.aw_channel.pause = bench.external.read_if.r_channel.pause = False
    bench.external.write_if.w_channel.queue_occupancy_limit = 1
    blocks = [play.draw(Opcode.STORE) for _ in range(5)]
    await play.play([block.encode() for block in blocks], blocks)


@cocotb.test()
async def windows_meanwhile(dut):
    """The host uses windows and registers while both engines run."""
    bench = await Bench.start(dut, "windows_meanwhile")
    await bench.set_bounds()
    half = bench.config.activation_bytes // 2
    size = 4 << 10
    load = Block(Opcode.LOAD, Space.ACTIVATIONS, 0, half, size)
    store = Block(Opcode.STORE, Space.WEIGHTS, 64 << 10, 0, size)
    first = bench.rng.bytes(64)
    await bench.write_bytes(bench.address(Space.WEIGHTS), first)
    await bench.put([load.encode(), store.encode(), END])
    await bench.go()
    pokes = 0
    while not dut.interrupt.value:
        offset = int(bench.rng.integers(0, half - 64))
        data = bench.rng.bytes(int(bench.rng.integers(1, 40)))
        await bench.write_bytes(bench.address(Space.ACTIVATIONS, offset), data)
        assert await bench.read_bytes(bench.address(Space.ACTIVATIONS, offset), len(data)) == data
        assert await bench.read(Register.EXTERNAL_SIZE) == len(bench.external.bytes)
        pokes += 1
    assert pokes > 5
    await bench.finish()
    stored = await bench.read_bytes(bench.address(Space.ACTIVATIONS, half), size)
    assert stored == bench.external.bytes[:size]
    assert bench.external.bytes[64 << 10 : (64 << 10) + 64] == first
