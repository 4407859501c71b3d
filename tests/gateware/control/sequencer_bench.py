# SPDX-License-Identifier: Apache-2.0
"""A sequencer with a program memory and engines around it, all in Python."""

import random
from dataclasses import dataclass, field

from amaranth.sim import Simulator

from celosia.arch.config import preset
from celosia.arch.isa import COMMAND_BYTES, COUNTS, Engine, ErrorCause, Opcode, encode
from celosia.gateware.control.program_memory import FETCH_BITS, FETCH_LATENCY
from celosia.gateware.control.sequencer import ENGINE_OF, Sequencer

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
            if valid and ready and not reset:  # what is taken beside a reset is forgotten
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
        await self.step(ctx)  # the status follows a cycle later

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

    def finishes(self, of: Engine | None = None):
        """Cycles of ``finished``, of one engine or all."""
        return [cycle for cycle, engine, what, _ in self.log if what == "finished" and of in (None, engine)]


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
