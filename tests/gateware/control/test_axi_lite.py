# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth.sim import Simulator

from celosia.arch.config import preset
from celosia.arch.isa import ErrorCause, Space
from celosia.arch.registers import IDENTITY, Register, control_address_bits, space_bytes, window
from celosia.arch.version import VERSION
from celosia.gateware.control.axi_lite import ControlBus
from gateware.control.buses import Host, LocalMemory

CONFIGS = [preset("c16"), preset("c64")]
STORED = (Register.START, Register.TIMEOUT, Register.EXTERNAL_BASE, Register.EXTERNAL_SIZE)


def simulate(config, bench, *, stall=0.0, seed=0, latency=(1, 3)):
    dut = ControlBus(config)
    memory = LocalMemory(
        dut.local, {s.value: space_bytes(config, s) for s in Space}, stall=stall, seed=seed, latency=latency
    )
    host = Host(dut.bus, stall=stall, seed=seed)
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(memory.run, background=True)

    async def main(ctx):
        await bench(ctx, dut, host, memory)

    sim.add_testbench(main)
    sim.run()


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
@pytest.mark.parametrize("stall", [0.0, 0.4])
def test_registers_and_windows_are_a_dictionary(config, stall):
    model = dict.fromkeys(STORED, 0)
    enabled = 0
    rng = random.Random(1)

    async def bench(ctx, dut, host, memory):
        nonlocal enabled
        ctx.set(dut.status, 0b1010)
        ctx.set(dut.cause, ErrorCause.BUS_READ)
        ctx.set(dut.index, 0x1234)
        counts = [rng.getrandbits(32) for _ in range(8)]
        ctx.set(dut.counts.as_value(), sum(c << 32 * i for i, c in enumerate(counts)))
        fixed = {
            Register.ID: IDENTITY,
            Register.VERSION: VERSION[0] << 16 | VERSION[1],
            Register.HASH_LOW: config.hash & 0xFFFFFFFF,
            Register.HASH_HIGH: config.hash >> 32,
            Register.CONTROL: 0,
            Register.STATUS: 0b1010,
            Register.ERROR: 0x1234 << 16 | ErrorCause.BUS_READ.value,
            **{Register(0x30 + 4 * i): c for i, c in enumerate(counts)},
        }
        assert {*fixed, *model, Register.INTERRUPT} == {*Register}
        shadow = {s: bytearray(space_bytes(config, s)) for s in Space}
        used = []
        for _ in range(500):
            kind = rng.choice(("register", "window", "nowhere"))
            value, strobe = rng.getrandbits(32), rng.getrandbits(4)
            if kind == "register":
                register = rng.choice(list(Register))
                if rng.random() < 0.5:
                    if register == Register.CONTROL:
                        value &= ~3
                    await host.write(ctx, register, value, strobe)
                    if register in model:
                        mask = sum(0xFF << 8 * i for i in range(4) if strobe >> i & 1)
                        model[register] = (model[register] & ~mask) | (value & mask)
                    elif register == Register.INTERRUPT and strobe & 1:
                        enabled = value & 1
                expected = {**fixed, **model, Register.INTERRUPT: enabled}[register]
                assert await host.read(ctx, register) == expected, register.name
            elif kind == "window":
                space = rng.choice(list(Space))
                size = space_bytes(config, space)
                offset = rng.choice((0, size - 4, rng.randrange(0, size, 4)))
                if used and rng.random() < 0.5:
                    space, offset = rng.choice(used)
                elif rng.random() < 0.9:
                    used.append((space, offset))
                    await host.write(ctx, window(config, space) + offset, value, strobe)
                    for i in range(4):
                        if strobe >> i & 1:
                            shadow[space][offset + i] = value >> 8 * i & 0xFF
                expected = int.from_bytes(shadow[space][offset : offset + 4], "little")
                assert await host.read(ctx, window(config, space) + offset) == expected
            else:
                space = rng.choice(list(Space))
                address = rng.choice(
                    (
                        window(config, space) + space_bytes(config, space),
                        (1 << control_address_bits(config)) - 4,
                        max(Register) + 4,
                        0x80 + max(Register) % 0x80 // 4 * 4,
                        window(config, Space.WEIGHTS) - 4,
                    )
                )
                if any(0 <= address - window(config, s) < space_bytes(config, s) for s in Space):
                    continue
                await host.write(ctx, address, value, strobe)
                assert await host.read(ctx, address) == 0, hex(address)
        for space in Space:
            assert memory.bytes[space.value] == shadow[space]
        for register, name in zip(STORED, ("start_index", "timeout", "external_base", "external_size"), strict=True):
            assert ctx.get(getattr(dut, name)) == model[register]

    simulate(config, bench, stall=stall, seed=3)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda c: c.name)
