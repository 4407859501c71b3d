# SPDX-License-Identifier: Apache-2.0
"""The far end of the link for test benches: frames in both directions, and buses that answer when they like."""

import random
import zlib

from celosia.arch.link import Operation

OKAY, SLVERR = 0, 2


def stuff(body: bytes) -> bytes:
    """Codes in front of their blocks, byte by byte; the delimiter behind."""
    out, block = bytearray(), bytearray()
    for byte in body + b"\0":
        if byte:
            block.append(byte)
        if not byte or len(block) == 254:
            out += bytes([len(block) + 1]) + block
            block.clear()
            if byte:
                continue
    return bytes(out) + b"\0"


def unstuff(frame: bytes) -> bytes:
    """Codes behind their blocks; ``frame`` is without its delimiter."""
    blocks, end = [], len(frame)
    while end:
        code = frame[end - 1]
        assert 0 < code <= end, "a code that points outside the frame"
        blocks.insert(0, frame[end - code : end - 1] + (b"" if code == 255 else b"\0"))
        end -= code
    return b"".join(blocks)[:-1]


def with_checksum(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(4, "little")


def request(session: int, sequence: int, operation: int, count: int, address: int, words=()) -> bytes:
    """A request's bytes before stuffing."""
    head = bytes([session, sequence, operation, count]) + address.to_bytes(4, "little")
    return with_checksum(head + b"".join(word.to_bytes(4, "little") for word in words))


def answers(line: bytes) -> list[tuple[int, int, list[int], int, int]]:
    """Session, sequence, words, next sequence and status of each answer on the line."""
    *frames, rest = line.split(b"\0")
    assert not rest, "the line ends inside a frame"
    result = []
    for frame in frames:
        body = unstuff(frame)
        assert with_checksum(body[:-4]) == body
        session, sequence, *data, next_, status = body[:-4]
        assert len(data) % 4 == 0
        words = [int.from_bytes(data[i : i + 4], "little") for i in range(0, len(data), 4)]
        result.append((session, sequence, words, next_, status))
    return result


class Target:
    """An AXI4-Lite or single-beat AXI4 target over a dictionary of words; counts what is written.

    Parameters
    ----------
    faulty:
        Addresses that answer with an error and keep nothing.
    """

    def __init__(self, bus, *, stall: float = 0.0, seed: int = 0, faulty=()):
        self.bus, self.stall, self.rng, self.faulty = bus, stall, random.Random(seed), faulty
        self.bytes: dict[int, int] = {}
        self.writes: list[tuple[int, int]] = []
        self.width = len(bus.wdata) // 8

    def word(self, address: int) -> int:
        return int.from_bytes(bytes(self.bytes.get(address + i, 0) for i in range(4)), "little")

    async def run(self, ctx):
        bus, go = self.bus, lambda: self.rng.random() >= self.stall
        address = data = response = reading = None
        while True:
            ctx.set(bus.awready, address is None and response is None and go())
            ctx.set(bus.wready, data is None and response is None and go())
            ctx.set(bus.arready, reading is None and go())
            if address is not None and data is not None and response is None and go():
                response = self._write(address, *data)
                address = data = None
            ctx.set(bus.bvalid, response is not None)
            ctx.set(bus.bresp, response or OKAY)
            shown = reading is not None and (bool(ctx.get(bus.rvalid)) or go())
            ctx.set(bus.rvalid, shown)
            if shown:
                there = bytes(self.bytes.get(reading + i, 0) for i in range(self.width))
                ctx.set(bus.rdata, int.from_bytes(there, "little"))
                ctx.set(bus.rresp, SLVERR if reading in self.faulty else OKAY)
            awv, awr, awa, wv, wr, wd, ws, bv, br, arv, arr, ara, rv, rr = (
                await ctx.tick().sample(
                    bus.awvalid, bus.awready, bus.awaddr, bus.wvalid, bus.wready, bus.wdata, bus.wstrb, bus.bvalid,
                    bus.bready, bus.arvalid, bus.arready, bus.araddr, bus.rvalid, bus.rready,
                )
            )[2:]  # fmt: skip
            if awv and awr:
                address = awa
            if wv and wr:
                data = wd, ws
            if bv and br:
                response = None
            if rv and rr:
                reading = None
                ctx.set(bus.rvalid, 0)
            if arv and arr:
                reading = ara

    def _write(self, address: int, data: int, strobe: int) -> int:
        assert address % self.width == 0
        self.writes.append((address, data))
        if address in self.faulty:
            return SLVERR
        for i in range(self.width):
            if strobe >> i & 1:
                self.bytes[address + i] = data >> 8 * i & 0xFF
        return OKAY


class Wire:
    """Both ends of a serial line that a component's ``rx`` and ``tx`` are on.

    Parameters
    ----------
    bit:
        Cycles a bit lasts at this end.
    """

    def __init__(self, dut, bit: float):
        self.dut, self.bit = dut, bit
        self.received = bytearray()

    async def send(self, ctx, data: bytes):
        """Bytes without gaps; returns behind the last stop bit."""
        time = 0.0
        for byte in data:
            for level in (0, *(byte >> i & 1 for i in range(8)), 1):
                ctx.set(self.dut.rx, level)
                time += self.bit
                while time >= 1:
                    await ctx.tick()
                    time -= 1

    async def listen(self, ctx):
        """As a background bench: bytes from ``tx`` into `received`, sampled in the middle of each bit."""
        while True:
            while (await ctx.tick().sample(self.dut.tx))[2]:
                pass
            byte, time, cycle = 0, self.bit / 2, 0
            for place in range(10):
                while cycle < int(time):
                    (_, _, level) = await ctx.tick().sample(self.dut.tx)
                    cycle += 1
                time += self.bit
                if place == 0:
                    assert level == 0, "a start bit that is no longer low in its middle"
                elif place == 9:
                    assert level == 1, "a stop bit that is not high"
                else:
                    byte |= level << (place - 1)
            self.received.append(byte)


READ, WRITE, INFO, OPEN = Operation.READ, Operation.WRITE, Operation.INFO, Operation.OPEN
