# SPDX-License-Identifier: Apache-2.0
"""Python models of what is at the other end of the control side's buses. Each runs as a background test bench.

All outputs change right after a clock edge; every model can stall at random and checks its initiator's
protocol as it goes.
"""

import random
from collections import deque

from celosia.arch.registers import Register

OKAY, SLVERR = 0, 2


class Stable:
    """Checks that what a stream offers stays until it is taken."""

    def __init__(self, name: str):
        self.name, self.offered = name, None

    def check(self, valid, ready, *payload):
        if self.offered is not None:
            assert (valid, payload) == (1, self.offered), f"{self.name}: withdrew or changed {self.offered}"
        self.offered = payload if valid and not ready else None


class AxiMemory:
    """An AXI4 memory: in order, with latency, stalls and addresses that answer with an error."""

    def __init__(self, bus, size: int, *, latency=1, stall=0.0, seed=0, errors=range(0), mute=False):
        self.bus, self.bytes, self.latency, self.stall = bus, bytearray(size), latency, stall
        self.rng, self.errors, self.mute = random.Random(seed), errors, mute
        self.reads, self.writes = [], []  # (address, beats)
        self.read_cycles, self.write_cycles = [], []  # cycles in which a beat passed
        self.width = len(bus.wdata) // 8
        self.open = 0  # bursts not completed

    def _go(self):
        return not self.mute and self.rng.random() >= self.stall

    def _burst(self, kind, address, length, size, burst):
        beats = length + 1
        assert beats <= 64
        assert burst == 1
        assert 1 << size == self.width
        assert address % self.width == 0
        assert address >> 12 == (address + beats * self.width - 1) >> 12, "a burst crosses 4 KiB"
        self.open += 1
        (self.reads if kind == "r" else self.writes).append((address, beats))

    async def run(self, ctx):
        bus, width = self.bus, self.width
        pending, answers = deque(), deque()  # beats to read: (cycle, address, last); responses: (cycle, resp)
        addresses, words = deque(), deque()
        beat = response = None
        cycle = 0
        stable = {name: Stable(f"{name} channel") for name in ("ar", "aw", "w")}
        while True:
            arready, awready, wready = self._go(), self._go(), self._go()
            if beat is None and pending and pending[0][0] <= cycle and self._go():
                beat = pending.popleft()
            if response is None and answers and answers[0][0] <= cycle and self._go():
                response = answers.popleft()
            ctx.set(bus.arready, arready)
            ctx.set(bus.awready, awready)
            ctx.set(bus.wready, wready)
            ctx.set(bus.rvalid, beat is not None)
            if beat is not None:
                _, address, last = beat
                ctx.set(bus.rdata, int.from_bytes(self.bytes[address : address + width], "little"))
                ctx.set(bus.rlast, last)
                ctx.set(bus.rresp, SLVERR if address in self.errors else OKAY)
            ctx.set(bus.bvalid, response is not None)
            if response is not None:
                ctx.set(bus.bresp, response[1])
            (
                _, _, arvalid, araddr, arlen, arsize, arburst, awvalid, awaddr, awlen, awsize, awburst,
                wvalid, wdata, wstrb, wlast, rready, bready,
            ) = await ctx.tick().sample(
                bus.arvalid, bus.araddr, bus.arlen, bus.arsize, bus.arburst,
                bus.awvalid, bus.awaddr, bus.awlen, bus.awsize, bus.awburst,
                bus.wvalid, bus.wdata, bus.wstrb, bus.wlast, bus.rready, bus.bready,
            )  # fmt: skip
            stable["ar"].check(arvalid, arready, araddr, arlen)
            stable["aw"].check(awvalid, awready, awaddr, awlen)
            stable["w"].check(wvalid, wready, wdata, wstrb, wlast)
            if arvalid and arready:
                self._burst("r", araddr, arlen, arsize, arburst)
                for i in range(arlen + 1):
                    pending.append((cycle + self.latency, araddr + i * width, i == arlen))
            if awvalid and awready:
                self._burst("w", awaddr, awlen, awsize, awburst)
                addresses.append((awaddr, awlen + 1, False))
            if wvalid and wready:
                self.write_cycles.append(cycle)
                words.append((wdata, wstrb, wlast))
            while addresses and words:
                self._store(addresses, words, answers, cycle)
            if beat is not None and rready:
                self.read_cycles.append(cycle)
                self.open -= beat[2]
                beat = None
            if response is not None and bready:
                self.open -= 1
                response = None
            cycle += 1

    def _store(self, addresses, words, answers, cycle):
        address, left, bad = addresses[0]
        wdata, wstrb, wlast = words.popleft()
        assert wlast == (left == 1), "wlast is not at the end of the burst"
        for i in range(self.width):
            if wstrb >> i & 1 and address not in self.errors:
                self.bytes[address + i] = wdata >> 8 * i & 0xFF
        bad |= address in self.errors
        addresses[0] = address + self.width, left - 1, bad
        if wlast:
            addresses.popleft()
            answers.append((cycle + self.latency, SLVERR if bad else OKAY))


