# SPDX-License-Identifier: Apache-2.0
"""The control bus: registers, byte strobes, addresses where nothing is, and the windows of all memories."""

import cocotb
from cocotb.triggers import gather

from celosia.arch.isa import Space
from celosia.arch.registers import (
    IDENTITY,
    Register,
    control_address_bits,
    space_bytes,
    window_bits,
)
from celosia.arch.version import VERSION
from cosim.bench import Bench
from cosim.transfers import as_stored

KEPT = (Register.START, Register.TIMEOUT, Register.EXTERNAL_BASE, Register.EXTERNAL_SIZE)


async def check_reset_values(bench: Bench):
    config = bench.config
    shown = {
        Register.ID: IDENTITY,
        Register.VERSION: VERSION[0] << 16 | VERSION[1],
        Register.HASH_LOW: config.hash & 0xFFFF_FFFF,
        Register.HASH_HIGH: config.hash >> 32,
    }
    for register in Register:
        assert await bench.read(register) == shown.get(register, 0), register.name


@cocotb.test()
async def reset_values(dut):
    """Every register reads its reset value, after the first reset and after any other."""
    bench = await Bench.start(dut, "reset_values")
    await check_reset_values(bench)
    for register in KEPT:
        await bench.write(register, int(bench.rng.integers(1, 1 << 32)))
    await bench.write(Register.INTERRUPT, 1)
    await bench.reset()
    await check_reset_values(bench)


@cocotb.test()
async def written_registers_keep(dut):
    """W registers keep what is written, byte by byte; all others do not care."""
    bench = await Bench.start(dut, "written_registers_keep")
    rng = bench.rng
    mirror = {register: bytearray(4) for register in KEPT}
    before = {register: await bench.read(register) for register in Register}
    for _ in range(60):
        register = int(rng.choice(KEPT))
        first = int(rng.integers(0, 4))
        data = rng.bytes(int(rng.integers(1, 5 - first)))
        await bench.write_bytes(register + first, data)
        mirror[register][first : first + len(data)] = data
        chosen = int(rng.choice(KEPT))
        assert await bench.read(chosen) == int.from_bytes(mirror[chosen], "little"), Register(chosen).name
    others = [r for r in Register if r not in (*KEPT, Register.CONTROL, Register.INTERRUPT)]
    for register in others:
        await bench.write(register, 0xFFFF_FFFF)
    for register in Register:
        expected = int.from_bytes(mirror[register], "little") if register in KEPT else before[register]
        assert await bench.read(register) == expected, register.name


@cocotb.test()
async def interrupt_and_control_take_their_low_byte(dut):
    """The other bytes of INTERRUPT and CONTROL may be written without effect."""
    bench = await Bench.start(dut, "interrupt_and_control_take_their_low_byte")
    await bench.write_bytes(Register.INTERRUPT + 1, bytes([0xFF, 0xFF, 0xFF]))
    assert await bench.read(Register.INTERRUPT) == 0
    await bench.write_bytes(Register.INTERRUPT, b"\x01")
    assert await bench.read(Register.INTERRUPT) == 1
    await bench.write_bytes(Register.CONTROL + 1, bytes([0xFF, 0xFF, 0xFF]))
    assert await bench.read(Register.STATUS) == 0
    assert await bench.read(Register.CONTROL) == 0
    assert await bench.read(Register.INTERRUPT) == 1


def empty_places(bench: Bench) -> list[int]:
    """Word addresses where nothing is: after the registers, behind each memory, and beyond the last window."""
    bits, config = window_bits(bench.config), bench.config
    places = [max(Register) + 4, max(Register) + 8, 0x80, 0x100, (1 << bits) - 4]
    for space in Space:
        size = space_bytes(config, space)
        if size < 1 << bits:
            places += [bench.address(space, size), bench.address(space, (1 << bits) - 4)]
    last = (1 + len(Space)) << bits
    return [*places, last, last + 0x20, (1 << control_address_bits(config)) - 4]


@cocotb.test()
async def empty_addresses(dut):
    """Where nothing is, reads give 0 and writes do nothing; the answer is OKAY."""
    bench = await Bench.start(dut, "empty_addresses")
    mirror = {}
    for space in Space:
        mirror[space] = bench.rng.bytes(16)
        await bench.write_bytes(bench.address(space), mirror[space])
    for address in empty_places(bench):
        assert await bench.read(address) == 0, hex(address)
        await bench.write(address, 0xFFFF_FFFF)
        assert await bench.read(address) == 0, hex(address)
    await check_reset_values(bench)
    for space in Space:
        seen = as_stored(space, 0, mirror[space])
        assert await bench.read_bytes(bench.address(space), 16) == seen, space


class Mirror:
    """Parts of a memory and what they must hold."""

    def __init__(self, bench: Bench, space: Space, start: int, size: int):
        self.bench, self.space, self.start = bench, space, start
        self.bytes = bytearray(size)

    async def fill(self):
        self.bytes[:] = as_stored(self.space, self.start, self.bench.rng.bytes(len(self.bytes)))
        await self.bench.write_bytes(self.bench.address(self.space, self.start), bytes(self.bytes))

    async def check(self, first: int = 0, size: int | None = None):
        size = len(self.bytes) - first if size is None else size
        seen = await self.bench.read_bytes(self.bench.address(self.space, self.start + first), size)
        assert seen == self.bytes[first : first + size], f"{self.space} from {self.start + first:#x}"

    async def poke(self, first: int, size: int):
        data = as_stored(self.space, self.start + first, self.bench.rng.bytes(size))
        await self.bench.write_bytes(self.bench.address(self.space, self.start + first), data)
        self.bytes[first : first + size] = data


def mirrors(bench: Bench, size: int) -> list[Mirror]:
    """Both ends of every memory."""
    result = []
    for space in Space:
        end = space_bytes(bench.config, space)
        result += [Mirror(bench, space, 0, size), Mirror(bench, space, end - size, size)]
    return result


@cocotb.test()
async def windows(dut):
    """Each memory's window, at both ends: every alignment, one to many bytes, in any order."""
    bench = await Bench.start(dut, "windows")
    rng = bench.rng
    parts = mirrors(bench, 96)
    for part in parts:
        await part.fill()
    for part in parts:
        for first in range(16):
            await part.poke(first, int(rng.integers(1, 9)))
        await part.check()
    for _ in range(100):
        part = parts[int(rng.integers(len(parts)))]
        first = int(rng.integers(0, 96))
        size = int(rng.integers(1, min(97 - first, 40)))
        await (part.poke if rng.random() < 0.5 else part.check)(first, size)
    for part in parts:
        await part.check()


@cocotb.test()
async def reads_and_writes_at_once(dut):
    """Reads and writes of registers and windows side by side, and several of each under way."""
    bench = await Bench.start(dut, "reads_and_writes_at_once")
    parts = mirrors(bench, 64)
    for part in parts:
        await part.fill()

    async def poke(part: Mirror, times: int):
        for _ in range(times):
            first = int(bench.rng.integers(0, 64))
            await part.poke(first, int(bench.rng.integers(1, 65 - first)))

    async def check(part: Mirror, times: int):
        for _ in range(times):
            first = int(bench.rng.integers(0, 64))
            await part.check(first, int(bench.rng.integers(1, 65 - first)))

    async def identify(times: int):
        for _ in range(times):
            assert await bench.read(Register.ID) == IDENTITY

    written, read = parts[::2], parts[1::2]
    await gather(*(poke(part, 8) for part in written), *(check(part, 8) for part in read), identify(20))
    for part in parts:
        await part.check()
