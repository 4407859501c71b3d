# SPDX-License-Identifier: Apache-2.0
"""Initiators of the local bus for test benches."""

__all__ = ["beats", "fetch", "transfer"]


async def transfer(ctx, bus, writes):
    """Write (address, data, bytes) beats on a local bus, one a cycle."""
    for address, value, size in writes:
        ctx.set(bus.request.payload.address, address)
        ctx.set(bus.request.payload.data, value)
        ctx.set(bus.request.payload.strobe, (1 << size) - 1)
        ctx.set(bus.request.payload.write, 1)
        ctx.set(bus.request.valid, 1)
        await ctx.tick().until(bus.request.ready)
    ctx.set(bus.request.valid, 0)


async def fetch(ctx, bus, size: int, beat: int) -> bytes:
    """Read ``size`` bytes over a local bus."""
    result = b""
    for address in range(0, size, beat):
        ctx.set(bus.request.payload.address, address)
        ctx.set(bus.request.payload.write, 0)
        ctx.set(bus.request.valid, 1)
        await ctx.tick().until(bus.request.ready)
        ctx.set(bus.request.valid, 0)
        (word,) = await ctx.tick().sample(bus.data).until(bus.valid)
        result += word.to_bytes(beat, "little")
    return result


def beats(data: bytes, beat: int):
    return [(i, int.from_bytes(data[i : i + beat], "little"), beat) for i in range(0, len(data), beat)]