class LocalMemory:
    """The target of a local bus: memories by space, with stalls and a random latency of reads."""

    def __init__(self, bus, sizes: dict[int, int], *, latency=(1, 3), stall=0.0, seed=0, name="local"):
        self.bus, self.latency, self.stall = bus, latency, stall
        self.bytes = {space: bytearray(size) for space, size in sizes.items()}
        self.rng, self.width, self.name = random.Random(seed), len(bus.data) // 8, name
        self.beats = []  # (cycle, write)

    async def run(self, ctx):
        bus, width = self.bus, self.width
        request = bus.request
        fields = request.payload
        stable, answers, cycle = Stable(self.name), deque(), 0
        while True:
            ready = self.rng.random() >= self.stall
            ctx.set(request.ready, ready)
            answer = answers.popleft()[1] if answers and answers[0][0] <= cycle else None
            ctx.set(bus.valid, answer is not None)
            ctx.set(bus.data, self.rng.getrandbits(8 * width) if answer is None else answer)
            _, _, valid, space, address, write, word, strobe = await ctx.tick().sample(
                request.valid, fields.space.as_value(), fields.address, fields.write, fields.data, fields.strobe
            )
            stable.check(valid, ready, space, address, write, strobe, word if write else None)
            if valid and ready:
                memory = self.bytes[space]
                assert address in range(0, len(memory), width), f"{self.name}: {address:#x}"
                self.beats.append((cycle, write))
                if write:
                    for i in range(width):
                        if strobe >> i & 1:
                            memory[address + i] = word >> 8 * i & 0xFF
                else:
                    value = int.from_bytes(memory[address : address + width], "little")
                    answers.append((cycle + self.rng.randint(*self.latency), value))
            cycle += 1


class Host:
    """Drives AXI4-Lite as a host does, and notes how many cycles it took."""

    def __init__(self, bus, *, seed=0, stall=0.0):
        self.bus, self.rng, self.stall, self.cycles = bus, random.Random(seed), stall, 0

    async def tick(self, ctx, *signals):
        self.cycles += 1
        return (await ctx.tick().sample(*signals))[2:]

    async def _hold(self, ctx):
        while self.rng.random() < self.stall:
            await self.tick(ctx)

    async def write(self, ctx, address: int, value: int, strobe: int = 0xF):
        bus = self.bus
        ctx.set(bus.awaddr, address)
        ctx.set(bus.wdata, value)
        ctx.set(bus.wstrb, strobe)
        first = self.rng.choice(("aw", "w", "both")) if self.stall else "both"
        ctx.set(bus.awvalid, first != "w")
        ctx.set(bus.wvalid, first != "aw")
        address_done = word_done = False
        ctx.set(bus.bready, self.rng.random() >= self.stall)
        while True:
            awready, awvalid, wready, wvalid, bvalid, bready, bresp = await self.tick(
                ctx, bus.awready, bus.awvalid, bus.wready, bus.wvalid, bus.bvalid, bus.bready, bus.bresp
            )
            assert not bvalid or (address_done and word_done), "a response without a request"
            address_done |= bool(awready and awvalid)
            word_done |= bool(wready and wvalid)
            if bvalid and bready:
                break
            ctx.set(bus.awvalid, not address_done and (bool(awvalid) or self.rng.random() >= self.stall))
            ctx.set(bus.wvalid, not word_done and (bool(wvalid) or self.rng.random() >= self.stall))
            ctx.set(bus.bready, self.rng.random() >= self.stall)
        ctx.set(bus.bready, 0)
        assert bresp == OKAY
        await self._hold(ctx)

    async def read(self, ctx, address: int) -> int:
        bus = self.bus
        ctx.set(bus.araddr, address)
        ctx.set(bus.arvalid, 1)
        accepted = False
        held = None
        ctx.set(bus.rready, self.rng.random() >= self.stall)
        while True:
            arready, arvalid, rvalid, rready, rdata, rresp = await self.tick(
                ctx, bus.arready, bus.arvalid, bus.rvalid, bus.rready, bus.rdata, bus.rresp
            )
            assert not rvalid or accepted, "a response without a request"
            assert held is None or (rvalid and rdata == held), "a response changed"
            held = rdata if rvalid else None
            accepted |= bool(arready and arvalid)
            if rvalid and rready:
                break
            ctx.set(bus.arvalid, not accepted)
            ctx.set(bus.rready, self.rng.random() >= self.stall)
        ctx.set(bus.rready, 0)
        assert rresp == OKAY
        await self._hold(ctx)
        return rdata

    async def write_block(self, ctx, address: int, content: bytes):
        for i in range(0, len(content), 4):
            await self.write(ctx, address + i, int.from_bytes(content[i : i + 4], "little"))

    async def wait(self, ctx, interrupt, limit: int):
        for _ in range(limit):
            (high,) = await self.tick(ctx, interrupt)
            if high:
                return
        raise AssertionError(f"no interrupt in {limit} cycles, STATUS is {await self.read(ctx, Register.STATUS)}")
