# SPDX-License-Identifier: Apache-2.0
"""The address side of LOAD and STORE: whatever command, base and size, no burst outside the bounds, none illegal."""

import pytest
from amaranth.hdl import Assert, Assume, Cover, Module, Signal
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped

from celosia.arch.config import preset
from celosia.arch.isa import Transfer
from celosia.gateware.control.dma.bursts import BURST_BEATS, Bursts, burst_layout
from support.axi_rules import Stable

from .proving import check, reach, started

CONFIG = preset("c16").replace(name="proved", address_bits=20)
UNIT = CONFIG.bus_bytes
DEPTH = 11  # the third burst, of one row or of several


class Bounded(Component):
    """Free commands and bounds in front of :class:`Bursts`.

    Parameters
    ----------
    slack:
        Bytes behind the bounds that may be touched; less than 0 makes the proof fail.
    """

    def __init__(self, *, slack: int = 0):
        self.slack = slack
        super().__init__(
            {
                "start": In(1),
                "transfer": In(Transfer),
                "base": In(32),
                "size": In(32),
                "abort": In(1),
                "burst": Out(stream.Signature(burst_layout(CONFIG))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        started(m)
        m.submodules.bursts = bursts = Bursts(CONFIG, limit=4)
        connect(m, bursts.burst, flipped(self.burst))
        idle = Signal(init=1)
        with m.If(idle):
            m.d.sync += idle.eq(~self.start)
        with m.Else():
            m.d.sync += idle.eq(bursts.exhausted & ~bursts.pending)
        m.d.comb += [
            bursts.idle.eq(idle),
            bursts.start.eq(self.start & idle),
            bursts.transfer.eq(self.transfer),
            bursts.external_base.eq(self.base),
            bursts.external_size.eq(self.size),
            bursts.abort.eq(self.abort),
        ]
        first, base, size = Signal(init=1), Signal(32), Signal(32)
        m.d.sync += [first.eq(0), base.eq(self.base), size.eq(self.size)]
        m.d.comb += [
            Assume(first | ((self.base == base) & (self.size == size))),
            Assume(self.transfer.row_bytes.any() & self.transfer.rows.any()),
        ]
        taken = Signal(2)
        m.d.sync += taken.eq(taken + (self.burst.valid & self.burst.ready))
        m.d.comb += Cover((taken == 2) & self.burst.valid & ~bursts.error)
        m.submodules.stable = Stable("burst", self.burst.valid, self.burst.ready, self.burst.payload.as_value())
        burst, page = self.burst, (4096 // UNIT - 1).bit_length()
        begin, end = Signal(34), Signal(34)
        m.d.comb += [begin.eq(burst.payload.beat * UNIT), end.eq(begin + (burst.payload.length + 1) * UNIT)]
        rules = {
            "before EXTERNAL_BASE": begin >= self.base,
            "behind EXTERNAL_SIZE": end <= self.base + self.size + self.slack,
            "behind the address space": end <= 1 << CONFIG.address_bits,
            "too many beats": burst.payload.length < BURST_BEATS,
            "crosses 4 KiB": burst.payload.beat[:page] + burst.payload.length < 1 << page,
        }
        m.d.sync += [Assert(~burst.valid | holds, what) for what, holds in rules.items()]
        return m


def test_no_burst_outside_the_bounds(tmp_path):
    check(Bounded(), tmp_path, depth=DEPTH)


def test_the_proof_reaches_a_third_burst(tmp_path):
    reach(Bounded(), tmp_path, depth=DEPTH)


def test_the_proof_notices_a_row_behind_the_bounds(tmp_path):
    with pytest.raises(AssertionError, match="not proved"):
        check(Bounded(slack=-UNIT), tmp_path, depth=DEPTH)
