# SPDX-License-Identifier: Apache-2.0
"""Two initiators on one memory: data, IDs, fairness, and answers in another order than the questions."""

import random

from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, connect, flipped
from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.gateware.interfaces import AXI4
from celosia.gateware.sdram.arbiter import AXI4Arbiter
from gateware.sdram.bench import NARROW, SIZE, WIDE, System, run, write
from gateware.sdram.initiator import Burst, Contents, Initiator
from gateware.sdram.test_sdram import draw, speed


class Shared(Component):
    """Two initiators' buses, an arbiter, and a controller with its chip."""

    a: "AXI4"
    b: "AXI4"

    def __init__(self, config):
        self.config, self.system = config, System(config)
        signature = AXI4(config.address_bits, config.bus_bits)
        super().__init__({"a": In(signature), "b": In(signature)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.system = self.system
        m.submodules.arbiter = arbiter = AXI4Arbiter(self.config)
        connect(m, flipped(self.a), arbiter.a)
        connect(m, flipped(self.b), arbiter.b)
        connect(m, arbiter.target, self.system.bus)
        return m


def serve(shared: Shared, bursts_of_a, bursts_of_b, *, stall=0.0, seed=0):
    contents = Contents()
    buses = ((shared.a, bursts_of_a), (shared.b, bursts_of_b))
    initiators = [Initiator(bus, contents, stall=stall, seed=seed + i) for i, (bus, _) in enumerate(buses)]
    for initiator, (_, bursts) in zip(initiators, buses, strict=True):
        initiator.begin = 3 * shared.system.sdram.cycles.refi
        initiator.todo.extend(bursts)
    run(shared, initiators)
    assert all(burst.done for burst in [*bursts_of_a, *bursts_of_b])


@settings(max_examples=4)
@given(config=st.sampled_from([WIDE, NARROW]), seed=st.integers(0, 1 << 20), stall=st.sampled_from([0.0, 0.3, 0.7]))
def test_random_traffic_of_two(config, seed, stall):
    rng = random.Random(seed)
    bursts = [[draw(rng, config.bus_bytes) for _ in range(12)] for _ in range(2)]
    serve(Shared(config), *bursts, stall=stall, seed=seed)


def test_both_get_their_share():
    """Of the reads, and of the writes, each initiator's go on as fast as the other's, and all of them fast, although
    the two work in different rows of one bank."""
    rng = random.Random(1)
    reads = [[Burst(place + base, 16) for place in range(0, 4096, 128)] for base in (0, SIZE // 4)]
    writes = [[write(rng, 8, place + base, 16) for place in range(0, 4096, 128)] for base in (SIZE // 2, SIZE * 3 // 4)]
    for mine, theirs in (reads, writes):
        serve(Shared(WIDE), mine, theirs)
        assert speed([*mine, *theirs], 8) > 0.85
        for i in range(4, len(mine) - 4):
            assert abs(mine[i].cycles[-1] - theirs[i].cycles[-1]) < 5 * 16 * 4


def test_answers_of_the_two_may_overtake_each_other():
    """A target that answers ``b`` first; each gets its own data, with its own IDs."""
    dut = AXI4Arbiter(WIDE)
    asked, got = [], {"a": [], "b": []}

    async def target(ctx):
        bus = dut.target
        ctx.set(bus.arready, 1)
        async for _, _, valid, identity, address in ctx.tick().sample(bus.arvalid, bus.arid, bus.araddr):
            if valid:
                asked.append((identity, address))
            if len(asked) == 6:
                break
        for identity, address in sorted(asked, key=lambda pair: -pair[0]):
            for name, value in {"rvalid": 1, "rid": identity, "rdata": address, "rlast": 1}.items():
                ctx.set(getattr(bus, name), value)
            while not (await ctx.tick().sample(bus.rready))[2]:
                pass
        ctx.set(bus.rvalid, 0)

    def asker(bus, addresses):
        async def ask(ctx):
            ctx.set(bus.rready, 1)
            ctx.set(bus.arvalid, 1)
            for i, address in enumerate(addresses):
                ctx.set(bus.araddr, address)
                ctx.set(bus.arid, i % 2)
                while not (await ctx.tick().sample(bus.arready))[2]:
                    pass
            ctx.set(bus.arvalid, 0)

        return ask

    def taker(bus, words):
        async def take(ctx):
            async for _, _, valid, identity, word in ctx.tick().sample(bus.rvalid, bus.rid, bus.rdata):
                if valid:
                    words.append((identity, word))
                if len(words) == 3:
                    return

        return take

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(target)
    for name, addresses in {"a": [8, 16, 24], "b": [808, 816, 824]}.items():
        sim.add_testbench(asker(getattr(dut, name), addresses))
        sim.add_testbench(taker(getattr(dut, name), got[name]))
    sim.run_until(1e-3)
    assert got == {"a": [(0, 8), (1, 16), (0, 24)], "b": [(0, 808), (1, 816), (0, 824)]}
    assert {identity for identity, address in asked if address < 800} == {0}
