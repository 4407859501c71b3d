# SPDX-License-Identifier: Apache-2.0
"""Whatever goes wrong stops the machine with a cause, and the next program is exact."""

import cocotb
from cocotb.triggers import ClockCycles
from cocotbext.axi import AxiResp

from celosia.arch.isa import (
    COMMAND_BYTES,
    COUNTS,
    Engine,
    ErrorCause,
    IllegalCommandError,
    Opcode,
    Space,
    decode,
    encode,
    fields_of,
    layout_of,
    opcodes,
)
from celosia.arch.registers import Control, Register, Status, space_bytes
from cosim.bench import Bench
from cosim.transfers import Block, random_block

END, SYNC = encode(Opcode.END), encode(Opcode.SYNC)
ROOM = range(16 << 10)


async def next_is_exact(bench: Bench, settled: bool = True):
    """A program of a random LOAD and the STORE of what it brought.

    ``settled``: nothing of a program before is under way, so that no other byte may change.
    """
    unit = bench.config.bus_bytes
    local = range(2 << 10)
    block = random_block(bench.rng, unit, Opcode.LOAD, Space.ACTIVATIONS, ROOM, local)
    base = 64 << 10
    back = Block(Opcode.STORE, Space.ACTIVATIONS, base, 0, len(local))
    clear = Block(Opcode.LOAD, Space.ACTIVATIONS, 32 << 10, 0, len(local))
    expected = bytearray(bench.external.bytes[32 << 10 : (32 << 10) + len(local)])
    for row in range(block.rows):
        there, here = block.external + row * block.external_stride, block.local + row * block.local_stride
        expected[here : here + block.row_bytes] = bench.external.bytes[there : there + block.row_bytes]
    before = bytes(bench.external.bytes)
    await bench.expect_done([clear.encode(), block.encode(), back.encode({Engine.LOAD: 2}), END], limit=60_000)
    assert bench.external.bytes[base : base + len(local)] == expected
    if settled:
        assert bench.external.bytes[:base] == before[:base]
        assert bench.external.bytes[base + len(local) :] == before[base + len(local) :]


async def drained(bench: Bench):
    for _ in range(2000):
        if not Status(await bench.read(Register.STATUS)) & Status.DRAINING:
            return
    raise AssertionError("DRAINING does not end")


async def recover(bench: Bench):
    """RESET, sometimes none, and a program that must be exact."""
    if bench.rng.random() < 0.8:
        await bench.write(Register.CONTROL, Control.RESET)
        assert Status(await bench.read(Register.STATUS)) in (Status(0), Status.DRAINING)
        assert await bench.error() == (ErrorCause.NONE, 0)
        assert await bench.read(Register.CYCLES_LOW) == 0
    await next_is_exact(bench)


@cocotb.test()
async def bus_errors(dut):
    """SLVERR and DECERR, on reads and writes, with the first beat, the last and one between."""
    bench = await Bench.start(dut, "bus_errors")
    await bench.set_bounds()
    external, unit = bench.external, bench.config.bus_bytes
    beats = 150
    for opcode, cause in ((Opcode.LOAD, ErrorCause.BUS_READ), (Opcode.STORE, ErrorCause.BUS_WRITE)):
        for response in (AxiResp.SLVERR, AxiResp.DECERR):
            for beat in (0, int(bench.rng.integers(1, beats - 1)), beats - 1):
                there = int(bench.rng.integers(0, 1000)) * unit
                block = Block(opcode, Space.WEIGHTS, there, 0, beats * unit)
                external.faults, external.response = {external.origin + there + beat * unit}, response
                before = bytes(external.bytes)
                status = await bench.run([SYNC, SYNC, block.encode(), END], limit=60_000)
                assert status & ~Status.DRAINING == Status.ERROR
                assert await bench.error() == (cause, 2)
                await drained(bench)
                assert external.bytes[:there] == before[:there]
                assert external.bytes[there + beats * unit :] == before[there + beats * unit :]
                external.faults = ()
                await recover(bench)


