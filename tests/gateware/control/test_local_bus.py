# SPDX-License-Identifier: Apache-2.0
import random
from collections import deque

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from amaranth.sim import Simulator

from celosia.arch.config import preset
from celosia.arch.isa import Space
from celosia.gateware.control.local_bus import LocalArbiter, LocalSplit
from celosia.gateware.control.program_memory import COMMAND_WORDS, FETCH_BITS, FETCH_LATENCY, ProgramMemory
from celosia.gateware.interfaces import LocalBus
from gateware.control.buses import LocalMemory

CONFIGS = [preset("c16"), preset("c64")]
INITIATORS = ("window", "load", "store")
BYTES = 3 * 64  # of each memory; an initiator uses a third


class Bus(Component):
    """Arbiter and split."""

    def __init__(self, config):
        self.config = config
        bus = LocalBus(config)
        super().__init__(
            {name: In(bus) for name in INITIATORS}
            | {space.name.lower(): Out(bus) for space in Space}
            | {"load_pending": Out(1)}
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.arbiter = arbiter = LocalArbiter(self.config)
        m.submodules.split = split = LocalSplit(self.config)
        connect(m, arbiter.memories, split.initiator)
        for name in INITIATORS:
            connect(m, flipped(getattr(self, name)), getattr(arbiter, name))
        for space in Space:
            connect(m, getattr(split, space.name.lower()), flipped(getattr(self, space.name.lower())))
        m.d.comb += self.load_pending.eq(arbiter.load_pending)
        return m


class Initiator:
    """Asks at random (or always) and checks every answer against a memory of its own."""

    def __init__(self, bus, index: int, config, *, idle: float, writes: float, seed: int, period: int = 1):
        self.bus, self.width, self.rng = bus, config.bus_bytes, random.Random(seed)
        self.low, self.idle, self.writes, self.period = index * BYTES // 3, idle, writes, period
        self.model = {space: bytearray(BYTES) for space in Space}
        self.taken = self.answered = self.written = 0
        self.expected = deque()

    def _draw(self):
        space = self.rng.choice(list(Space))
        address = self.low + self.width * self.rng.randrange(BYTES // 3 // self.width)
        write = self.rng.random() < self.writes
        return space, address, write, self.rng.getrandbits(8 * self.width), self.rng.getrandbits(self.width)

    def _do(self, space, address, write, word, strobe):
        self.taken += 1
        memory = self.model[space]
        if not write:
            self.expected.append(int.from_bytes(memory[address : address + self.width], "little"))
            return
        self.written += 1
        for i in range(self.width):
            if strobe >> i & 1:
                memory[address + i] = word >> 8 * i & 0xFF

    async def run(self, ctx):
        request, current, cycle = self.bus.request, None, 0
        fields = request.payload
        while True:
            if current is None and cycle % self.period == 0 and self.rng.random() >= self.idle:
                current = self._draw()
                for signal, value in zip(
                    (fields.space, fields.address, fields.write, fields.data, fields.strobe), current, strict=True
                ):
                    ctx.set(signal, value)
            ctx.set(request.valid, current is not None)
            _, _, ready, valid, answer = await ctx.tick().sample(request.ready, self.bus.valid, self.bus.data)
            if valid:
                assert answer == self.expected.popleft()
                self.answered += 1
            if current is not None and ready:
                self._do(*current)
                current = None
            cycle += 1


def simulate(config, *, stall, idle, writes, cycles, seed, period=1):
    dut = Bus(config)
    memories = {}
    for space in Space:
        latency = (1, 1 + 3 * space.value)
        memories[space] = LocalMemory(
            getattr(dut, space.name.lower()),
            {space.value: BYTES},
            stall=stall,
            latency=latency,
            seed=seed + space.value,
        )
    initiators = {
        name: Initiator(
            getattr(dut, name), i, config, idle=idle, seed=seed + i, period=period if name == "window" else 1,
            writes=1.0 if name == "load" else writes,
        )
        for i, name in enumerate(INITIATORS)
    }  # fmt: skip
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    for part in (*memories.values(), *initiators.values()):
        sim.add_testbench(part.run, background=True)

    async def main(ctx):
        for cycle in range(cycles + 100):
            if cycle == cycles:
                for initiator in initiators.values():
                    initiator.idle = 1.0
            await ctx.tick()
            written = sum(write for memory in memories.values() for _, write in memory.beats)
            handed_over = sum(initiator.written for initiator in initiators.values())
            others = handed_over - initiators["load"].written
            if not ctx.get(dut.load_pending):
                # What is not in a memory yet is not LOAD's: at most what six buffer entries of the others hold.
                assert handed_over - written <= min(6, others)

    sim.add_testbench(main)
    sim.run()
    for initiator in initiators.values():
        assert not initiator.expected
        third = slice(initiator.low, initiator.low + BYTES // 3)
        for space, memory in memories.items():
            assert memory.bytes[space.value][third] == initiator.model[space][third]
    return initiators


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
@pytest.mark.parametrize(("stall", "idle"), [(0.0, 0.0), (0.0, 0.6), (0.5, 0.3)])
def test_everyone_gets_the_answers_to_their_own_questions(config, stall, idle):
    initiators = simulate(config, stall=stall, idle=idle, writes=0.4, cycles=500, seed=1, period=2)
    taken = [i.taken for i in initiators.values()]
    assert min(taken) >= 0.2 * sum(taken)


@pytest.mark.parametrize("stall", [0.0, 0.8])
def test_nobody_starves(stall):
    """Of writes, one a cycle passes where nothing stalls: half are the window's, a quarter each engine's."""
    initiators = simulate(CONFIGS[1], stall=stall, idle=0.0, writes=1.0, cycles=400, seed=2)
    window, load, store = (initiators[name].taken for name in INITIATORS)
    assert window + load + store >= (395 if stall == 0.0 else 60)
    assert abs(window - load - store) <= 3
    assert abs(load - store) <= 2


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_program_memory(config):
    dut = ProgramMemory(config)
    rng = random.Random(3)
    width = config.bus_bytes
    content = rng.randbytes(config.program_commands * COMMAND_WORDS * FETCH_BITS // 8)
    # Both ports in turn, at different places: what is asked on the local bus waits while the sequencer reads.
    half = len(content) // 2

    async def main(ctx):
        request, fields = dut.local.request, dut.local.request.payload
        for i in range(0, len(content), width):
            ctx.set(fields.address, i)
            ctx.set(fields.write, 1)
            ctx.set(fields.strobe, (1 << width) - 1)
            ctx.set(fields.data, int.from_bytes(content[i : i + width], "little"))
            ctx.set(request.valid, 1)
            while not (await ctx.tick().sample(request.ready))[2]:
                pass
        ctx.set(fields.write, 0)
        answers, words, asked, fetched = [], [], 0, []
        for _ in range(300):
            fetch, place = rng.random() < 0.5, rng.randrange(dut.words // 2)
            ctx.set(request.valid, asked < 100)
            ctx.set(fields.address, half + asked * width)
            ctx.set(dut.fetch, fetch)
            ctx.set(dut.busy, fetch)
            ctx.set(dut.fetch_address, place)
            _, _, ready, valid, answer, word = await ctx.tick().sample(
                request.ready, dut.local.valid, dut.local.data, dut.fetch_data
            )
            assert ready == (not fetch)
            asked += ready and asked < 100
            words.append(word)
            fetched.append(place if fetch else None)
            if valid:
                answers.append(answer)
        expected = [int.from_bytes(content[half + i * width :][:width], "little") for i in range(100)]
        assert answers == expected
        step = FETCH_BITS // 8
        for i, place in enumerate(fetched[:-FETCH_LATENCY]):
            if place is not None:
                assert words[i + FETCH_LATENCY] == int.from_bytes(content[place * step :][:step], "little")

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(main)
    sim.run()
