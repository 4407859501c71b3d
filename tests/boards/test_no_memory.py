# SPDX-License-Identifier: Apache-2.0
"""Every transaction on a bus that leads nowhere is answered, with an error, once."""

from amaranth.sim import Simulator
from hypothesis import given, settings
from hypothesis import strategies as st

from celosia.arch.config import preset
from celosia.boards.no_memory import DECERR, NoMemory

WRITE, READ = "write", "read"
PATIENCE = 400  # cycles for any transaction


def run(*benches):
    dut = NoMemory(preset("c16"))
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    for bench in benches:

        async def on_bus(ctx, bench=bench):
            await bench(ctx, dut.bus)

        simulator.add_testbench(on_bus)
    simulator.run()


async def wait(ctx, signal):
    for _ in range(PATIENCE):
        *_, value = await ctx.tick().sample(signal)
        if value:
            return
    raise AssertionError(f"{signal.name} stays low")


async def stall(ctx, cycles):
    for _ in range(cycles):
        await ctx.tick()


async def write(ctx, bus, identity, beats, idle):
    ctx.set(bus.awid, identity)
    ctx.set(bus.awlen, beats - 1)
    ctx.set(bus.awvalid, 1)
    await wait(ctx, bus.awready)
    ctx.set(bus.awvalid, 0)
    for beat in range(beats):
        await stall(ctx, idle)
        ctx.set(bus.wlast, beat == beats - 1)
        ctx.set(bus.wvalid, 1)
        await wait(ctx, bus.wready)
        ctx.set(bus.wvalid, 0)
    await stall(ctx, idle)
    ctx.set(bus.bready, 1)
    answer = await response(ctx, bus, "b")
    ctx.set(bus.bready, 0)
    assert answer == (identity, DECERR)


async def response(ctx, bus, channel):
    """Identity and response of the transfer that comes next on a channel whose ready is high."""
    valid, identity, answer = (getattr(bus, channel + name) for name in ("valid", "id", "resp"))
    for _ in range(PATIENCE):
        *_, there, who, what = await ctx.tick().sample(valid, identity, answer)
        if there:
            return who, what
    raise AssertionError(f"no answer on {channel}")


async def read(ctx, bus, identity, beats, idle):
    ctx.set(bus.arid, identity)
    ctx.set(bus.arlen, beats - 1)
    ctx.set(bus.arvalid, 1)
    await wait(ctx, bus.arready)
    ctx.set(bus.arvalid, 0)
    for beat in range(beats):
        await stall(ctx, idle)
        ctx.set(bus.rready, 1)
        for _ in range(PATIENCE):
            *_, there, who, what, last = await ctx.tick().sample(bus.rvalid, bus.rid, bus.rresp, bus.rlast)
            if there:
                break
        else:
            raise AssertionError("no beat comes")
        ctx.set(bus.rready, 0)
        assert (who, what, last) == (identity, DECERR, beat == beats - 1)


TRANSACTIONS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([1, 2, 3, 16, 256]), st.integers(0, 2)), min_size=1, max_size=3
)


@settings(max_examples=10)
@given(TRANSACTIONS, TRANSACTIONS)
def test_reads_and_writes_side_by_side_get_as_many_answers_as_they_ask_for(writes, reads):
    async def writer(ctx, bus):
        for each in writes:
            await write(ctx, bus, *each)
        for _ in range(3):
            assert not ctx.get(bus.bvalid)
            await ctx.tick()

    async def reader(ctx, bus):
        for each in reads:
            await read(ctx, bus, *each)
        for _ in range(3):
            assert not ctx.get(bus.rvalid)
            await ctx.tick()

    run(writer, reader)
