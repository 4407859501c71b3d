# SPDX-License-Identifier: Apache-2.0
"""The executor, with its bus accesses, against the Python board that the host's end is tested with."""

import random

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.arch.config import preset
from celosia.arch.link import INTERRUPT, Info, Status
from celosia.gateware.link.access import WordAccess
from celosia.gateware.link.executor import Executor
from gateware.link.wire import OPEN, READ, WRITE, Target, answers, request, stuff
from runtime.serial.board import FAULTY, Board

INFO = {info: 0x01020304 * (i + 1) for i, info in enumerate(Info)}


class Core(Component):
    """Executor and word access, as the link joins them."""

    def __init__(self, config, external):
        self.executor = Executor(INFO, external=external)
        self.access = WordAccess(config, external=external)
        ports = {name: self.access.signature.members[name] for name in ("control", "memory")[: 1 + external]}
        streams = {name: self.executor.signature.members[name] for name in "io"}
        super().__init__({**ports, **streams, "interrupt": In(1), "idle": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.executor, m.submodules.access = executor, access = self.executor, self.access
        connect(m, flipped(self.i), executor.i)
        connect(m, executor.o, flipped(self.o))
        for name in ("start", "write", "external", "address", "word"):
            m.d.comb += getattr(access, name).eq(getattr(executor, name))
        for name in ("done", "error", "read"):
            m.d.comb += getattr(executor, name).eq(getattr(access, name))
        for name in ("control", "memory"):
            if hasattr(self, name):
                connect(m, getattr(access, name), flipped(getattr(self, name)))
        m.d.comb += executor.interrupt.eq(self.interrupt)
        return m


def carry_out(config, frames, *, external=True, stall=0.0, interrupt=0, seed=0):
    """Answers' bytes (without checksums), and the words written to control bus and external memory."""
    dut, rng = Core(config, external), random.Random(seed)
    control = Target(dut.control, stall=stall, seed=seed, faulty=FAULTY)
    targets = [control, Target(dut.memory, stall=stall, seed=seed)] if external else [control]
    out, bodies = bytearray(), []

    async def take(ctx):
        while True:
            ctx.set(dut.o.ready, rng.random() >= stall)
            _, _, valid, ready, byte, last = await ctx.tick().sample(
                dut.o.valid, dut.o.ready, dut.o.payload.byte, dut.o.payload.last
            )
            if valid and ready:
                out.append(byte)
                if last:
                    bodies.append(bytes(out))
                    out.clear()

    async def main(ctx):
        ctx.set(dut.interrupt, interrupt)
        for frame in frames:
            for byte in (len(frame) // 4 - 1, *frame):  # the buffer's length byte does not count the checksum
                for _ in range(3):
                    await ctx.tick()
                ctx.set(dut.i.payload, byte)
                ctx.set(dut.i.valid, 1)
                while not (await ctx.tick().sample(dut.i.ready))[2]:
                    ctx.set(dut.i.valid, 0)  # as the buffer: every fourth cycle
                    for _ in range(3):
                        await ctx.tick()
                    ctx.set(dut.i.valid, 1)
                ctx.set(dut.i.valid, 0)
        for _ in range(200_000):
            if len(bodies) == len(frames):
                return
            await ctx.tick()
        raise AssertionError(f"{len(bodies)} answers to {len(frames)} requests")

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    for bench in (take, *(target.run for target in targets)):
        sim.add_testbench(bench, background=True)
    sim.add_testbench(main)
    sim.run()
    assert not out
    return bodies, targets


@st.composite
def requests(draw):
    """A request's bytes; mostly ones that make sense."""
    operation = draw(st.sampled_from((0, 1, 1, 1, 2, 3, 3, 4, 5, 5, 6, 7, 9, 0x81)))
    count = draw(st.integers(0, 3))
    address = 0 if operation == 4 else draw(st.sampled_from((0, 0x20, 0x38, 0xF8, 0x3FC, *FAULTY[::4])))
    words = st.integers(0, (1 << 32) - 1)
    carried = count if operation in (1, 3) else 0
    size = draw(st.sampled_from((carried,) * 6 + (count, count + 1)))
    payload = draw(st.lists(words, min_size=size, max_size=size))
    return request(draw(st.sampled_from((0, 1, 1, 1, 2))), draw(st.integers(0, 3)), operation, count, address, payload)


@settings(max_examples=15)
@given(
    st.lists(requests(), min_size=1, max_size=8), st.booleans(), st.booleans(), st.sampled_from((0.0, 0.6)), st.data()
)
def test_answers_and_writes_are_the_model_boards(frames, external, interrupt, stall, data):
    config = preset(data.draw(st.sampled_from(("c16", "c256"))))  # buses of 32 and 64 bits
    board = Board(config, external=4096 if external else 0)
    board.info = dict(enumerate(INFO.values()))
    board.interrupt = interrupt
    expected = answers(board.feed(b"".join(stuff(frame) for frame in frames)))
    bodies, targets = carry_out(config, frames, external=external, stall=stall, interrupt=interrupt)
    assert [body[:2] for body in bodies] == [bytes(answer[:2]) for answer in expected]
    assert [body[-2:] for body in bodies] == [bytes(answer[3:]) for answer in expected]
    for body, (_, _, words, _, status) in zip(bodies, expected, strict=True):
        assert len(body) == 4 + 4 * len(words)
        if status & 7 == Status.OK:
            assert body[2:-2] == b"".join(word.to_bytes(4, "little") for word in words)
    for target, operation in zip(targets, (1, 3), strict=False):
        wanted = [entry for entry in board.executed if entry[0] == operation]
        assert len(target.writes) == len(wanted)
        low = target.width - 1
        assert [address for address, _ in target.writes] == [address & ~low for _, address, _ in wanted]
        words = board.control if operation == 1 else board.external
        assert {address: target.word(address) for address in words} == words


def test_a_session_of_more_writes_than_sequence_numbers():
    frames = [request(3, 0, OPEN, 0, 0)]
    for number in range(258):
        frames += [request(3, number % 256, WRITE, 1, 0x20, [number])]
    behind = (1, 2, 127, 128, 129, 255)  # a repetition is one of the 127 before
    frames += [request(3, (258 - distance) % 256, WRITE, 1, 0x24, [1]) for distance in behind]
    bodies, (control, *_) = carry_out(preset("c16"), frames, external=False)
    assert all(body[-1] == Status.OK for body in bodies[: -len(behind)])
    assert [body[-1] for body in bodies[-len(behind) :]] == [Status.OK] * 3 + [Status.OUT_OF_ORDER] * 3
    assert control.writes == [(0x20, number) for number in range(258)]


def test_long_accesses_count_addresses_across_bytes():
    frames = [request(1, 0, OPEN, 0, 0), request(1, 0, WRITE, 200, 0x1FFE8, list(range(200)))]
    frames += [request(1, 9, READ, 255, 0x1FFE0)]
    bodies, (control, *_) = carry_out(preset("c256"), frames, external=False, interrupt=1)
    assert [address for address, _ in control.writes] == [0x1FFE8 + 4 * i for i in range(200)]
    words = [int.from_bytes(bodies[2][i : i + 4], "little") for i in range(2, 2 + 4 * 255, 4)]
    assert words == [0, 0, *range(200), *[0] * 53]
    assert bodies[2][-1] == INTERRUPT | Status.OK
