# SPDX-License-Identifier: Apache-2.0
"""Checksum, frame receiver and transmitter, frame buffer: each against a few lines of Python."""

import random
import zlib

import pytest
from amaranth.sim import Simulator
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from celosia.gateware.link.buffer import FrameBuffer
from celosia.gateware.link.crc import CRC_CYCLES, Crc
from celosia.gateware.link.receiver import FrameReceiver
from celosia.gateware.link.transmitter import FrameTransmitter
from gateware.link.wire import stuff, unstuff, with_checksum
from support.refusal import refused

BYTES = st.lists(st.one_of(st.just(0), st.just(255), st.integers(0, 255)), max_size=60).map(bytes)


def run(dut, *benches):
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    *background, main = benches
    for bench in background:
        sim.add_testbench(bench, background=True)
    sim.add_testbench(main)
    sim.run()


@settings(max_examples=10)
@given(BYTES)
def test_checksum(data):
    dut = Crc()

    async def main(ctx):
        async def step(signal, byte=0):
            ctx.set(signal, 1)
            ctx.set(dut.data, byte)
            await ctx.tick()
            ctx.set(signal, 0)
            for _ in range(CRC_CYCLES):
                assert ctx.get(dut.busy)
                await ctx.tick()
            assert not ctx.get(dut.busy)

        for repeat in range(2):
            for byte in data:
                await step(dut.add, byte)
            assert ctx.get(dut.value) == zlib.crc32(data)
            if repeat == 0:
                for i in range(4):
                    assert ctx.get(dut.value) & 0xFF == zlib.crc32(data) >> 8 * i & 0xFF
                    await step(dut.shift)
            else:
                ctx.set(dut.clear, 1)
                await ctx.tick()
            assert ctx.get(dut.value) == 0

    run(dut, main)


def receive(line: bytes) -> list[tuple[bytes, int | None]]:
    """What a receiver makes of a line: bytes written, and the length if it offered them (None if it dropped them)."""
    dut, frames = FrameReceiver(), []

    async def watch(ctx):
        frame = bytearray()
        while True:
            _, _, write, byte, commit, length, drop = await ctx.tick().sample(
                dut.write, dut.byte, dut.commit, dut.length, dut.drop
            )
            if write:
                frame.append(byte)
            assert not (commit and drop)
            if commit or drop:
                frames.append((bytes(frame), length if commit else None))
                frame.clear()

    async def main(ctx):
        for byte in line:
            ctx.set(dut.data, byte)
            ctx.set(dut.valid, 1)
            await ctx.tick()
            ctx.set(dut.valid, 0)
            for _ in range(CRC_CYCLES + 4):
                await ctx.tick()

    run(dut, watch, main)
    return frames


