# SPDX-License-Identifier: Apache-2.0
"""What the lights show."""

from amaranth.sim import Simulator

from celosia.arch.config import preset
from celosia.arch.registers import Register, Status
from celosia.boards.lights import LIGHTS, STRETCH, Lights

CLOCK = 64 * STRETCH


def run(bench):
    dut = Lights(preset("c16"), clock_hz=CLOCK)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def on_dut(ctx):
        await bench(ctx, dut)

    simulator.add_testbench(on_dut)
    simulator.run()


async def host_reads(ctx, bus, address, value):
    ctx.set(bus.araddr, address)
    ctx.set(bus.arvalid, 1)
    ctx.set(bus.arready, 1)
    await ctx.tick()
    ctx.set(bus.arvalid, 0)
    ctx.set(bus.rdata, value)
    ctx.set(bus.rready, 1)
    await ctx.tick()  # not valid yet: this must not count
    ctx.set(bus.rvalid, 1)
    await ctx.tick()
    ctx.set(bus.rvalid, 0)


def test_done_and_error_are_what_the_host_read_last():
    async def bench(ctx, dut):
        def shown():
            return ctx.get(dut.done), ctx.get(dut.error)

        assert shown() == (0, 0)
        await host_reads(ctx, dut.control, Register.STATUS, Status.RUNNING)
        assert shown() == (0, 0)
        await host_reads(ctx, dut.control, Register.STATUS, Status.DONE | Status.DRAINING)
        assert shown() == (1, 0)
        await host_reads(ctx, dut.control, Register.ERROR, 0xFF)  # any other register tells nothing
        assert shown() == (1, 0)
        await host_reads(ctx, dut.control, Register.STATUS, Status.ERROR)
        assert shown() == (0, 1)

    run(bench)


def test_running_stays_long_enough_to_be_seen_and_not_for_ever():
    async def bench(ctx, dut):
        for phase in range(0, 2 * CLOCK // STRETCH, 11):
            ctx.set(dut.started, 1)
            await ctx.tick()
            ctx.set(dut.started, 0)
            await ctx.tick()
            lit = 0
            while ctx.get(dut.running):
                lit += 1
                assert lit <= 2 * CLOCK // STRETCH
                await ctx.tick()
            assert lit >= CLOCK // STRETCH // 2
            for _ in range(phase % 7):
                await ctx.tick()

    run(bench)


def test_the_heart_beats_about_once_a_second():
    async def bench(ctx, dut):
        changes, before = 0, ctx.get(dut.heartbeat)
        for _ in range(10 * CLOCK):
            await ctx.tick()
            changes += ctx.get(dut.heartbeat) != before
            before = ctx.get(dut.heartbeat)
        assert 9 <= changes <= 20

    run(bench)


def test_every_light_is_a_member():
    members = {}

    async def bench(ctx, dut):
        members.update(dut.signature.members)

    run(bench)
    assert set(LIGHTS) <= set(members)