@cocotb.test()
async def memory_that_stops(dut):
    """TIMEOUT when a channel stands still; what is under way is completed when it moves again."""
    bench = await Bench.start(dut, "memory_that_stops", stalls=False)
    await bench.set_bounds()
    external, unit = bench.external, bench.config.bus_bytes
    halves = {"aw": external.write_if, "w": external.write_if, "b": external.write_if}
    halves |= {"ar": external.read_if, "r": external.read_if}
    for name, half in halves.items():
        channel = getattr(half, f"{name}_channel")
        for after in (0, int(bench.rng.integers(20, 120))):
            await bench.write(Register.TIMEOUT, 200)
            opcode = Opcode.LOAD if name in ("ar", "r") else Opcode.STORE
            shape = dict(row_bytes=unit, rows=300, external_stride=2 * unit) if after else dict(row_bytes=300 * unit)
            block = Block(opcode, Space.WEIGHTS, 12 * unit, 0, **shape, local_stride=unit)
            await bench.put([SYNC, block.encode(), END])
            channel.pause = not after
            await bench.go()
            await ClockCycles(dut.clk, after)
            channel.pause = True
            status = await bench.finish(limit=3000)
            assert status == Status.ERROR | Status.DRAINING, f"{name}: {status!r}"
            assert await bench.error() == (ErrorCause.TIMEOUT, 1)
            await bench.write(Register.CONTROL, Control.RESET)
            assert await bench.read(Register.STATUS) == Status.DRAINING
            await ClockCycles(dut.clk, 100)
            channel.pause = False
            settled = bool(bench.rng.random() < 0.5)
            if settled:
                await drained(bench)
            await bench.write(Register.TIMEOUT, 0)
            await next_is_exact(bench, settled)


@cocotb.test()
async def no_timeout_while_it_moves(dut):
    """However slow the memory is: as long as beats come within TIMEOUT cycles of each other, all is well."""
    bench = await Bench.start(dut, "no_timeout_while_it_moves", stalls=False)
    await bench.set_bounds()
    await bench.write(Register.TIMEOUT, 100)
    slow = (pause for _ in range(1000) for pause in [True] * 60 + [False])
    bench.external.read_if.r_channel.set_pause_generator(slow)
    load = Block(Opcode.LOAD, Space.WEIGHTS, 0, 0, 16 * bench.config.bus_bytes)
    await bench.expect_done([load.encode(), END])


