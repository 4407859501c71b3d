# SPDX-License-Identifier: Apache-2.0
"""The whole link from line to line."""

import pytest
from amaranth.sim import Simulator

from celosia.arch.config import preset
from celosia.arch.link import LINK_IDENTITY, LINK_VERSION, Info, Status
from celosia.gateware.link import Link
from gateware.link.wire import INFO, OPEN, READ, WRITE, Target, Wire, answers, request, stuff
from support.refusal import refused

CONFIG = preset("c16")
CLOCK, BAUD = 1_000_000, 250_000


def talk(line: bytes, *, external=0, buffer=512) -> tuple[bytes, Target]:
    """What a link answers to a line, and its control bus."""
    dut = Link(CONFIG, clock_hz=CLOCK, baud=BAUD, external_bytes=external, buffer_bytes=buffer)
    wire, target = Wire(dut, CLOCK / BAUD), Target(dut.control)

    async def main(ctx):
        await wire.send(ctx, line)
        quiet, heard = 0, 0
        while quiet < 800:  # 20 bytes
            await ctx.tick()
            quiet, heard = (quiet + 1 if len(wire.received) == heard else 0), len(wire.received)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(target.run, background=True)
    sim.add_testbench(wire.listen, background=True)
    sim.add_testbench(main)
    sim.run()
    return bytes(wire.received), target


def test_requests_behind_each_other_and_behind_garbage():
    write = stuff(request(9, 0, WRITE, 2, 0x20, [0x01020304, 0]))
    line = b"\x55\xaa\0" + stuff(request(7, 1, INFO, 6, 0)) + stuff(request(9, 5, OPEN, 0, 0))
    line += write + b"\0\0" + write[: len(write) // 2] + b"\0" + write
    damaged = bytearray(stuff(request(9, 1, WRITE, 1, 0x24, [1])))
    damaged[-3] ^= 1
    line += damaged + stuff(request(9, 2, WRITE, 1, 0x24, [2])) + stuff(request(0, 200, READ, 3, 0x1C))
    received, target = talk(line)
    info = [LINK_IDENTITY << 16 | LINK_VERSION, CLOCK, 0, 512, CONFIG.hash & 0xFFFFFFFF, CONFIG.hash >> 32]
    assert len(info) == len(Info)
    assert answers(received) == [
        (7, 1, info, 0, Status.OK),
        (9, 5, [], 0, Status.OK),
        (9, 0, [], 1, Status.OK),
        (9, 0, [], 1, Status.OK),
        (9, 2, [], 1, Status.OUT_OF_ORDER),
        (0, 200, [0, 0x01020304, 0], 1, Status.OK),
    ]
    assert target.writes == [(0x20, 0x01020304), (0x24, 0)]


def test_a_frame_too_long_for_the_buffer_is_lost_and_no_other():
    line = stuff(request(9, 5, OPEN, 0, 0)) + stuff(request(9, 0, WRITE, 20, 0x20, range(20)))
    line += stuff(request(9, 0, WRITE, 1, 0x20, [7]))
    received, target = talk(line, buffer=64)
    assert answers(received) == [(9, 5, [], 0, Status.OK), (9, 0, [], 1, Status.OK)]
    assert target.writes == [(0x20, 7)]


@pytest.mark.parametrize("external", [-4, 2, 1 << 32])
def test_external_memory_is_whole_words(external):
    def make():
        Link(CONFIG, clock_hz=CLOCK, baud=BAUD, external_bytes=external)

    refused(make, "external_bytes must be a multiple of 4")