def test_cycles(config):
    async def bench(ctx, dut, host, memory):
        async def cost(access):
            before = host.cycles
            await access
            return host.cycles - before

        weights = window(config, Space.WEIGHTS)
        assert await cost(host.write(ctx, Register.TIMEOUT, 1)) <= 3
        assert await cost(host.write(ctx, weights, 1)) <= 3
        assert await cost(host.read(ctx, Register.TIMEOUT)) == 4
        assert await cost(host.read(ctx, weights)) <= 8

        # Back to back: the next address and word are accepted while the response leaves.
        for signal, value in ((dut.bus.awvalid, 1), (dut.bus.wvalid, 1), (dut.bus.bready, 1), (dut.bus.wstrb, 15)):
            ctx.set(signal, value)
        responses = 0
        for i in range(40):
            ctx.set(dut.bus.awaddr, weights + 4 * i)
            _, _, valid = await ctx.tick().sample(dut.bus.bvalid)
            responses += valid
        assert responses >= 19

    simulate(config, bench, latency=(1, 1))


def test_reads_and_writes_at_once_take_turns():
    config = CONFIGS[1]

    async def bench(ctx, dut, host, memory):
        done = {"b": 0, "r": 0}
        base = window(config, Space.ACTIVATIONS)
        for name in ("awvalid", "wvalid", "bready", "arvalid", "rready"):
            ctx.set(getattr(dut.bus, name), 1)
        ctx.set(dut.bus.awaddr, base)
        ctx.set(dut.bus.araddr, base + 4)
        for _ in range(300):
            _, _, b, r = await ctx.tick().sample(dut.bus.bvalid, dut.bus.rvalid)
            done["b"] += b
            done["r"] += r
        assert min(done.values()) > 20, done

    simulate(config, bench, stall=0.5, seed=5)


def test_control_and_interrupt():
    config = CONFIGS[0]

    async def bench(ctx, dut, host, memory):
        seen = []

        async def control(value, strobe=15):
            await host.write(ctx, Register.CONTROL, value, strobe)
            for _ in range(2):
                await host.tick(ctx)
            seen.append((pulses["start"], pulses["reset"]))
            pulses.update(start=0, reset=0)

        pulses = {"start": 0, "reset": 0}
        plain = host.tick

        async def tick(ctx, *signals):
            *values, start, reset = await plain(ctx, *signals, dut.start, dut.reset)
            pulses["start"] += start
            pulses["reset"] += reset
            return values

        host.tick = tick
        for value, strobe in ((1, 15), (2, 15), (3, 1), (1, 14), (0, 15)):
            await control(value, strobe)
        assert seen == [(1, 0), (0, 1), (1, 1), (0, 0), (0, 0)]

        async def stop():
            ctx.set(dut.stopped, 1)
            await tick(ctx)
            ctx.set(dut.stopped, 0)

        await stop()
        assert (ctx.get(dut.interrupt), await host.read(ctx, Register.INTERRUPT)) == (0, 2)
        await host.write(ctx, Register.INTERRUPT, 1)
        assert (ctx.get(dut.interrupt), await host.read(ctx, Register.INTERRUPT)) == (1, 3)
        await host.write(ctx, Register.INTERRUPT, 3)
        assert (ctx.get(dut.interrupt), await host.read(ctx, Register.INTERRUPT)) == (0, 1)
        await stop()
        assert ctx.get(dut.interrupt) == 1
        await host.write(ctx, Register.CONTROL, 2)
        await tick(ctx)
        await tick(ctx)
        assert (ctx.get(dut.interrupt), await host.read(ctx, Register.INTERRUPT)) == (0, 1)

    simulate(config, bench)
