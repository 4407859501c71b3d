# SPDX-License-Identifier: Apache-2.0
import random

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from amaranth.sim import Simulator

from celosia.gateware.link.uart import BitRate, UartReceiver, UartTransmitter
from gateware.link.wire import Wire

RATES = [(4, 1), (25, 3), (125, 3)]  # clock and baud: their ratio matters


class Echo(Component):
    """A receiver, and a transmitter of bytes of its own."""

    def __init__(self, rate):
        self.rate = rate
        self.receiver, self.transmitter = UartReceiver(rate), UartTransmitter(rate)
        members = {"rx": In(1, init=1), "tx": Out(1), "i": self.transmitter.signature.members["i"]}
        super().__init__({**members, "valid": Out(1), "data": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver, m.submodules.transmitter = self.receiver, self.transmitter
        connect(m, flipped(self.i), self.transmitter.i)
        m.d.comb += [
            self.receiver.rx.eq(self.rx),
            self.tx.eq(self.transmitter.tx),
            self.valid.eq(self.receiver.valid),
            self.data.eq(self.receiver.data),
        ]
        return m


def run(dut, main, *background):
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    for bench in background:
        sim.add_testbench(bench, background=True)
    sim.add_testbench(main)
    sim.run()


def received(dut, into):
    async def bench(ctx):
        while True:
            _, _, valid, data = await ctx.tick().sample(dut.valid, dut.data)
            if valid:
                into.append(data)

    return bench


@pytest.mark.parametrize(("clock", "baud"), RATES)
@pytest.mark.parametrize("drift", [0.975, 1.0, 1.025])
def test_bytes_arrive_from_a_line_that_is_not_quite_as_fast(clock, baud, drift):
    rate = BitRate(clock, baud)
    dut, into = Echo(rate), bytearray()
    wire = Wire(dut, clock / baud * drift)
    data = bytes([0x00, 0xFF, 0x55, 0xAA, 0x01, 0x80]) + random.Random(1).randbytes(4)

    async def main(ctx):
        await wire.send(ctx, data[:7])
        for _ in range(7):  # a pause that is no multiple of a bit
            await ctx.tick()
        await wire.send(ctx, data[7:])
        for _ in range(2 * clock // baud):
            await ctx.tick()

    run(dut, main, received(dut, into))
    assert into == data


@pytest.mark.parametrize(("clock", "baud"), RATES)
def test_bytes_leave_without_gaps(clock, baud):
    rate = BitRate(clock, baud)
    dut, data = Echo(rate), random.Random(2).randbytes(6)
    wire, cycles = Wire(dut, clock / baud), 0

    async def main(ctx):
        nonlocal cycles
        ctx.set(dut.i.valid, 1)
        for place, byte in enumerate(data):
            ctx.set(dut.i.payload, byte)
            while not (await ctx.tick().sample(dut.i.ready))[2]:
                cycles += place > 0
            cycles += place > 0
        ctx.set(dut.i.valid, 0)
        for _ in range(11 * clock // baud + 2):
            await ctx.tick()

    run(dut, main, wire.listen)
    assert wire.received == data
    assert cycles == pytest.approx(10 * (len(data) - 1) * clock / baud, abs=2)


def test_glitches_and_broken_stop_bits_are_no_bytes():
    dut, into = Echo(BitRate(16, 1)), bytearray()
    wire = Wire(dut, 16)

    async def main(ctx):
        async def hold(level, cycles):
            ctx.set(dut.rx, level)
            for _ in range(cycles):
                await ctx.tick()

        await hold(0, 5)  # shorter than half a bit
        await hold(1, 40)
        await wire.send(ctx, b"a")
        await hold(0, 400)  # a break: no stop bit, and no start bit until the line was high
        await hold(1, 40)
        await wire.send(ctx, b"b")
        await hold(1, 40)

    run(dut, main, received(dut, into))
    assert into == b"ab"


@pytest.mark.parametrize(("clock", "baud"), [*RATES, (125_000_000, 3_000_000), (25_000_000, 115_200), (48, 7)])
def test_the_fraction_is_close(clock, baud):
    rate = BitRate(clock, baud)
    assert rate.cycles == pytest.approx(clock / baud, rel=0.0005)
    assert rate.width <= 24


@pytest.mark.parametrize("baud", [0, -1, 26])
def test_a_bit_lasts_four_cycles(baud):
    with pytest.raises(ValueError, match="a bit must last 4 cycles or more: baud must be 1 to 25 at 100 Hz"):
        BitRate(100, baud)
