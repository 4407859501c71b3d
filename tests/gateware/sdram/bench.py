# SPDX-License-Identifier: Apache-2.0
"""A controller with its chip, and initiators before it."""

import random

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, connect, flipped
from amaranth.sim import Simulator

from celosia.arch.config import Config, preset
from celosia.gateware.interfaces import AXI4
from celosia.gateware.sdram import ULX3S, Chip, Sdram
from celosia.sim.sdram import SdramChip
from gateware.sdram.initiator import Burst, Contents, Initiator

CLOCK = 125e6
SIZE = 1 << 15  # bytes stored: eight rows of each bank
QUICK = ULX3S.replace(power_up_ns=2e3)
WIDE, NARROW = preset("c256").replace(address_bits=28), preset("c16").replace(address_bits=28)


class System(Component):
    """Controller and chip; ``io_cycles`` registers between them are all on the way to the chip."""

    bus: "AXI4"

    def __init__(
        self, config: Config, *, chip=QUICK, true_chip: Chip | None = None, clock_hz=CLOCK, io_cycles=0, size=SIZE
    ):
        self.sdram = Sdram(config, chip, clock_hz=clock_hz, io_cycles=io_cycles)
        self.chip = SdramChip(true_chip or chip, clock_hz=clock_hz, size=size)
        self.io_cycles = io_cycles
        super().__init__({"bus": In(AXI4(config.address_bits, config.bus_bits))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.sdram, m.submodules.chip = self.sdram, self.chip
        connect(m, flipped(self.bus), self.sdram.bus)
        ours, theirs = self.sdram.pins, self.chip.pins
        for name in ("cke", "cs", "ras", "cas", "we", "ba", "a", "dqm", "dq_o", "dq_oe"):
            signal = getattr(ours, name)
            for i in range(self.io_cycles):
                later = Signal.like(signal, name=f"{name}_{i}", init=signal.init)
                m.d.sync += later.eq(signal)
                signal = later
            m.d.comb += getattr(theirs, name).eq(signal)
        m.d.comb += ours.dq_i.eq(theirs.dq_i)
        return m


def run(dut, initiators, *, limit=60_000, also=(), until=None):
    """Run until all initiators are idle, and everything that lasts longer has had a while."""
    sim = Simulator(dut)
    sim.add_clock(1e-6)
    for initiator in initiators:
        sim.add_testbench(initiator.run, background=True)
    for process in also:
        sim.add_testbench(process, background=True)

    async def wait(ctx):
        for _ in range(limit):
            await ctx.tick()
            if until() if until else all(initiator.idle for initiator in initiators):
                return
        raise AssertionError(f"not done in {limit} cycles")

    sim.add_testbench(wait)
    sim.run()


def serve(system, bursts, **options):
    """One initiator issues bursts to the system, once that is awake."""
    initiator = Initiator(system.bus, Contents(), stall=options.pop("stall", 0.0), seed=options.pop("seed", 0))
    initiator.begin = options.pop("begin", 3 * system.sdram.cycles.refi)
    initiator.todo.extend(bursts)
    run(system, [initiator], **options)
    assert all(burst.done for burst in bursts)


def write(rng: random.Random, width: int, address: int, length: int, *, full=True, **rest) -> Burst:
    """A write of random data; not ``full``: with random strobes."""
    strobe = (1 << width) - 1
    beats = [(rng.getrandbits(8 * width), strobe if full else rng.getrandbits(width)) for _ in range(length)]
    return Burst(address, length, beats, **rest)