@settings(max_examples=25)
@given(st.lists(BYTES.filter(lambda data: len(data) % 4 == 0), min_size=1, max_size=3))
def test_right_frames_are_offered(bodies):
    frames = receive(b"".join(stuff(with_checksum(body)) for body in bodies))
    assert [frame for frame, _ in frames] == [with_checksum(body) for body in bodies]
    assert [length for _, length in frames] == [len(body) // 4 if len(body) >= 8 else None for body in bodies]


@pytest.mark.parametrize(("size", "fill"), [(248, 1), (252, 0), (252, 255), (1020, 7), (1024, 7), (2036, 0)])
def test_long_runs_and_long_frames(size, fill):
    body = with_checksum(bytes([fill]) * size)
    ((frame, length),) = receive(stuff(body))
    assert frame == body
    assert length == (size // 4 if size <= 1020 else None)


@settings(max_examples=25)
@given(st.binary(min_size=8, max_size=24).filter(lambda b: len(b) % 4 == 0), st.data())
def test_damaged_frames_are_dropped_and_the_next_one_is_not(body, data):
    line = bytearray(stuff(with_checksum(body)))
    place = data.draw(st.integers(0, len(line) - 2))
    match data.draw(st.sampled_from(("lose", "turn", "double", "insert", "cut"))):
        case "lose":
            del line[place]
        case "turn":
            line[place] ^= 1 << data.draw(st.integers(0, 7))
        case "double":
            line.insert(place, line[place])
        case "insert":
            line.insert(place, data.draw(st.integers(0, 255)))
        case "cut":
            line[place] = 0
    frames = [unstuffed(frame + b"\0") for frame in bytes(line).split(b"\0")]
    assume(with_checksum(body) not in frames)  # an empty frame in front is no damage
    good = stuff(with_checksum(bytes(12)))
    *damaged, last = receive(bytes(line) + good)
    assert all(length is None for _, length in damaged)
    assert last == (with_checksum(bytes(12)), 3)


def unstuffed(line) -> bytes | None:
    """A frame with codes in front of its blocks; None if they do not fit."""
    out, place = bytearray(), 0
    while line[place]:
        code = line[place]
        out += line[place + 1 : place + code]
        place += code
        if place >= len(line):
            return None
        if code < 255 and line[place]:
            out.append(0)
    return bytes(out) if place == len(line) - 1 else None


@settings(max_examples=10)
@given(st.lists(BYTES.filter(len), min_size=1, max_size=3), st.integers(0, 1 << 30), st.sampled_from((0.0, 0.5, 0.95)))
def test_frames_are_sent(bodies, seed, stall):
    assert transmit(bodies, seed, stall) == bodies


@pytest.mark.parametrize(("size", "fill"), [(249, 7), (250, 7), (251, 7), (254, 7), (255, 0), (600, 255)])
def test_long_runs_are_sent(size, fill):
    body = bytes([fill]) * size
    assert transmit([body], 0, 0.0) == [body]


def transmit(bodies: list[bytes], seed: int, stall: float) -> list[bytes]:
    """Bodies through a transmitter, over a line that stalls, and back."""
    dut, line, rng = FrameTransmitter(), bytearray(), random.Random(seed)
    patience = 2000  # cycles for a byte

    async def listen(ctx):
        while True:
            ctx.set(dut.o.ready, rng.random() >= stall)
            _, _, valid, ready, byte = await ctx.tick().sample(dut.o.valid, dut.o.ready, dut.o.payload)
            if valid and ready:
                line.append(byte)

    async def main(ctx):
        for body in bodies:
            for place, byte in enumerate(body):
                while rng.random() < stall:
                    await ctx.tick()
                ctx.set(dut.i.valid, 1)
                ctx.set(dut.i.payload, {"byte": byte, "last": place == len(body) - 1})
                for _ in range(patience):
                    if (await ctx.tick().sample(dut.i.ready))[2]:
                        break
                else:
                    pytest.fail("it takes no byte")
                ctx.set(dut.i.valid, 0)
        while line.count(0) < len(bodies):
            sent = len(line)
            for _ in range(patience):
                await ctx.tick()
                if len(line) > sent:
                    break
            else:
                pytest.fail("it sends no byte")

    run(dut, listen, main)
    *frames, rest = bytes(line).split(b"\0")
    assert not rest
    result = [unstuff(frame) for frame in frames]
    assert all(with_checksum(body[:-4]) == body for body in result)
    return [body[:-4] for body in result]


async def pulse(ctx, signal):
    ctx.set(signal, 1)
    await ctx.tick()
    ctx.set(signal, 0)
    for _ in range(4):
        await ctx.tick()


async def put(ctx, dut, content: bytes):
    """The bytes of a frame, not yet committed."""
    for byte in content:
        ctx.set(dut.data, byte)
        await pulse(ctx, dut.write)


async def take(ctx, dut, count: int, expected: bytearray):
    """Take bytes, of those that are expected; none comes when none is."""
    ctx.set(dut.o.ready, 1)
    for _ in range(count):
        for _ in range(8):
            _, _, valid, byte = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            if valid:
                assert byte == expected.pop(0)
                break
        else:
            assert not expected
    ctx.set(dut.o.ready, 0)
    await ctx.tick()


FRAME = st.tuples(st.binary(min_size=1, max_size=40), st.booleans())


@settings(max_examples=25)
@given(st.lists(st.one_of(FRAME, st.integers(1, 40)), max_size=12))
def test_the_buffer_shows_whole_frames(steps):
    """Against a list: what was committed and had room comes out, in order, and nothing of the rest."""
    dut, expected = FrameBuffer(64), bytearray()

    async def main(ctx):
        for step in [*steps, 64]:
            if isinstance(step, int):
                await take(ctx, dut, step, expected)
                continue
            content, good = step
            await put(ctx, dut, content)
            ctx.set(dut.length, len(content))
            await pulse(ctx, dut.commit if good else dut.drop)
            if good and len(expected) + 1 + len(content) < 64:
                expected.extend((len(content), *content))
        assert not expected

    run(dut, main)


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_a_frame_that_lost_a_byte_is_dropped_even_if_there_is_room_again(lost):
    """A buffer that is full but for the frame that comes in, and emptied before that ends; the next frame is whole."""
    dut, expected = FrameBuffer(64), bytearray()

    async def main(ctx):
        for content, room in ((bytes(40), 40), (bytes(range(1, 23 + lost)), 22), (b"next", 4)):
            await put(ctx, dut, content)
            await take(ctx, dut, 64, expected)
            ctx.set(dut.length, len(content))
            await pulse(ctx, dut.commit)
            if len(content) <= room:
                expected.extend((len(content), *content))
        await take(ctx, dut, 64, expected)

    run(dut, main)


@pytest.mark.parametrize("depth", [0, 32, 100, 65])
def test_depth_is_a_power_of_two(depth):
    refused(lambda: FrameBuffer(depth), "power of two")