@cocotb.test()
async def bounds(dut):
    """Rows outside the external or the local memory, or not of whole beats: rows before them are moved, none after."""
    bench = await Bench.start(dut, "bounds")
    rng, unit, weights = bench.rng, bench.config.bus_bytes, space_bytes(bench.config, Space.WEIGHTS)
    size = 8 << 10
    top = (1 << bench.config.address_bits) - size
    cases = {
        "ends behind": dict(external=size - unit, row_bytes=2 * unit),
        "begins behind": dict(external=size, row_bytes=unit),
        "far away": dict(external=(1 << 32) - unit, row_bytes=unit),
        "third row": dict(external=size - 5 * unit, row_bytes=unit, rows=4, external_stride=2 * unit),
        "stride wraps": dict(external=unit, row_bytes=unit, rows=2, external_stride=(1 << 32) - unit),
        "long row": dict(external=0, row_bytes=(1 << 32) - unit),
        "local end": dict(external=0, local=weights - unit, row_bytes=2 * unit),
        "local far": dict(external=0, local=(1 << 32) - unit, row_bytes=2 * unit),
        "local third row": dict(external=0, local=weights - 5 * unit, row_bytes=unit, rows=4, local_stride=2 * unit),
        "odd external": dict(external=unit // 2, row_bytes=unit),
        "odd local": dict(external=0, local=1, row_bytes=unit),
        "odd row": dict(external=0, row_bytes=unit + 1),
        "odd stride": dict(external=0, row_bytes=unit, rows=2, external_stride=unit + 1),
        "odd local stride": dict(external=0, row_bytes=unit, rows=2, local_stride=unit // 2),
    }
    for number, (name, fields) in enumerate(cases.items()):
        base = top if rng.random() < 0.3 else int(rng.integers(0, top // unit)) * unit
        for opcode in (Opcode.LOAD, Opcode.STORE) if number % 2 else (Opcode.STORE, Opcode.LOAD):
            await bench.set_bounds(base, size)
            block = Block(opcode, Space.WEIGHTS, **({"local": 0} | fields))
            status = await bench.run([block.encode(), END])
            assert status & ~Status.DRAINING == Status.ERROR, f"{name}: {status!r}"
            assert await bench.error() == (ErrorCause.OUT_OF_BOUNDS, 0), name
            await drained(bench)
    await bench.write(Register.CONTROL, Control.RESET)
    await bench.set_bounds()
    await next_is_exact(bench)


@cocotb.test()
async def exactly_all_of_it(dut):
    """The last bytes inside both bounds may be used, at the very top of the address space too; of nothing, nothing."""
    bench = await Bench.start(dut, "exactly_all_of_it")
    unit, weights = bench.config.bus_bytes, space_bytes(bench.config, Space.WEIGHTS)
    for size in (unit, 3 * unit, 4 << 10):
        await bench.set_bounds((1 << bench.config.address_bits) - size, size)
        load = Block(Opcode.LOAD, Space.WEIGHTS, size - unit, weights - unit, unit)
        whole = Block(Opcode.STORE, Space.WEIGHTS, 0, weights - size, size)
        last = bytes(bench.external.bytes[size - unit : size])
        await bench.expect_done([load.encode(), whole.encode({Engine.LOAD: 1}), END])
        assert bench.external.bytes[size - unit : size] == last
    await bench.set_bounds(0, 0)
    assert await bench.run([Block(Opcode.LOAD, Space.WEIGHTS, 0, 0, unit).encode(), END]) == Status.ERROR
    assert await bench.error() == (ErrorCause.OUT_OF_BOUNDS, 0)


def broken_commands(bench: Bench) -> list[bytes]:
    """Commands with one thing wrong: opcode, flags, a reserved bit, a count of 0; and noise."""
    rng, config = bench.rng, bench.config
    known = {opcode.value for opcode in opcodes(config)}
    result = [bytes([number]) + bytes(COMMAND_BYTES - 1) for number in range(256) if number not in known]
    for opcode in sorted(opcodes(config), key=lambda o: o.value):
        fields = fields_of(layout_of(opcode))
        legal = encode(opcode, **dict.fromkeys(COUNTS.get(opcode, ()), 1))
        word = int.from_bytes(legal, "little")
        bits = [8 + int(rng.integers(8))]
        for name, (offset, width, _) in fields.items():
            if name.startswith("reserved"):
                bits += {offset, offset + width - 1, offset + int(rng.integers(width))}
        result += [(word ^ 1 << bit).to_bytes(COMMAND_BYTES, "little") for bit in bits]
        for name in COUNTS.get(opcode, ()):
            others = {count: 1 for count in COUNTS[opcode] if count != name}
            result.append(encode(opcode, **others))
    result += [bytes([int(rng.choice(sorted(known)))]) + rng.bytes(COMMAND_BYTES - 1) for _ in range(10)]
    return [command for command in result if not is_legal(command)]


def is_legal(command: bytes) -> bool:
    try:
        decode(command)
    except IllegalCommandError:
        return False
    return command[0] in {opcode.value for opcode in Opcode}


@cocotb.test()
async def illegal_commands(dut):
    """What ``decode`` rejects the hardware rejects, at the command's index."""
    bench = await Bench.start(dut, "illegal_commands", stalls=False)
    await bench.set_bounds()
    commands = broken_commands(bench)
    kept = [commands[int(i)] for i in bench.rng.permutation(len(commands))[:120]]
    slots = bench.config.program_commands - 1
    for first in range(0, len(kept), slots):
        await bench.put(kept[first : first + slots])
        for index, command in enumerate(kept[first : first + slots]):
            await bench.go(index)
            assert await bench.finish() == Status.ERROR, command.hex()
            assert await bench.error() == (ErrorCause.ILLEGAL_COMMAND, index), command.hex()
    await recover(bench)


@cocotb.test()
async def program_overrun(dut):
    """A program without END stops behind the last command, and so does one that begins there or further."""
    bench = await Bench.start(dut, "program_overrun")
    await bench.set_bounds()
    count = bench.config.program_commands
    await bench.put([SYNC, SYNC], count - 2)
    for start in (count - 2, count - 1, count, count + 1, 1 << 16, (1 << 32) - 1):
        await bench.go(start)
        assert await bench.finish() == Status.ERROR
        assert await bench.error() == (ErrorCause.PROGRAM_OVERRUN, count), start
    await recover(bench)


@cocotb.test()
async def reset_at_any_time(dut):
    """RESET in the middle of transfers, whatever is under way; with START in the same write too."""
    bench = await Bench.start(dut, "reset_at_any_time")
    await bench.set_bounds()
    unit = bench.config.bus_bytes
    for number in range(8):
        blocks = [
            Block(opcode, Space.WEIGHTS, 4096 * i + 20 * unit, 4096 * i, 200 * unit)
            for i, opcode in enumerate((Opcode.LOAD, Opcode.STORE, Opcode.LOAD, Opcode.STORE))
        ]
        await bench.put([*(block.encode() for block in blocks), END, END])
        await bench.go()
        await ClockCycles(dut.clk, int(bench.rng.integers(0, 500)))
        if number % 2:
            await bench.write(Register.START, 5)
            await bench.write(Register.CONTROL, Control.START | Control.RESET)
            assert await bench.finish(limit=60_000) == Status.DONE
        else:
            await bench.write(Register.CONTROL, Control.RESET)
            assert Status(await bench.read(Register.STATUS)) & ~Status.DRAINING == Status(0)
        await next_is_exact(bench, settled=bool(number % 2))
