# SPDX-License-Identifier: Apache-2.0
"""Every body of the block RAMs against a list of words."""

import random
from itertools import pairwise

import pytest
from amaranth.hdl import Fragment
from amaranth.sim import Simulator

from celosia.gateware.family import Device, Family, SimulatedPlatform
from celosia.gateware.memory.blocks import banks_of, pieces_of
from celosia.gateware.memory.ram import Ram, SimpleRam
from celosia.gateware.primitives.ecp5_ram import DP16KD
from support.refusal import refused

FAMILIES = [Family.PORTABLE, Family.ECP5, Family.GOWIN, Family.ICE40]


def simulate(dut, family, bench):
    sim = Simulator(Fragment.get(dut, SimulatedPlatform(Device(family, simulated=True))))
    sim.add_clock(1e-6)
    sim.add_testbench(bench)
    sim.run()


def written(word, value, enables, granule):
    """``word`` with the granules of ``value`` whose bit is set."""
    mask = sum(((1 << granule) - 1) << granule * i for i in range(enables.bit_length()) if enables >> i & 1)
    return word & ~mask | value & mask


class Places:
    """Addresses that meet often, on both sides of every bank's border, but never twice in one cycle."""

    def __init__(self, rng, words):
        self.rng = rng
        self.likely = [a for a in range(words) if a % 512 in (0, 511)] + [words - 1, *range(4)]

    def two(self):
        return self.rng.sample(sorted(set(self.likely)), 2)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.value)
@pytest.mark.parametrize(("words", "word_bytes", "way"), [(1024 + 512, 2, 0), (2048 + 100, 3, 1), (5, 4, 0)])
def test_ram(family, words, word_bytes, way):
    dut = Ram(words, word_bytes, way=way)
    rng = random.Random(words)
    places = Places(rng, words)

    async def bench(ctx):
        content = {}
        expected = []  # a cycle's words on both ports, None if there was no read
        for t in range(600):
            a, b = places.two()
            a_read, b_read = rng.random() < 0.7, rng.random() < 0.4
            enables = 0 if b_read else rng.getrandbits(word_bytes)
            value = rng.getrandbits(8 * word_bytes)
            for name, setting in (
                ("a_read", a_read), ("a_address", a), ("b_read", b_read), ("b_address", b), ("b_write", enables),
                ("b_write_data", value),
            ):  # fmt: skip
                ctx.set(getattr(dut, name), setting)
            expected.append((content.get(a, 0) if a_read else None, content.get(b, 0) if b_read else None))
            content[b] = written(content.get(b, 0), value, enables, 8)
            if t >= dut.latency:
                for word, port in zip(expected[t - dut.latency], (dut.a_data, dut.b_data), strict=True):
                    assert word is None or ctx.get(port) == word
            await ctx.tick()

    simulate(dut, family, bench)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.value)
@pytest.mark.parametrize(
    ("words", "bits", "options"),
    [
        (16384 + 4096 + 512, 16, {"granule": 8, "way": (2, 1), "exclusive": True}),
        (3072, 72, {"granule": 8}),
        (512, 100, {}),
        (700, 8, {"granule": 4}),
    ],
)
def test_simple_ram(family, words, bits, options):
    dut = SimpleRam(words, bits, **options)
    rng = random.Random(words)
    places = Places(rng, words)
    granule = options.get("granule", bits)

    async def bench(ctx):
        content, expected = {}, []
        for t in range(600):
            where, at = places.two()
            read = rng.random() < 0.6
            enables = rng.getrandbits(bits // granule) if not (read and dut.exclusive) else 0
            value = rng.getrandbits(bits)
            for name, setting in (
                ("read", read), ("read_address", where), ("write", enables), ("write_address", at),
                ("write_data", value),
            ):  # fmt: skip
                ctx.set(getattr(dut, name), setting)
            expected.append(content.get(where) if read else None)
            content[at] = written(content.get(at, 0), value, enables, granule)
            if t >= dut.latency and expected[t - dut.latency] is not None:
                assert ctx.get(dut.data) == expected[t - dut.latency]
            await ctx.tick()

    simulate(dut, family, bench)


def test_fewest_blocks():
    """The memories of c256 in ECP5's blocks: (words, bits, bits with an enable of their own) and how many."""

    def blocks(words, bits, granule, widths):
        result = 0
        for bank in banks_of(words, widths):
            pieces = len(pieces_of(bits, granule, min(9, bank.width)))
            result += -(-pieces // max(1, bank.width // 9))
        return result

    widths = {depth: width for width, depth in DP16KD.depths.items()}
    assert blocks(8704, 256, 8, widths) == 136  # weights
    assert blocks(3072, 72, 8, widths) == 14  # parameters
    assert blocks(512, 512, 512, widths) == 15  # accumulators
    assert blocks(512, 128, 128, widths) == 4  # delay line


def test_banks_cover_the_memory():
    widths = {depth: width for width, depth in DP16KD.depths.items()}
    for words in (1, 512, 513, 3000, 8704, 16384, 40000):
        banks = banks_of(words, widths)
        assert banks[0].first == 0
        assert all(b.first == a.first + a.depth and b.first % b.depth == 0 for a, b in pairwise(banks))
        assert 0 <= banks[-1].first + banks[-1].depth - words < 512


def test_wrong_sizes():
    refused(lambda: DP16KD(8), "width must be one of 36, 18, 9, 4, 2, 1, not 8")
    refused(lambda: SimpleRam(16, 72, granule=7), "granule must divide the word's 72 bits, not 7")
