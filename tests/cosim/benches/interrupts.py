# SPDX-License-Identifier: Apache-2.0
"""The interrupt: a level that an event makes pending, that is enabled and cleared; and what the host sees beside it."""

import cocotb
from cocotb.triggers import ClockCycles, RisingEdge

from celosia.arch.isa import Engine, ErrorCause, Opcode, Space, encode
from celosia.arch.registers import Control, Register, Status
from cosim.bench import Bench
from cosim.transfers import Block

END = encode(Opcode.END)
ENABLE, PENDING = 1, 2


async def until_stopped(bench: Bench) -> Status:
    for _ in range(1000):
        status = Status(await bench.read(Register.STATUS))
        if not status & Status.RUNNING:
            return status
    raise AssertionError("still RUNNING")


@cocotb.test()
async def a_level(dut):
    """Pending without being enabled shows in the register only; enabled it holds the pin until it is cleared."""
    bench = await Bench.start(dut, "a_level")
    await bench.put([END])
    await bench.write(Register.CONTROL, Control.START)
    assert await until_stopped(bench) == Status.DONE
    assert await bench.read(Register.INTERRUPT) == PENDING
    assert not await bench.pin()
    await bench.write(Register.INTERRUPT, ENABLE)
    for _ in range(25):
        assert await bench.pin()
    assert await bench.read(Register.INTERRUPT) == PENDING | ENABLE
    await bench.write(Register.INTERRUPT, 0)
    assert not await bench.pin()
    assert await bench.read(Register.INTERRUPT) == PENDING
    await bench.write(Register.INTERRUPT, ENABLE | PENDING)
    assert await bench.read(Register.INTERRUPT) == ENABLE
    assert not await bench.pin()
    await bench.write(Register.INTERRUPT, ENABLE | PENDING)  # nothing is pending: no effect
    assert await bench.read(Register.INTERRUPT) == ENABLE


@cocotb.test()
async def one_for_each_program(dut):
    """It comes once a program, well ended or not, and never by itself."""
    bench = await Bench.start(dut, "one_for_each_program")
    rises = 0

    async def count():
        nonlocal rises
        while True:
            await RisingEdge(dut.interrupt)
            rises += 1

    cocotb.start_soon(count())
    illegal = bytes(64)
    await bench.put([END, illegal])
    for number in range(1, 7):
        await bench.go(number % 2)
        assert await bench.finish() == (Status.ERROR if number % 2 else Status.DONE)
        assert await bench.error() == ((ErrorCause.ILLEGAL_COMMAND, 1) if number % 2 else (ErrorCause.NONE, 0))
        assert rises == number
    await ClockCycles(dut.clk, 100)
    assert rises == 6


@cocotb.test()
async def reset_clears_it(dut):
    """CONTROL.RESET forgets what is pending, not whether it is enabled."""
    bench = await Bench.start(dut, "reset_clears_it")
    await bench.put([END])
    await bench.go()
    await bench.wait()
    await bench.write(Register.CONTROL, Control.RESET)
    assert await bench.read(Register.INTERRUPT) == ENABLE
    assert await bench.read(Register.STATUS) == 0
    assert not await bench.pin()


@cocotb.test()
async def start_while_running(dut):
    """START is ignored while a program runs; with RESET it begins anew."""
    bench = await Bench.start(dut, "start_while_running", stalls=False)
    await bench.set_bounds()
    load = Block(Opcode.LOAD, Space.ACTIVATIONS, 0, 0, 64)
    await bench.put([load.encode(), END, bytes(64)])
    bench.external.read_if.r_channel.pause = True
    await bench.go()
    await ClockCycles(dut.clk, 50)
    await bench.write(Register.START, 2)
    await bench.write(Register.CONTROL, Control.START)
    await ClockCycles(dut.clk, 50)
    assert await bench.read(Register.STATUS) == Status.RUNNING
    bench.external.read_if.r_channel.pause = False
    assert await bench.finish() == Status.DONE
    assert await bench.read(Register.LOAD_BUSY) > 50

    bench.external.read_if.r_channel.pause = True
    await bench.go()
    await ClockCycles(dut.clk, 50)
    await bench.write(Register.START, 1)
    await bench.write(Register.CONTROL, Control.START | Control.RESET)
    bench.external.read_if.r_channel.pause = False
    assert await bench.finish() == Status.DONE
    assert await bench.error() == (ErrorCause.NONE, 0)


@cocotb.test()
async def start_is_taken_with_control(dut):
    """The first command is what START holds when CONTROL is written: it may be set for the next program at once."""
    bench = await Bench.start(dut, "start_is_taken_with_control", stalls=False)
    await bench.put([END, bytes(64)])
    for _ in range(4):
        await bench.go(0)
        await bench.write(Register.START, 1)
        assert await bench.finish() == Status.DONE


@cocotb.test()
async def trace_and_counters(dut):
    """The trace shows each command's begin and end; counters count what the trace shows, and begin anew."""
    bench = await Bench.start(dut, "trace_and_counters")
    await bench.set_bounds()
    seen = []

    async def follow():
        cycle = 0
        while True:
            await RisingEdge(dut.clk)
            cycle += 1
            for name in ("started", "finished"):
                bits = int(getattr(dut, f"trace_{name}").value)
                seen.extend((cycle, name, engine) for engine in Engine if bits >> engine & 1)

    cocotb.start_soon(follow())
    blocks = [
        Block(opcode, Space.WEIGHTS, (4 << 10) * i, 256 * i, 4 * bench.config.bus_bytes * (1 + i))
        for i, opcode in enumerate((Opcode.LOAD, Opcode.STORE, Opcode.LOAD, Opcode.STORE, Opcode.STORE))
    ]
    for _ in range(2):
        seen.clear()
        await bench.expect_done([*(block.encode() for block in blocks), END])
        for engine, count in ((Engine.LOAD, 2), (Engine.STORE, 3), (Engine.CONV, 0), (Engine.ELEMENTWISE, 0)):
            begins, ends = (
                [cycle for cycle, what, whose in seen if (what, whose) == (name, engine)]
                for name in ("started", "finished")
            )
            assert len(begins) == len(ends) == count
            busy = sum(end - begin for begin, end in zip(begins, ends, strict=True))
            counted = await bench.read(Register[f"{engine.name}_BUSY"])
            assert busy == counted, f"{engine.name}: busy for {busy} cycles, counted {counted}"
        cycles = await bench.read(Register.CYCLES_LOW)
        assert cycles >= seen[-1][0] - seen[0][0]
        assert await bench.read(Register.CYCLES_LOW) == cycles
        assert await bench.read(Register.VECTORS) == 0
